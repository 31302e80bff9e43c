// The consumers of the queues. Each message carries a version, so all are idempotent; a message that fails is tried again by
// the platform and ends in its dead-letter queue, whose consumer only says so: the objects hold the truth, the sweep repairs.
import type { ChangeEvent, Delivery } from "../src/contracts/events.ts";
import { project } from "../src/store/projection.ts";
import type { Env } from "./env.ts";
import { database } from "./read-model.ts";
import { poolCalls } from "./stubs.ts";

const retryDelaySecondsMax = 60;

export async function consume(batch: MessageBatch, env: Env): Promise<void> {
	switch (batch.queue) {
		case "spillway-deliveries":
			return deliver(batch.messages as readonly Message<Delivery>[], env);
		case "spillway-events":
			return projectAll(batch.messages as readonly Message<ChangeEvent>[], env);
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

async function projectAll(messages: readonly Message<ChangeEvent>[], env: Env): Promise<void> {
	await settle(messages, () =>
		project(
			database(env),
			messages.map(({ body }) => body),
		),
	);
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
