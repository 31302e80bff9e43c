// The repository's engine in a world made by hand: its tables in a SQLite in memory, the clock moved by commands, chance that is
// handed in, far ends that answer when they are let. What is on its way when the engine dies is lost.
import type { Demand, DemandAnswer, LeaseIdentity } from "../../contracts/objects/objects.ts";
import type { OwnerCalls } from "../../contracts/objects/owner.ts";
import { sumFigures } from "../../contracts/objects/pool-figures.ts";
import type { Millis, RunId } from "../../domain/ids.ts";
import { alarmNearestMs } from "../../domain/limits.ts";
import type { PoolOutside } from "../../engine/pool/pool-ports.ts";
import type { World } from "../../engine/ports.ts";
import { RepoEngine } from "../../engine/repo/repo-engine.ts";
import type { QueuePort } from "./queue-port.ts";
import { SimulatedArchive, simulatedFarEnds } from "./simulated-far-ends.ts";
import type { Sent } from "./simulated-far-ends.ts";
import { SimulatedPool } from "./simulated-pool.ts";
import type { Snapshot } from "../snapshot.ts";
import { readSnapshot } from "../snapshot.ts";
import { SqliteStorage } from "./sqlite-storage.ts";
import { UnderWay } from "./under-way.ts";
import type { Caller } from "./under-way.ts";

/** So few that runs of the simulation are decided in one piece and in several. */
const simulatedSliceJobs = 2;

export class SimulatedPort implements QueuePort {
	readonly owner: string;
	readonly storage = new SqliteStorage();
	readonly #archive = new SimulatedArchive();
	/** Each that was ever told something. */
	readonly pools = new Map<string, SimulatedPool>();
	/** What the next decision that asks for chance is given, in [0, 1). */
	random = 0.5;
	/** The operator's switch. */
	mayProject = true;
	/** When the alarm went off last. */
	lastAlarmAt: Millis | null = null;
	/** Pools that may still believe what they were told before that was forgotten; each learns better when it claims or is asked. */
	readonly misled = new Set<string>();
	/** Pools of which a shard slept and was told nothing since: it knows that something waited, and not how much. */
	readonly slept = new Set<string>();
	/** What the owner's object answers: it has no secrets unless somebody gives it some. */
	owners: Pick<OwnerCalls, "secretsFor" | "dataKey"> = {
		secretsFor: async () => [],
		dataKey: async () => ({ version: 1, wrapped: "k1" }),
	};
	/** What others do whenever a long turn gives way to them. */
	beforeOthers: () => void = () => {};
	/** All that was ever told to far ends. */
	readonly sent: Sent[] = [];
	/** What the repository gave to pools since somebody asked last. */
	readonly #granted: LeaseIdentity[] = [];
	/** Leases that pools gave up, since somebody asked last: for how long each had been quiet at least. */
	readonly #givenUp = new Map<string, Millis>();
	/** The first thing that a pool did and may not. */
	#wrong: string | null = null;
	readonly #underWay = new UnderWay();
	/** The repository's engine, to those who carry its calls. */
	#caller: Caller = {};
	#hasLostNews = false;
	/** Until now no end of a lease was lost on its way to a pool. Such an end is not told again: it is found out in time. */
	hasLostNoEnds = true;
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

