// What a repository sends to pools, logs and the read model once it has committed: changes to the queue `events`, ends and
// cancels to LogObjects, demand and hints to pools. One round runs at a time, and takes along what comes in meanwhile. The
// alarm repeats a round that failed. The outbox is in memory: after a death the marks in the tables say what to send again.
import type { ChangeEvent, Delivery } from "../../../contracts/objects/events.ts";
import type { Demand, DemandAnswer, PoolCalls, RepositoryName } from "../../../contracts/objects/objects.ts";
import type { LogClose } from "../../../contracts/objects/log-calls.ts";
import type { LogName } from "../../../contracts/wire/object-name.ts";
import type { Millis } from "../../../domain/ids.ts";
import type { FinishedAttempt } from "../../../domain/job/job.ts";
import { tellAgainMaxMs, tellAgainMs } from "../../../domain/limits.ts";
import { ShardVersions } from "../../../domain/pool/shard-versions.ts";
import { jsonBytes, messageBytesMax } from "../../message-bytes.ts";
import type { World } from "../../ports.ts";
import { ChangeOutbox } from "./change-outbox.ts";
import type { RepoOutside } from "../repo-ports.ts";
import type { ConfiguredRepository } from "../repository-row.ts";

/** LogObjects called at once: each that sleeps must wake, and on one machine opens its file for it. */
const logsAtOnce = 50;

interface LeaseLog extends LogName {
	epoch: number;
}

interface PoolNotices {
	demand: boolean;
	/** By shard, what became of leases that its runners hold. */
	leases: Map<number, LeaseNotices>;
}

interface LeaseNotices {
	ended: string[];
	/** Those of them that were never started. */
	lapsed: string[];
	/** Those that their runner's machine could not run. */
	faulted: string[];
	canceled: string[];
}

export interface Present {
	repository(): RepositoryName | null;
	/** The pool's demand as it is now; its version is a new one when it changed. Null: there is no repository. */
	demand(pool: string): Demand | null;
	/** What a shard answered: live runners for each of the demand's sets, and whether the pool is paused. */
	heard(shard: number, demand: Demand, answer: DemandAnswer): void;
	/** The queue `events` did not take what changed: the read model falls behind. */
	behind(): void;
	/** The round is over: the alarm may have to be set. */
	rest(): void;
}

export class Outbox {
	readonly #world: World;
	readonly #outside: RepoOutside;
	readonly #present: Present;
	#pools = new Map<string, PoolNotices>();
	readonly #changes: ChangeOutbox;
	/** Attempts whose runners should stop: their logs pass it on with the next append. */
	#canceled: (LeaseLog & { state: "canceling" | "lost" })[] = [];
	readonly #closes = new Map<string, LogClose>();
	#round: Promise<void> | null = null;
	#again = false;
	#failures = 0;
	/** Pools that believe that something waits, as they heard last. */
	readonly #expectant = new Set<string>();
	/** How many shards each pool has, as its shard 0 said; until it did, as many as new runners are spread over. */
	readonly #shards = new Map<string, number>();
	#rings = 0;
	readonly #shardVersions = new ShardVersions();
	/** When to try again what failed; null while nothing did. */
	againAt: Millis | null = null;

	constructor({ world, outside }: { world: World; outside: RepoOutside }, present: Present) {
		this.#world = world;
		this.#outside = outside;
		this.#present = present;
		this.#changes = new ChangeOutbox(world, (changes) => outside.sendChanges(changes));
	}

	get hasNews(): boolean {
		return this.#changes.length > 0 || this.#closes.size > 0 || this.#pools.size > 0;
	}

	change(event: ChangeEvent): void {
		this.#changes.add(event);
	}

	/** One for each attempt: a close that waits for its log is replaced by a later one of the same attempt. */
	close(close: LogClose): void {
		this.#closes.set(`${close.job}.${close.attempt}`, close);
	}

	hintLog(log: LeaseLog & { state: "canceling" | "lost" }): void {
		this.#canceled.push(log);
	}

	pool(name: string): PoolNotices {
		const known = this.#pools.get(name);
		if (known) return known;
		const news: PoolNotices = { demand: false, leases: new Map() };
		this.#pools.set(name, news);
		return news;
	}

