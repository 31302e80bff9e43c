// A pool of two shards, each with its own engine, tables and sockets, and the runners that connect to it.
import type { Demand, LeaseIdentity } from "../../contracts/objects/objects.ts";
import type { LeaseId, Millis } from "../../domain/ids.ts";
import { pauseOf, unfitnessOf } from "../../domain/pool/pool.ts";
import type { World } from "../../engine/ports.ts";
import type { PoolOutside } from "../../engine/pool/pool-ports.ts";
import { SimulatedRunner } from "./simulated-runner.ts";
import { SimulatedShard } from "./simulated-shard.ts";
import type { SqliteStorage } from "./sqlite-storage.ts";
import type { Caller, UnderWay } from "./under-way.ts";

export const simulatedShards = 2;

/** The world around a pool: its repository, the clock, and what is under way. */
export interface PoolSurroundings {
	readonly underWay: UnderWay;
	now(): Millis;
	repo: ReturnType<PoolOutside["repo"]>;
	/** What a pool may not do, and did. */
	wrong(what: string): void;
}

export class SimulatedPool {
	readonly owner: string;
	readonly pool: string;
	readonly shards: readonly SimulatedShard[];
	readonly #around: PoolSurroundings;
	/** Who each shard's engine is to those who carry its calls. */
	readonly #callers: Caller[] = [];
	readonly #runners = new Map<string, SimulatedRunner>();

	constructor({ owner, pool }: { owner: string; pool: string }, around: PoolSurroundings) {
		this.owner = owner;
		this.pool = pool;
		this.#around = around;
		this.shards = Array.from(
			{ length: simulatedShards },
			(_, shard) => new SimulatedShard({ owner, pool, shard }, (storage) => this.#ports(shard, storage)),
		);
	}

	get runners(): readonly SimulatedRunner[] {
		return [...this.#runners.values()];
	}

	/** The runner of this id, which is made when it is named first, and registers when it comes. */
	runner(id: string, place: { shard: number; labels: string[]; capacity: number }): SimulatedRunner {
		const known = this.#runners.get(id);
		if (known) return known;
		const { owner, pool } = this;
		const made = new SimulatedRunner(
			{ id, name: id, owner, pool, ephemeral: false, ...place },
			this.shard(place.shard),
		);
		this.#runners.set(id, made);
		return made;
	}

	shard(at: number): SimulatedShard {
		const shard = this.shards[at];
		if (!shard) throw new Error(`the pool has no shard ${at}`);
		return shard;
	}

	/** The newest that any of its shards believes. */
	get believed(): Demand | null {
		const all = this.shards.flatMap(({ engine }) => [...engine.memory.demand.heard()]);
		return all.reduce<Demand | null>((best, each) => (best && best.version >= each.version ? best : each), null);
	}

	/** The leases that its shards hold, each with its shard. */
	get leases(): { id: LeaseId; shard: number; identity: LeaseIdentity }[] {
		return this.shards.flatMap(({ name, engine }) =>
			[...engine.memory.leases.all()].map(({ id, identity }) => ({ id, shard: name.shard, identity })),
		);
	}

	get callers(): ReadonlySet<Caller> {
		return new Set(this.#callers);
	}

	#ports(shard: number, storage: SqliteStorage): { world: World; outside: PoolOutside } {
		const { underWay, repo, now, wrong } = this.#around;
		const before = this.#callers[shard];
		if (before) underWay.lose(before);
		const caller = {};
		this.#callers[shard] = caller;
		const answered = <T>(arrive: () => Promise<T>): Promise<T> => underWay.callAndAnswer(caller, arrive);
		return {
			world: {
				storage,
				now,
				random: () => 0.5,
				wait: (ms) => underWay.timer(caller, now() + ms),
				giveWay: async () => {},
				report: (event) => {
					if (event.event === "serve-failed") wrong(`[Z6] a shard could not serve: ${event.cause}`);
				},
			},
			outside: {
				repo: () => ({
					claim: (call) => {
						const { settings, runners } = this.shard(shard).engine.memory;
						const runner = runners.get(call.runner.id);
						if (pauseOf(settings) !== null) wrong(`[P20] a pool that is paused claims for ${call.runner.id}`);
						if (runner === null || unfitnessOf(runner, now()) !== null)
							wrong(`[P20] a claim for ${call.runner.id}, which is to be given nothing`);
						return answered(() => repo.claim(call));
					},
					demand: (call) => answered(() => repo.demand(call)),
					expire: (...call) => answered(() => repo.expire(...call)),
					hearPause: (call) => answered(() => repo.hearPause(call)),
				}),
				shard: (name) => ({
					join: (from) => answered(() => this.shard(name.shard).engine.join(from)),
					obey: (settings) => answered(() => this.shard(name.shard).engine.obey(settings)),
				}),
				log: () => ({ unattended: () => answered(async () => {}) }),
				mayDispatch: () => true,
				signLease: (lease) => JSON.stringify(lease),
			},
		};
	}
}
