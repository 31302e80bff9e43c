// The repository's engine in a world made by hand: its tables in a SQLite in memory, the clock moved by commands, chance that is
// handed in, far ends that answer when they are let. What is on its way when the engine dies is lost.
import type { ChangeEvent } from "../contracts/objects/events.ts";
import type { Demand, DemandAnswer, LogCalls, LogClose, PoolCalls } from "../contracts/objects/objects.ts";
import type { FeedCalls } from "../contracts/objects/feed.ts";
import type { Millis, RunId } from "../domain/ids.ts";
import { alarmNearestMs } from "../domain/limits.ts";
import { assert } from "../domain/refusal.ts";
import type { World } from "../engine/ports.ts";
import { RepoEngine } from "../engine/repo/repo-engine.ts";
import type { RepoOutside } from "../engine/repo/repo-ports.ts";
import type { QueuePort } from "./queue-port.ts";
import { SimulatedPool, simulatedShards } from "./simulated-pool.ts";
import type { Snapshot } from "./snapshot.ts";
import { readSnapshot } from "./snapshot.ts";
import { SqliteStorage } from "./sqlite-storage.ts";

/** Runners that every pool says fit: more than one, so that a job avoids the runner that was lost with it. */
const runnersToldOf = 3;

/** What the engine told of changes and of ends, whether it arrived or not. */
export type Sent = { change: ChangeEvent } | { close: LogClose };

/** So few that runs of the simulation are decided in one piece and in several. */
const simulatedSliceJobs = 2;

export class SimulatedPort implements QueuePort {
	readonly owner: string;
	readonly storage = new SqliteStorage();
	/** Runs that left the engine, as it gave them away. */
	readonly archive = new Map<RunId, string>();
	/** Each that was ever told something. */
	readonly pools = new Map<string, SimulatedPool>();
	/** What the next decision that asks for chance is given, in [0, 1). */
	random = 0.5;
	/** When the alarm went off last. */
	lastAlarmAt: Millis | null = null;
	/** Pools that may still believe what they were told before that was forgotten; each learns better when it claims or is asked. */
	readonly misled = new Set<string>();
	/** Pools of which a shard slept and was told nothing since: it knows that something waited, and not how much. */
	readonly slept = new Set<string>();
	/** What others do whenever a long turn gives way to them. */
	beforeOthers: () => void = () => {};
	/** All that was ever told to far ends. */
	readonly sent: Sent[] = [];
	/** Calls to far ends that have not arrived. */
	#underWay: (() => Promise<void>)[] = [];
	#hasLostNews = false;
	readonly #sliceJobs: number;
	#now: Millis;
	#snapshot: { at: string; read: Snapshot } | null = null;
	#engine: RepoEngine;

	constructor(owner: string, now: Millis, { sliceJobs = simulatedSliceJobs } = {}) {
		this.owner = owner;
		this.#sliceJobs = sliceJobs;
		this.#now = now;
		this.#engine = this.#wake();
	}

	get calls(): RepoEngine {
		return this.#engine;
	}

	get queue(): RepoEngine["queue"] {
		return this.#engine.queue;
	}

	/** All that is stored, here and in the archive. */
	get stored(): Snapshot {
		const at = `${this.storage.changes} ${this.archive.size}`;
		if (this.#snapshot?.at !== at) this.#snapshot = { at, read: readSnapshot(this.storage.sql, this.archive) };
		return this.#snapshot.read;
	}

	/** Whether nothing that pools were to hear is under way, or was lost and not told again. */
	get isTold(): boolean {
		return !this.#hasLostNews && !this.#hasNews;
	}

	now(): Millis {
		return this.#now;
	}

	moveClock(byMs: number): void {
		this.#now += byMs;
	}

	async alarmAt(): Promise<Millis | null> {
		return this.storage.alarmAt;
	}

	async alarm(): Promise<void> {
		const { alarmAt } = this.storage;
		if (alarmAt === null || alarmAt > this.#now + alarmNearestMs) return;
		this.lastAlarmAt = this.#now;
		this.storage.alarmAt = null;
		await this.#deliverUntil(this.#engine.alarm());
		await this.tell();
		this.#hasLostNews = false;
	}

	async tell(): Promise<void> {
		do {
			for (const arrive of this.#underWay.splice(0)) await arrive();
			await this.rest();
		} while (this.#underWay.length > 0);
	}

	/** All that the engine does by itself until it waits for a far end. */
	async rest(): Promise<void> {
		await new Promise((resolve) => setImmediate(resolve));
	}

	async evict(): Promise<void> {
		this.#hasLostNews ||= this.#hasNews;
		this.#underWay = [];
		this.#engine = this.#wake();
		for (const { pool, believed } of this.pools.values()) if (believed?.sets.length) this.misled.add(pool);
	}

	hear(demand: Demand, shard: number): void {
		this.misled.delete(demand.pool);
		this.slept.delete(demand.pool);
		this.#pool(demand.pool).hear(shard, demand, this.#now);
	}

	sleepShard({ pool, shard }: { pool: string; shard: number }): void {
		this.#pool(pool).sleep(shard);
		this.slept.add(pool);
	}

	waitingIn(pool: string): number {
		return this.#pool(pool).waiting(this.#now, ({ shard, known }) => {
			const demand = this.queue.answerDemand(pool, { shard, known });
			assert(demand, "a repository that told something is known");
			return demand;
		});
	}

	#pool(name: string): SimulatedPool {
		const known = this.pools.get(name) ?? new SimulatedPool(name);
		this.pools.set(name, known);
		return known;
	}

	get #hasNews(): boolean {
		return this.#underWay.length > 0 || this.queue.hasNews;
	}

