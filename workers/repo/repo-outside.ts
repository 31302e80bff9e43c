// What a repository's engine calls on this platform: objects over RPC, the two queues, runs in R2 and their rows in D1.
import type { RepositoryName } from "../../src/contracts/objects/objects.ts";
import { inTime } from "../../src/contracts/wire/in-time.ts";
import { Outage } from "../../src/contracts/wire/outage.ts";
import type { RunId } from "../../src/domain/ids.ts";
import { batchesOf } from "../../src/engine/message-bytes.ts";
import type { RepoOutside, RunStore } from "../../src/engine/repo/repo-ports.ts";
import { forgetRuns } from "../../src/store/expiry.ts";
import { numberOf } from "../env.ts";
import type { Env } from "../env.ts";
import { switchesNow } from "../switches/switches.ts";
import { noteLag } from "../bindings/projection-lag.ts";
import { database, noteBehind } from "../bindings/read-model.ts";
import { sealerOf } from "../bindings/sealing.ts";
import { stored } from "../bindings/stored.ts";
import { feedCalls, logCalls, ownerCalls, poolCalls } from "../bindings/stubs.ts";

/** A claim waits for no longer. */
const ownerAnswerMs = 1_000;

function notInTime(): never {
	throw new Outage("the owner's object did not answer in time");
}

export function repoOutside(env: Env): RepoOutside {
	return {
		pool: (shard) => poolCalls(env, shard),
		log: (name) => logCalls(env, name),
		feed: (name) => feedCalls(env, name),
		poolShards: () => numberOf(env, "POOL_SHARDS"),
		sendDeliveries: async (deliveries) => {
			for (const batch of batchesOf(deliveries)) await env.DELIVERIES.sendBatch(batch.map((body) => ({ body })));
		},
		sendChanges: async (changes) => {
			await env.EVENTS.sendBatch(changes.map((body) => ({ body })));
		},
		setBehind: (name, since) => noteBehind(env, name, since),
		mayArchive: () => switchesNow(env).archive,
		mayProject: () => switchesNow(env).project,
		noteLag: (name, since) => noteLag(name, since),
		archive: runStore(env),
		owner: (name) => {
			const calls = ownerCalls(env, name);
			return {
				secretsFor: (names) => inTime(calls.secretsFor(names), ownerAnswerMs, notInTime),
				dataKey: (call) => inTime(calls.dataKey(call), ownerAnswerMs, notInTime),
			};
		},
		sealer: sealerOf(() => env.SPILLWAY_SEALING_KEYS),
	};
}

export const archivedRunsPrefix = "runs/";

export function archivedRunKey({ owner, repo }: RepositoryName, run: RunId): string {
	return `${archivedRunsPrefix}${owner}/${repo}/${run}.json`;
}

export function runStore(env: Env): RunStore {
	return {
		put: async (name, run, text) => {
			const httpMetadata = { contentType: "application/json" };
			await stored(env.ARCHIVE.put(archivedRunKey(name, run), text, { httpMetadata }));
		},
		get: (name, run) => readRunText(env.ARCHIVE, name, run),
		delete: async (name, runs) => {
			await forgetRuns(database(env), runs);
			await stored(env.ARCHIVE.delete(runs.map((run) => archivedRunKey(name, run))));
		},
	};
}

export function readRunText(bucket: Pick<R2Bucket, "get">, name: RepositoryName, run: RunId): Promise<string | null> {
	return stored(bucket.get(archivedRunKey(name, run)).then((found) => found?.text() ?? null));
}
