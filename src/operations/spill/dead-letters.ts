// Dead letters: messages that were given up, for the operator to look at, send again or drop. No work hangs on them: its sender
// repeats what such a message said, or the sweep asks the repository to.
import type { KeptDeadLetter, DeadLetters, QueueName } from "../../contracts/objects/dead-letters.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { mayAsk } from "../access.ts";
import type { Caller } from "../access.ts";
import { noteAct } from "../act-notes.ts";
import type { NotePorts } from "../act-notes.ts";
import type { Deleted } from "../ports.ts";

/** Letters that one call sends again; the rest stands, and the answer says so. */
export const redrivenMax = 100;

/** As the store makes them: what is longer is no name that it could look up. */
const idPattern = /^dl[0-9a-z]{1,100}$/;

interface DeadLetterPorts extends NotePorts {
	deadLetters: DeadLetters;
}

export async function listDeadLetters(
	ports: Pick<DeadLetterPorts, "deadLetters">,
	caller: Caller,
	page: { limit: number; cursor: string | null },
): Promise<Result<{ items: KeptDeadLetter[]; next: string | null }>> {
	const may = mayAsk(caller, "listDeadLetters");
	return may.ok ? accept(await ports.deadLetters.list(page)) : may;
}

/** [Q10] Sent before it is dropped: one that stays by a fault is sent twice, and does it once. */
export async function redriveDeadLetter(
	ports: DeadLetterPorts,
	caller: Caller,
	id: string,
): Promise<Result<KeptDeadLetter>> {
	const may = mayAsk(caller, "redriveDeadLetter");
	const letter = may.ok ? await find(ports, id) : may;
	if (!letter.ok) return letter;
	await sendAgain(ports, letter.value);
	noteAct(ports, caller, { action: "dead-letter-redrive", owner: null, subject: id });
	return letter;
}

/** Those of one queue, or all, newest first. `more`: there were more than one call sends. */
export async function redriveDeadLetters(
	ports: DeadLetterPorts,
	caller: Caller,
	queue: QueueName | null,
): Promise<Result<{ redriven: number; more: boolean }>> {
	const may = mayAsk(caller, "redriveDeadLetters");
	if (!may.ok) return may;
	let [redriven, cursor] = [0, null as string | null];
	do {
		const { items, next } = await ports.deadLetters.list({ limit: redrivenMax, cursor });
		for (const letter of items) {
			if (queue !== null && letter.queue !== queue) continue;
			if (redriven === redrivenMax) return done(ports, caller, { queue, redriven, more: true });
			await sendAgain(ports, letter);
			redriven++;
		}
		cursor = next;
	} while (cursor !== null);
	return done(ports, caller, { queue, redriven, more: false });
}

export async function dropDeadLetter(ports: DeadLetterPorts, caller: Caller, id: string): Promise<Result<Deleted>> {
	const may = mayAsk(caller, "dropDeadLetter");
	if (!may.ok) return may;
	const letter = await find(ports, id);
	if (!letter.ok) return accept({ wasThere: false });
	await ports.deadLetters.remove(id);
	noteAct(ports, caller, { action: "dead-letter-drop", owner: null, subject: id });
	return accept({ wasThere: true });
}

async function find({ deadLetters }: DeadLetterPorts, id: string): Promise<Result<KeptDeadLetter>> {
	const letter = idPattern.test(id) ? await deadLetters.get(id) : null;
	return letter === null ? refuse({ code: "dead-letter-unknown" }) : accept(letter);
}

async function sendAgain({ deadLetters }: DeadLetterPorts, letter: KeptDeadLetter): Promise<void> {
	await deadLetters.send(letter);
	await deadLetters.remove(letter.id);
}

function done(
	ports: DeadLetterPorts,
	caller: Caller,
	{ queue, ...answer }: { queue: QueueName | null; redriven: number; more: boolean },
): Result<{ redriven: number; more: boolean }> {
	if (answer.redriven > 0) {
		const details = { ...(queue ? { queue } : {}), redriven: answer.redriven };
		noteAct(ports, caller, { action: "dead-letter-redrive", owner: null, details });
	}
	return accept(answer);
}