	async #deliverUntil(done: Promise<unknown>): Promise<void> {
		let isDone = false;
		const ended = done.finally(() => {
			isDone = true;
		});
		while (!isDone) await this.tell();
		await ended;
	}

	/** An engine over what is stored. Whatever an earlier one waits for never comes. */
	#wake(): RepoEngine {
		const world: World = {
			storage: this.storage,
			now: () => this.#now,
			random: () => this.random,
			wait: () => ({ done: Promise.resolve(), cancel: () => {} }),
			giveWay: async () => this.beforeOthers(),
			report: () => {},
		};
		return new RepoEngine({ world, outside: this.#outside(), sliceJobs: this.#sliceJobs });
	}

	#outside(): RepoOutside {
		const later = <T>(arrive: () => T | Promise<T>): Promise<T> =>
			new Promise((resolve, reject) => {
				this.#underWay.push(async () => {
					try {
						resolve(await arrive());
					} catch (cause) {
						reject(cause);
					}
				});
			});
		const answer = (demand: Demand, shard: number): DemandAnswer => {
			this.hear(structuredClone(demand), shard);
			return { runners: demand.sets.map(() => runnersToldOf), pause: null, shards: simulatedShards };
		};
		const pool = (shard: number): Partial<PoolCalls> => ({
			demand: (demand) => later(() => answer(demand, shard)),
			ended: () => later(() => undefined),
			canceled: () => later(() => undefined),
			holds: (leases) => later(() => leases),
		});
		const log: Partial<LogCalls> = {
			cancel: () => later(() => undefined),
			close: (close) => {
				this.sent.push({ close });
				return later(() => this.#seal(close));
			},
		};
		const feed: Partial<FeedCalls> = { heard: () => later(() => null), changed: () => later(() => null) };
		return {
			pool: ({ shard }) => pool(shard) as PoolCalls,
			log: () => log as LogCalls,
			feed: () => feed as FeedCalls,
			poolShards: () => simulatedShards,
			sendDeliveries: (deliveries) =>
				later(() => {
					for (const delivery of deliveries) {
						if ("demand" in delivery) this.hear(structuredClone(delivery.demand), delivery.shard);
					}
				}),
			setBehind: () => {},
			sendChanges: (changes) => {
				this.sent.push(...changes.map((change) => ({ change })));
				return later(() => this.#project(changes));
			},
			archive: {
				put: async (_, run, text) => {
					this.archive.set(run, text);
				},
				get: async (_, run) => this.archive.get(run) ?? null,
				delete: async (_, runs) => {
					for (const run of runs) this.archive.delete(run);
				},
			},
			openSecret: (_, sealed) => sealed,
		};
	}

	/** The log is in the archive as soon as its end is known. */
	#seal({ job, attempt, length, sha256 }: LogClose): void {
		const record = { state: "sealed", length: length ?? 0, sha256, missing: [] } as const;
		void this.#engine.logSealed({ job, attempt, record: { ...record, missing: [] } });
	}

	/** The read model has it, and says so. */
	#project(changes: readonly ChangeEvent[]): void {
		const runs = changes.flatMap(({ run }) => (run ? [{ id: run.id, version: run.version }] : []));
		const repository = changes.some((change) => change.repository !== null);
		void this.#engine.projected({ repository, runs });
	}
}
