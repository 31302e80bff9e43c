// The consumers of the queues. Each message carries a version, so all are idempotent; a message that fails is tried again by
// the platform and ends in its dead-letter queue, whose consumer only says so: the objects hold the truth, the sweep repairs.
import type { ChangeEvent, Delivery } from "../src/contracts/objects/events.ts";
import type { IntakeBell } from "../src/contracts/objects/intake.ts";
import { project } from "../src/store/projection.ts";
import type { Env } from "./env.ts";
import { database } from "./read-model.ts";
import { feedCalls, poolCalls, repoCalls } from "./stubs.ts";
import { drainRung } from "./intake/intake-consumer.ts";
import { report } from "./report.ts";

const retryDelaySecondsMax = 60;
/** Messages that fail one after another before the others are not even tried. */
const awayAfter = 3;

export async function consume(batch: MessageBatch, env: Env): Promise<void> {
	switch (batch.queue) {
		case "spillway-deliveries":
			return deliver(readable<Delivery>(batch), env);
		case "spillway-intake":
			return drainRung(readable<IntakeBell>(batch), env);
		case "spillway-events":
			return tellChanges(readable<ChangeEvent>(batch), env);
		default:
			for (const message of batch.messages) {
				const { id, body } = message;
				report({ event: "dead-letter", queue: batch.queue, id, about: subjectOf(body) });
				message.ack();
			}
	}
}

/** Those with the form of a message of ours. Others, which only a hand can have sent, are no better tomorrow. */
function readable<T extends Delivery | ChangeEvent | IntakeBell>({
	queue,
	messages,
}: MessageBatch): readonly Message<T>[] {
	return (messages as readonly Message<T>[]).filter((message) => {
		if (subjectOf(message.body) !== null) return true;
		report({ event: "message-unreadable", queue, id: message.id });
		message.ack();
		return false;
	});
}

/** The repository that a message is about; null: it is none of ours. */
function subjectOf(body: unknown): string | null {
	if (typeof body !== "object" || body === null) return null;
	const { demand, ask, ...event } = body as { demand?: unknown; ask?: unknown };
	for (const named of [demand, event, ask]) {
		const { owner, repo } = (named ?? {}) as { owner?: unknown; repo?: unknown };
		if (typeof owner === "string" && typeof repo === "string") return `${owner}/${repo}`;
	}
	return null;
}

/** Of several messages about one repository and pool, only the newest is delivered. */
async function deliver(messages: readonly Message<Delivery>[], env: Env): Promise<void> {
	const groups = Map.groupBy(messages, ({ body }) => {
		const { owner, repo, pool } = "demand" in body ? body.demand : body.ask;
		return JSON.stringify([owner, repo, pool, body.shard, "ask" in body]);
	});
	const told = [...groups.values()].map(async (group) => {
		const [newest] = group.toSorted((a, b) => versionOf(b.body) - versionOf(a.body));
		if (newest) await settle(group, () => deliverOne(newest.body, env));
	});
	await Promise.all(told);
}

function versionOf(delivery: Delivery): number {
	return "demand" in delivery ? delivery.demand.version : 0;
}

async function deliverOne(delivery: Delivery, env: Env): Promise<void> {
	const { shard } = delivery;
	const { owner, repo, pool } = "demand" in delivery ? delivery.demand : delivery.ask;
	const demand =
		"demand" in delivery ? delivery.demand : await repoCalls(env, { owner, repo }).demand({ pool, shard, known: 0 });
	if (demand !== null) await poolCalls(env, { owner, pool, shard }).demand(demand);
}

/** All together, which is one statement for each table. If that fails, each by itself: one that cannot be written holds up none. */
async function tellChanges(messages: readonly Message<ChangeEvent>[], env: Env): Promise<void> {
	const watchers = feed(messages, env);
	try {
		await write(messages, env);
		for (const message of messages) message.ack();
	} catch (cause) {
		if (messages.length > 1) await writeEach(messages, env);
		else await settle(messages, () => Promise.reject(cause));
	}
	await watchers;
}

/** After some failures in a row without a success the database is away, and all others wait for it too. */
async function writeEach(messages: readonly Message<ChangeEvent>[], env: Env): Promise<void> {
	let failures = 0;
	for (const message of messages) {
		if (failures >= awayAfter) message.retry({ delaySeconds: delayOf(message) });
		else if (await settle([message], () => write([message], env))) failures = 0;
		else failures++;
	}
}

async function write(messages: readonly Message<ChangeEvent>[], env: Env): Promise<void> {
	const events = await Promise.all(messages.map(({ body }) => (body.ask ? askFor(body, env) : body)));
	await project(database(env), events);
	await confirm(events, env);
}

/** What was more than a message holds, as its repository has it now. */
async function askFor(event: ChangeEvent, env: Env): Promise<ChangeEvent> {
	const { ask, ...rest } = event;
	const calls = repoCalls(env, event);
	const settings = ask?.repository ? await calls.settings() : null;
	const shown = ask?.run ? await calls.run(ask.run) : null;
	const repository = settings?.ok ? settings.value : null;
	if (!shown?.ok) return { ...rest, repository, run: null };
	const { jobs: _, ...run } = shown.value;
	return { ...rest, repository, run };
}

/** Each repository hears which beginnings and ends the read model now has; what lies between needs no confirmation. */
async function confirm(events: readonly ChangeEvent[], env: Env): Promise<void> {
	const groups = Map.groupBy(events, ({ owner, repo }) => `${owner}/${repo}`);
	const confirmed = [...groups.values()].map(async (changes) => {
		const [first] = changes;
		const repository = changes.some((change) => change.repository !== null);
		const runs = changes.flatMap(({ run }) => (run === null ? [] : [{ id: run.id, version: run.version }]));
		if (first) await repoCalls(env, first).projected({ repository, runs });
	});
	for (const result of await Promise.allSettled(confirmed)) {
		if (result.status === "rejected") {
			report({ event: "confirm-failed", cause: String(result.reason) });
		}
	}
}

/** Whoever follows a run was told directly; here it hears which version there is, and looks if that was lost. Never throws. */
async function feed(messages: readonly Message<ChangeEvent>[], env: Env): Promise<void> {
	const watched = messages.flatMap(({ body: { owner, repo, run, ask, watched } }) => {
		const id = run?.id ?? ask?.run;
		return !id || watched === false ? [] : [{ owner, repo, run: id, version: run?.version ?? 0 }];
	});
	const runs = Map.groupBy(watched, ({ owner, repo, run }) => `${owner}/${repo}/${run}`);
	const told = [...runs.values()].map(async (changes) => {
		const version = Math.max(...changes.map((change) => change.version));
		for (const name of changes.slice(0, 1)) await feedCalls(env, name).heard(version);
	});
	for (const result of await Promise.allSettled(told)) {
		if (result.status === "rejected") {
			report({ event: "feed-failed", cause: String(result.reason) });
		}
	}
}

/** Whether it was done. What was not is tried again, and in the end is a dead letter. */
async function settle(messages: readonly Message[], act: () => Promise<unknown>): Promise<boolean> {
	try {
		await act();
		for (const message of messages) message.ack();
		return true;
	} catch (cause) {
		report({ event: "message-failed", cause: String(cause) });
		for (const message of messages) message.retry({ delaySeconds: delayOf(message) });
		return false;
	}
}

function delayOf({ attempts }: Message): number {
	return Math.min(2 ** attempts, retryDelaySecondsMax);
}
