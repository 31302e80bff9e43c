// The consumers of the queues. Each message carries a version, so all are idempotent; a message that fails is tried again by
// the platform and ends in its dead-letter queue, whose consumer only says so: the objects hold the truth, the sweep repairs.
import type { ChangeEvent, Delivery } from "../src/contracts/events.ts";
import { project } from "../src/store/projection.ts";
import type { Env } from "./env.ts";
import { database } from "./read-model.ts";
import { feedCalls, poolCalls, repoCalls } from "./stubs.ts";

const retryDelaySecondsMax = 60;

export async function consume(batch: MessageBatch, env: Env): Promise<void> {
	switch (batch.queue) {
		case "spillway-deliveries":
			return deliver(batch.messages as readonly Message<Delivery>[], env);
		case "spillway-events":
			return tellChanges(batch.messages as readonly Message<ChangeEvent>[], env);
		default:
			for (const message of batch.messages) {
				console.error(JSON.stringify({ event: "dead-letter", queue: batch.queue, id: message.id }));
				message.ack();
			}
	}
}

/** Of several messages about one repository and pool, only the newest is told. */
async function deliver(messages: readonly Message<Delivery>[], env: Env): Promise<void> {
	const groups = Map.groupBy(messages, ({ body: { shard, demand } }) => {
		const { owner, repo, pool } = demand;
		return JSON.stringify([owner, repo, pool, shard]);
	});
	const told = [...groups.values()].map(async (group) => {
		const newest = group.reduce((a, b) => (a.body.demand.version >= b.body.demand.version ? a : b)).body;
		const { owner, pool } = newest.demand;
		await settle(group, () => poolCalls(env, { owner, pool, shard: newest.shard }).demand(newest.demand));
	});
	await Promise.all(told);
}

async function tellChanges(messages: readonly Message<ChangeEvent>[], env: Env): Promise<void> {
	const events = messages.map(({ body }) => body);
	const told = async () => {
		await project(database(env), events);
		await confirm(events, env);
	};
	await Promise.all([settle(messages, told), feed(events, env)]);
}

/** Each repository hears which beginnings and ends the read model now has; what lies between is told without that. */
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
			console.error(JSON.stringify({ event: "confirm-failed", cause: String(result.reason) }));
		}
	}
}

/** Whoever follows a run was told directly; here it hears which version there is, and looks if that was lost. */
async function feed(events: readonly ChangeEvent[], env: Env): Promise<void> {
	const watched = events.flatMap(({ owner, repo, run, watched }) =>
		run === null || watched === false ? [] : [{ owner, repo, run: run.id, version: run.version }],
	);
	const runs = Map.groupBy(watched, ({ owner, repo, run }) => `${owner}/${repo}/${run}`);
	const told = [...runs.values()].map(async (changes) => {
		const version = Math.max(...changes.map((change) => change.version));
		for (const name of changes.slice(0, 1)) await feedCalls(env, name).heard(version);
	});
	for (const result of await Promise.allSettled(told)) {
		if (result.status === "rejected") {
			console.error(JSON.stringify({ event: "feed-failed", cause: String(result.reason) }));
		}
	}
}

async function settle(messages: readonly Message[], act: () => Promise<unknown>): Promise<void> {
	try {
		await act();
		for (const message of messages) message.ack();
	} catch (cause) {
		console.error(JSON.stringify({ event: "message-failed", cause: String(cause) }));
		for (const message of messages) {
			message.retry({ delaySeconds: Math.min(2 ** message.attempts, retryDelaySecondsMax) });
		}
	}
}