	/** What became of leases in one shard of a pool. */
	leases(pool: string, shard: number): LeaseNotices {
		const { leases } = this.pool(pool);
		const known = leases.get(shard);
		if (known) return known;
		const news: LeaseNotices = { ended: [], lapsed: [], faulted: [], canceled: [] };
		leases.set(shard, news);
		return news;
	}

	/** What a claim left: the shard that claimed reads it in the answer, and the other shards need not hear of less [P10]. */
	claimed(shard: number, before: Demand, after: Demand): void {
		const { pool } = after;
		this.#shardVersions.claimed({ pool, shard, shards: this.#count(pool) }, before, after);
	}

	/** A shard asked, and has this as the answer. */
	answered(shard: number, { pool, version }: Demand): void {
		this.#shardVersions.heard(pool, shard, version);
	}

	/** Starts a round unless one is under way, which then goes on with what is new; `again` repeats what is known. Never throws. */
	flush(again = false): Promise<void> {
		this.#again ||= again;
		this.#round ??= this.#flushAll().finally(() => {
			this.#round = null;
			this.#present.rest();
		});
		return this.#round;
	}

	async #flushAll(): Promise<void> {
		// What the caller does until its own end belongs to this round.
		await Promise.resolve();
		while (this.hasNews) {
			// Taken before the first wait: a notice that comes meanwhile belongs to the next turn of this loop.
			const pools = this.#pools;
			const again = this.#again;
			this.#again = false;
			this.#pools = new Map();
			const results = await Promise.allSettled([
				...[...pools].map(([pool, news]) => this.#notifyPool(pool, news, again)),
				this.#sendChanges(),
				this.#cancelLogs(),
				this.#closeLogs(),
			]);
			const failed = results.find((result) => result.status === "rejected");
			if (failed) {
				// The round ends here, and the alarm begins the next: a far end that is away is not asked in a loop.
				this.#world.report({ event: "tell-failed", cause: String(failed.reason) });
				this.againAt = this.#world.now() + Math.min(tellAgainMs * 2 ** this.#failures++, tellAgainMaxMs);
				return;
			}
			this.#failures = 0;
			this.againAt = null;
		}
	}

	async #notifyPool(pool: string, news: PoolNotices, again: boolean): Promise<void> {
		const work = [...news.leases].map(([shard, leases]) => this.#notifyLeases(pool, shard, leases));
		const demand = news.demand ? this.#present.demand(pool) : null;
		if (demand) work.push(this.#ring(demand, again));
		const failed = (await Promise.allSettled(work)).find((result) => result.status === "rejected");
		if (failed) {
			// The hints may go: what they say is found out anyway. The demand is announced again.
			this.pool(pool).demand = true;
			throw failed.reason;
		}
	}

	async #notifyLeases(pool: string, shard: number, { ended, lapsed, faulted, canceled }: LeaseNotices): Promise<void> {
		const calls = this.#poolCalls(pool, shard);
		const sent: Promise<unknown>[] = [];
		if (canceled.length > 0) sent.push(calls.canceled(canceled));
		if (ended.length > 0) sent.push(calls.ended(ended, lapsed, faulted));
		await Promise.all(sent);
	}

	/** All shards, since each may have a runner for it; if shard 0 says that there are more than was known, those too. */
	async #ring(demand: Demand, again: boolean): Promise<void> {
		const { pool, version, sets } = demand;
		const wakes = sets.length > 0 && (again || !this.#expectant.has(pool));
		for (let from = 0; from < this.#count(pool); ) {
			const to = this.#count(pool);
			const shards = again ? range(from, to) : this.#shardVersions.behind(pool, version, { from, to });
			await this.#ringEach(shards, { demand: { ...demand, shards: to }, wakes });
			from = to;
		}
	}

	/**
	 * The direct ring is quick; the queue's message survives what the ring does not, and is sent when a pool that expects
	 * nothing must wake, or when announced again. The higher version wins, so both may come.
	 */
	async #ringEach(shards: number[], { demand, wakes }: { demand: Demand; wakes: boolean }): Promise<void> {
		if (shards.length === 0) return;
		const { pool, sets } = demand;
		if (sets.length > 0) this.#expectant.add(pool);
		else this.#expectant.delete(pool);
		const queued = wakes
			? this.#outside
					.sendDeliveries(deliveriesOf(shards, demand))
					.catch((cause) => this.#world.report({ event: "delivery-unsent", pool, cause: String(cause) }))
			: null;
		const ring = (shard: number) => this.#ringShard(shard, demand);
		const waiting = sets.reduce((sum, set) => sum + set.waiting, 0);
		const rung: Promise<void>[] = [];
		if (waiting > 0 && waiting < shards.length) {
			// Not enough for all: one of them is rung before the others, another one each time, or the nearest would have it all.
			const first = this.#rings++ % shards.length;
			rung.push(...shards.splice(first, 1).map(ring));
			await Promise.allSettled(rung);
		}
		const results = await Promise.allSettled([...rung, ...shards.map(ring)]);
		const failed = results.find((result) => result.status === "rejected");
		await queued;
		if (failed) throw failed.reason;
	}

	async #ringShard(shard: number, demand: Demand): Promise<void> {
		const { pool, version } = demand;
		const answer = await this.#poolCalls(pool, shard).demand(demand);
		this.#shardVersions.heard(pool, shard, version);
		if (shard === 0) this.#shards.set(pool, Math.max(this.#count(pool), answer.shards ?? 1));
		this.#present.heard(shard, demand, answer);
	}

	/** Asks every shard what it says of itself now, whatever version it has heard. Throws when one does not answer. */
	async ask(pool: string): Promise<void> {
		const demand = this.#present.demand(pool);
		if (demand === null) return;
		for (let from = 0; from < this.#count(pool); ) {
			const to = this.#count(pool);
			await Promise.all(range(from, to).map((shard) => this.#ringShard(shard, { ...demand, shards: to })));
			from = to;
		}
	}

	/** Until its shard 0 has answered: as many as new runners are spread over. */
	#count(pool: string): number {
		return this.#shards.get(pool) ?? this.#outside.poolShards();
	}

	#poolCalls(pool: string, shard: number): PoolCalls {
		return this.#outside.pool({ owner: this.#present.repository()?.owner ?? "", pool, shard });
	}

	async #sendChanges(): Promise<void> {
		if (this.#changes.length === 0) return;
		try {
			await this.#changes.send();
		} catch (cause) {
			this.#present.behind();
			throw cause;
		}
	}

	/** A hint, so a failure is dropped: a runner that does not hear of it from the log hears of it from a heartbeat. */
	async #cancelLogs(): Promise<void> {
		while (this.#canceled.length > 0) {
			const sent = this.#canceled.splice(0, logsAtOnce).map((log) => this.#outside.log(log).cancel(log));
			await Promise.allSettled(sent);
		}
	}

	/** Kept until the log has taken it: while this object lives nothing else gives the log its end. */
	async #closeLogs(): Promise<void> {
		const closes = [...this.#closes].slice(0, logsAtOnce);
		const sent = closes.map(async ([key, close]) => {
			await this.#outside.log(close).close(close);
			this.#closes.delete(key);
		});
		const failed = (await Promise.allSettled(sent)).filter((result) => result.status === "rejected");
		if (failed.length > 0) throw new Error(`${failed.length} logs did not take their end: ${failed[0]?.reason}`);
	}
}

function range(from: number, to: number): number[] {
	return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
}

/** The demand for each of the shards; where no message holds it, its name. */
function deliveriesOf(shards: readonly number[], demand: Demand): Delivery[] {
	const { owner, repo, pool } = demand;
	if (jsonBytes(demand) <= messageBytesMax) return shards.map((shard) => ({ shard, demand }));
	return shards.map((shard) => ({ shard, ask: { owner, repo, pool } }));
}

/** The end of an attempt, for its log. */
export function closeOf(repository: ConfiguredRepository, attempt: FinishedAttempt): LogClose {
	const { job, number, epoch, outcome, log, logSha256 = null, reported } = attempt;
	const end = { outcome, length: reported ? log.length : null, sha256: logSha256 };
	const { owner, repo, settings } = repository;
	return { owner, repo, job, attempt: number, epoch, ...end, retentionDays: settings.retentionDays };
}
