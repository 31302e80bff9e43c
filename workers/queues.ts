// The consumers of the queues. Each message carries a version, so all are idempotent. A message that fails is tried again, later
// each time, and in the end kept as a dead letter: no work hangs on it, since the objects hold the truth and the sweep repairs.
import type { ChangeEvent, Delivery } from "../src/contracts/objects/events.ts";
import type { IntakeBell } from "../src/contracts/objects/intake.ts";
import { project } from "../src/store/projection.ts";
import type { Env } from "./env.ts";
import { database } from "./bindings/read-model.ts";
import { feedCalls, poolCalls, repoCalls } from "./bindings/stubs.ts";
import { drainRung } from "./intake/intake-consumer.ts";
import { keepDead, subjectOf, tryLater } from "./dead-letters/give-up.ts";
import { heedSwitches, switchesNow } from "./switches/switches.ts";
import { report } from "./report.ts";

/** Messages that fail one after another before the others are not even tried. */
const awayAfter = 3;

/** What a consumer works with: its bindings, and the queue that its messages came from. */
interface Source {
	env: Env;
	queue: string;
}

export async function consume(batch: MessageBatch, env: Env): Promise<void> {
	const source = { env, queue: batch.queue };
	await heedSwitches(env);
	switch (batch.queue) {
		case "spillway-deliveries":
			return deliver(await readable<Delivery>(batch, env), source);
		case "spillway-intake":
			return drainRung(bellsOf(batch), env);
		case "spillway-events":
			return tellChanges(await readable<ChangeEvent>(batch, env), source);
		default:
			await Promise.all(batch.messages.map((message) => keepDead(message, "its consumer died of it", source)));
	}
}

/** A bell that cannot be read rings for nobody. */
function bellsOf({ queue, messages }: MessageBatch): readonly Message<IntakeBell>[] {
	return (messages as readonly Message<IntakeBell>[]).filter((message) => {
		if (subjectOf(message.body) !== null) return true;
		report({ event: "message-unreadable", queue, id: message.id });
		message.ack();
		return false;
	});
}

/** Those with the form of a message of ours. Others, which only a hand can have sent, are no better tomorrow: they are kept at once. */
async function readable<T extends Delivery | ChangeEvent>(
	{ queue, messages }: MessageBatch,
	env: Env,
): Promise<readonly Message<T>[]> {
	const [good, bad] = [true, false].map((isGood) =>
		(messages as readonly Message<T>[]).filter(({ body }) => (subjectOf(body) !== null) === isGood),
	);
	for (const { id } of bad ?? []) report({ event: "message-unreadable", queue, id });
	await Promise.all((bad ?? []).map((message) => keepDead(message, "it has no form that is known", { queue, env })));
	return good ?? [];
}

/** Of several messages about one repository and pool, only the newest is delivered. */
async function deliver(messages: readonly Message<Delivery>[], source: Source): Promise<void> {
	const groups = Map.groupBy(messages, ({ body }) => {
		const { owner, repo, pool } = "demand" in body ? body.demand : body.ask;
		return JSON.stringify([owner, repo, pool, body.shard, "ask" in body]);
	});
	const told = [...groups.values()].map(async (group) => {
		const [newest] = group.toSorted((a, b) => versionOf(b.body) - versionOf(a.body));
		if (newest) await settle(group, () => deliverOne(newest.body, source.env), source);
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
async function tellChanges(messages: readonly Message<ChangeEvent>[], source: Source): Promise<void> {
	const watchers = tellFeeds(messages, source.env);
	if (!switchesNow(source.env).project) {
		// [M11] Unconfirmed, it is told again by its repository once it may be written.
		for (const message of messages) message.ack();
		return watchers;
	}
	try {
		await write(messages, source.env);
		for (const message of messages) message.ack();
	} catch (cause) {
		if (messages.length > 1) await writeEach(messages, source);
		else await settle(messages, () => Promise.reject(cause), source);
	}
	await watchers;
}

/** After some failures in a row without a success the database is away, and all others wait for it too. */
async function writeEach(messages: readonly Message<ChangeEvent>[], source: Source): Promise<void> {
	let failures = 0;
	for (const message of messages) {
		if (failures >= awayAfter) await tryLater(message, "the database was away", source);
		else if (await settle([message], () => write([message], source.env), source)) failures = 0;
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
async function tellFeeds(messages: readonly Message<ChangeEvent>[], env: Env): Promise<void> {
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

/** Whether it was done. What was not is tried again, and in the end kept as a dead letter. */
async function settle(messages: readonly Message[], act: () => Promise<unknown>, source: Source): Promise<boolean> {
	try {
		await act();
		for (const message of messages) message.ack();
		return true;
	} catch (cause) {
		report({ event: "message-failed", cause: String(cause) });
		await Promise.all(messages.map((message) => tryLater(message, cause, source)));
		return false;
	}
}