	/** Runs that left the engine, as it gave them away. */
	get archive(): Map<RunId, string> {
		return this.#archive.runs;
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
		for (const pool of this.pools.values()) for (const runner of pool.runners) runner.ping(this.#now);
		this.#underWay.goOff(this.#now);
	}

	async alarmAt(): Promise<Millis | null> {
		return this.storage.alarmAt;
	}

	async alarm(): Promise<void> {
		for (const shard of [...this.pools.values()].flatMap(({ shards }) => shards)) {
			if (!isDue(shard.storage.alarmAt, this.#now)) continue;
			shard.storage.alarmAt = null;
			await this.deliverUntil(shard.engine.alarm());
		}
		if (!isDue(this.storage.alarmAt, this.#now)) return;
		this.lastAlarmAt = this.#now;
		this.storage.alarmAt = null;
		await this.deliverUntil(this.#engine.alarm());
		await this.tell();
		this.#hasLostNews = false;
	}

	async tell(): Promise<void> {
		do {
			this.#underWay.deliver();
			await this.rest();
		} while (this.#underWay.isAny());
	}

	/** One call, or one answer, arrives before all others. */
	async deliverOne(at: number): Promise<void> {
		this.#underWay.deliverOne(at);
		await this.rest();
	}

	/** All that the engine does by itself until it waits for a far end. */
	async rest(): Promise<void> {
		await new Promise((resolve) => setImmediate(resolve));
	}

	async evict(): Promise<void> {
		this.#hasLostNews ||= this.#underWay.isAny(this.#caller) || this.queue.outgoing.hasNews;
		this.hasLostNoEnds &&= !this.#hasLostNews;
		this.#underWay.lose(this.#caller);
		this.#caller = {};
		this.#engine = this.#wake();
		for (const { pool, believed } of this.pools.values()) if (believed?.sets.length) this.misled.add(pool);
	}

	async hear(demand: Demand, shard: number): Promise<DemandAnswer> {
		this.#learns(demand.pool);
		return this.pool(demand.pool).shard(shard).engine.demand(structuredClone(demand));
	}

	sleepShard({ pool, shard, sockets }: { pool: string; shard: number; sockets?: "kept" | "dropped" }): void {
		const asleep = this.pool(pool).shard(shard);
		if (sockets === "dropped") asleep.dropSockets();
		asleep.sleep();
		this.slept.add(pool);
	}

	/** Each shard asks the repository where it must; of all that is under way only what it waits for arrives. */
	async waitingIn(name: string): Promise<number> {
		const pool = this.pool(name);
		const asked = Promise.all(pool.shards.map(({ engine }) => engine.figures()));
		await this.deliverUntil(asked, pool.callers);
		const [first, ...rest] = await asked;
		return first === undefined ? 0 : sumFigures(first, rest, this.#now).waiting;
	}

	failNextPut(how: "refused" | "answer-lost"): void {
		this.#archive.failNextPut(how);
	}

	pool(name: string): SimulatedPool {
		const known = this.pools.get(name);
		if (known) return known;
		const made = new SimulatedPool(
			{ owner: this.owner, pool: name },
			{
				underWay: this.#underWay,
				now: () => this.#now,
				wrong: (what) => {
					this.#wrong ??= what;
				},
				repo: this.#forPool(name),
			},
		);
		this.pools.set(name, made);
		return made;
	}

	/** Grants that runners read since this was asked last. */
	readPushed(): LeaseIdentity[] {
		return [...this.pools.values()].flatMap(({ runners }) => runners.flatMap((runner) => runner.read()));
	}

	/** What happened between pools and the repository since this was asked last. Throws when a pool did what it may not. */
	takeNoted(): { granted: LeaseIdentity[]; givenUp: ReadonlyMap<string, Millis> } {
		if (this.#wrong !== null) throw new Error(this.#wrong);
		const noted = { granted: this.#granted.splice(0), givenUp: new Map(this.#givenUp) };
		this.#givenUp.clear();
		return noted;
	}

	async deliverUntil(done: Promise<unknown>, only: ReadonlySet<Caller> | null = null): Promise<void> {
		let isDone = false;
		const ended = done.finally(() => {
			isDone = true;
		});
		while (!isDone) {
			this.#underWay.deliver(only);
			await this.rest();
		}
		await ended;
	}

	#learns(pool: string): void {
		this.misled.delete(pool);
		this.slept.delete(pool);
	}

	get #hasNews(): boolean {
		return this.#underWay.isAny() || this.queue.outgoing.hasNews;
	}

	#forPool(pool: string): ReturnType<PoolOutside["repo"]> {
		return {
			claim: async (call) => {
				const claimed = await this.#engine.claim(call);
				this.#learns(pool);
				this.#granted.push(...claimed.grants.map(({ claim: lease }) => lease));
				return claimed;
			},
			demand: (call) => this.#engine.demand(call),
			expire: async (leases, quietMs) => {
				for (const { job, epoch } of leases) this.#givenUp.set(`${job}.${epoch}`, quietMs);
				await this.#engine.expire(leases, quietMs);
			},
			hearPause: (call) => this.#engine.hearPause(call),
		};
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
		const source = {
			underWay: this.#underWay,
			archive: this.#archive,
			mayProject: () => this.mayProject,
			pool: (name: string) => this.pool(name),
			hear: (demand: Demand, shard: number) => this.hear(demand, shard),
			note: (sent: Sent) => this.sent.push(sent),
			engine: () => this.#engine,
			owner: () => this.owners,
		};
		const outside = simulatedFarEnds(source, this.#caller);
		return new RepoEngine({ world, outside, sliceJobs: this.#sliceJobs });
	}
}

function isDue(alarmAt: Millis | null, now: Millis): boolean {
	return alarmAt !== null && alarmAt <= now + alarmNearestMs;
}
