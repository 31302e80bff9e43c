// What a simulated repository's engine calls outside itself: shards of pools that run the real engine, and logs, feeds, a read model
// and an archive that do what is said of them and no more. Each call is under way until somebody lets it arrive.
import type { ChangeEvent } from "../../contracts/objects/events.ts";
import type { Demand, DemandAnswer, PoolCalls } from "../../contracts/objects/objects.ts";
import type { LogCalls, LogClose } from "../../contracts/objects/log-calls.ts";
import type { OwnerCalls } from "../../contracts/objects/owner.ts";
import type { FeedCalls } from "../../contracts/objects/feed.ts";
import type { RunId } from "../../domain/ids.ts";
import { Outage } from "../../contracts/wire/outage.ts";
import type { RepoEngine } from "../../engine/repo/repo-engine.ts";
import type { RepoOutside, RunStore } from "../../engine/repo/repo-ports.ts";
import type { SecretSealer } from "../../engine/secret-sealer.ts";
import type { SimulatedPool } from "./simulated-pool.ts";
import { simulatedShards } from "./simulated-pool.ts";
import type { Caller, UnderWay } from "./under-way.ts";

/** What the engine told of changes and of ends, whether it arrived or not. */
export type Sent = { change: ChangeEvent } | { close: LogClose };

export interface FarEndsSource {
	underWay: UnderWay;
	archive: RunStore;
	/** The operator's switch, as it is at each step. */
	mayProject(): boolean;
	pool(name: string): SimulatedPool;
	/** A shard of the pool hears of demand. */
	hear(demand: Demand, shard: number): Promise<DemandAnswer>;
	note(sent: Sent): void;
	/** The owner's object. */
	owner(): Pick<OwnerCalls, "secretsFor" | "dataKey">;
	/** The engine that lives when an answer arrives, which need not be the one that called. */
	engine(): RepoEngine;
}

/** `caller` stands for the engine that these are for: what it has under way is lost with it. */
export function simulatedFarEnds(source: FarEndsSource, caller: Caller): RepoOutside {
	const later = <T>(arrive: () => T | Promise<T>): Promise<T> => source.underWay.call(caller, arrive);
	const pool = (name: string, shard: number): Partial<PoolCalls> => {
		const engine = () => source.pool(name).shard(shard).engine;
		return {
			demand: (demand) => later(() => source.hear(demand, shard)),
			ended: (...call) => later(() => engine().ended(...call)),
			canceled: (leases) => later(() => engine().canceled(leases)),
			holds: (leases) => later(() => engine().holds(leases)),
		};
	};
	const log: Partial<LogCalls> = {
		cancel: () => later(() => undefined),
		close: (close) => {
			source.note({ close });
			return later(() => seal(source.engine(), close));
		},
	};
	const feed: Partial<FeedCalls> = { heard: () => later(() => null), changed: () => later(() => null) };
	return {
		pool: (name) => pool(name.pool, name.shard) as PoolCalls,
		log: () => log as LogCalls,
		feed: () => feed as FeedCalls,
		poolShards: () => simulatedShards,
		sendDeliveries: (deliveries) =>
			later(async () => {
				for (const delivery of deliveries) {
					if ("demand" in delivery) await source.hear(delivery.demand, delivery.shard);
				}
			}),
		setBehind: () => {},
		noteLag: () => {},
		mayArchive: () => true,
		mayProject: () => source.mayProject(),
		sendChanges: (changes) => {
			for (const change of changes) source.note({ change });
			return later(() => project(source.engine(), changes));
		},
		archive: source.archive,
		owner: () => source.owner(),
		sealer: openSealer,
	};
}

/** Seals nothing: what is sealed is as it was. */
export const openSealer: SecretSealer = {
	open: (_, sealed) => sealed,
	seal: (_, __, value) => value,
	makeDataKey: (_, version) => ({ version, wrapped: "k1" }),
	rewrapDataKey: (_, key) => key,
	sealedBy: () => ({ sealingKey: "k1", dataKey: 1 }),
	sealingKeys: () => ["k1"],
};

/** The log is in the archive as soon as its end is known. */
function seal(engine: RepoEngine, { job, attempt, length, sha256 }: LogClose): void {
	void engine.logSealed({ job, attempt, record: { state: "sealed", length: length ?? 0, sha256, missing: [] } });
}

/** The read model has it, and says so. */
function project(engine: RepoEngine, changes: readonly ChangeEvent[]): void {
	const runs = changes.flatMap(({ run }) => (run ? [{ id: run.id, version: run.version }] : []));
	const repository = changes.some((change) => change.repository !== null);
	void engine.projected({ repository, runs });
}

/** Runs that left the engine, as it gave them away; the next put may go wrong as it is told to. */
export class SimulatedArchive implements RunStore {
	readonly runs = new Map<RunId, string>();
	#nextPut: "taken" | "refused" | "answer-lost" = "taken";

	failNextPut(how: "refused" | "answer-lost"): void {
		this.#nextPut = how;
	}

	async put(_: unknown, run: RunId, text: string): Promise<void> {
		const how = this.#nextPut;
		this.#nextPut = "taken";
		if (how !== "refused") this.runs.set(run, text);
		if (how !== "taken") throw new Outage(`the archive's answer: ${how}`);
	}

	async get(_: unknown, run: RunId): Promise<string | null> {
		return this.runs.get(run) ?? null;
	}

	async delete(_: unknown, runs: readonly RunId[]): Promise<void> {
		for (const run of runs) this.runs.delete(run);
	}
}
