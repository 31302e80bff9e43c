// What becomes of a message that a consumer could not deal with: it is tried again, later each time; after its last try it is kept
// as a dead letter, with the reason, which the platform's own dead-letter queue would not know.
import { triesMax } from "../../src/contracts/objects/dead-letters.ts";
import type { QueueName } from "../../src/contracts/objects/dead-letters.ts";
import type { Env } from "../env.ts";
import { countDeadLetter } from "../metrics.ts";
import { report } from "../report.ts";
import { deadLettersOf } from "./dead-letter-store.ts";

const delaySecondsMax = 60;
const reasonCharsMax = 500;
const causesMax = 5;

/** Of `spillway-events`, `spillway-events-dead`. */
export function queueNameOf(queue: string): QueueName {
	return queue.startsWith("spillway-events") ? "events" : "deliveries";
}

export function delayOf({ attempts }: Pick<Message, "attempts">): number {
	return Math.min(2 ** attempts, delaySecondsMax);
}

export async function tryLater(
	message: Message,
	cause: unknown,
	{ queue, env }: { queue: string; env: Env },
): Promise<void> {
	if (message.attempts < triesMax[queueNameOf(queue)]) message.retry({ delaySeconds: delayOf(message) });
	else await keepDead(message, reasonOf(cause), { queue, env });
}

/** [Q9] Kept before it is acknowledged. What cannot be kept now goes to the queue of dead letters, whose consumer tries again. */
export async function keepDead(
	message: Message,
	reason: string,
	{ queue, env }: { queue: string; env: Env },
): Promise<void> {
	const { id, body, attempts } = message;
	const name = queueNameOf(queue);
	const letter = { message: id, queue: name, at: message.timestamp.getTime(), tries: attempts, reason, body };
	try {
		await deadLettersOf(env).keep(letter);
		report({ event: "dead-letter", queue: name, id, about: subjectOf(body) });
		countDeadLetter({ queue: name });
		message.ack();
	} catch (cause) {
		report({ event: "dead-letter-unkept", queue: name, id, cause: String(cause) });
		message.retry({ delaySeconds: delaySecondsMax });
	}
}

/** The repository that a message is about; null: it is none of ours. */
export function subjectOf(body: unknown): string | null {
	if (typeof body !== "object" || body === null) return null;
	const { demand, ask, ...event } = body as { demand?: unknown; ask?: unknown };
	for (const named of [demand, event, ask]) {
		const { owner, repo } = (named ?? {}) as { owner?: unknown; repo?: unknown };
		if (typeof owner === "string" && typeof repo === "string") return `${owner}/${repo}`;
	}
	return null;
}

/** What went wrong at the bottom of it: a store's library wraps the error that says why. */
function reasonOf(cause: unknown): string {
	let deepest = cause;
	for (let depth = 0; depth < causesMax && deepest instanceof Error && deepest.cause !== undefined; depth++) {
		deepest = deepest.cause;
	}
	return String(deepest).slice(0, reasonCharsMax);
}
