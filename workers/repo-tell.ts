// What a RepoObject tells others, always after it is durable: changes to the queue `events`, ends and cancels to LogObjects,
// demand and hints to pools. One round at a time; what comes in meanwhile is told together in the next. A failure waits for
// the alarm. News is kept in memory: after a crash it is found again by the marks in the tables.
import type { ChangeEvent, JobSummary } from "../src/contracts/events.ts";
import type { Demand, DemandAnswer, LogClose, RepositoryName } from "../src/contracts/objects.ts";
import type { Millis } from "../src/domain/ids.ts";
import { tellAgainMaxMs, tellAgainMs } from "../src/domain/limits.ts";
import type { Env } from "./env.ts";
import { feedCalls, logCalls, poolCalls } from "./stubs.ts";

/** A queue takes 100 messages and 256 KB a batch. Sizes are reckoned, generously: to measure them costs more than to send. */
const batchMax = 100;
const batchBytesMax = 240_000;
const runBytes = 2_400;
const summaryBytes = 700;
/** Changes kept while the queue does not take them; more are folded into the last state of each run. */
const changesMax = 2_000;
const closesAtOnce = 50;

interface LogName extends RepositoryName {
	job: string;
	attempt: number;
	epoch: number;
}

interface PoolNews {
	demand: boolean;
	ended: string[];
	canceled: string[];
}

export interface Present {
	repository(): RepositoryName | null;
	/** The pool's demand as it is now, with a new version; null when it is what the pool was told last. */
	demand(pool: string, again: boolean): Demand | null;
	/** What the pool answered: live runners for each of the demand's sets, and whether it is paused. */
	heard(demand: Demand, answer: DemandAnswer): void;
	/** The round is over: the alarm may have to be set. */
	rest(): void;
}

export class RepoTeller {
	readonly #env: Env;
	readonly #present: Present;
	#pools = new Map<string, PoolNews>();
	#changes: ChangeEvent[] = [];
	#foldAt = changesMax;
	#watched: ChangeEvent[] = [];
	/** Attempts whose runners should stop: their logs pass it on with the next append. */
	#canceled: LogName[] = [];
	readonly #closes = new Map<string, LogClose>();
	#round: Promise<void> | null = null;
	#again = false;
	#failures = 0;
	/** Pools that were told last that something waits. */
	readonly #expectant = new Set<string>();
	/** When to try again what failed; null while nothing did. */
	againAt: Millis | null = null;

	constructor(env: Env, present: Present) {
		this.#env = env;
		this.#present = present;
	}

	get hasNews(): boolean {
		return this.#changes.length > 0 || this.#closes.size > 0 || this.#pools.size > 0;
	}

	change(event: ChangeEvent): void {
		if (event.watched) this.#watched.push(event);
		this.#changes.push(event);
		if (this.#changes.length <= this.#foldAt) return;
		this.#changes = fold(this.#changes);
		// Changes of distinct runs do not get fewer: to fold them again with each one more would take the object's whole time.
		this.#foldAt = Math.max(changesMax, 2 * this.#changes.length);
	}

	close(close: LogClose): void {
		this.#closes.set(`${close.job}.${close.attempt}`, close);
	}

	cancelLog(log: LogName): void {
		this.#canceled.push(log);
	}

	pool(name: string): PoolNews {
		const known = this.#pools.get(name);
		if (known) return known;
		const news: PoolNews = { demand: false, ended: [], canceled: [] };
		this.#pools.set(name, news);
		return news;
	}

	/** Starts a round unless one is under way, which then goes on with what is new; `again` repeats what is known. Never throws. */
	tell(again = false): Promise<void> {
		this.#again ||= again;
		this.#round ??= this.#tellAll().finally(() => {
			this.#round = null;
			this.#present.rest();
		});
		return this.#round;
	}

	async #tellAll(): Promise<void> {
		// What the caller does until its own end belongs to this round.
		await Promise.resolve();
		while (this.hasNews) {
			const pools = this.#pools;
			const again = this.#again;
			this.#again = false;
			this.#pools = new Map();
			const results = await Promise.allSettled([
				...[...pools].map(([pool, news]) => this.#tellPool(pool, news, again)),
				this.#sendChanges(),
				this.#feedWatched(),
				this.#cancelLogs(),
				this.#closeLogs(),
			]);
			const failed = results.find((result) => result.status === "rejected");
			if (failed) {
				console.error(JSON.stringify({ event: "tell-failed", cause: String(failed.reason) }));
				this.againAt = Date.now() + Math.min(tellAgainMs * 2 ** this.#failures++, tellAgainMaxMs);
				return;
			}
			this.#failures = 0;
			this.againAt = null;
		}
	}

	/**
	 * The direct ring is quick; the queue's message survives what the ring does not, and is sent when a pool that expects
	 * nothing must wake, or when told again. The higher version wins, so both may come.
	 */
	async #tellPool(pool: string, news: PoolNews, again: boolean): Promise<void> {
		const owner = this.#present.repository()?.owner ?? "";
		const calls = poolCalls(this.#env, { owner, pool, shard: 0 });
		const work: Promise<unknown>[] = [];
		const demand = news.demand ? this.#present.demand(pool, again) : null;
		if (demand) {
			const wakes = demand.sets.length > 0 && (again || !this.#expectant.has(pool));
			if (demand.sets.length > 0) this.#expectant.add(pool);
			else this.#expectant.delete(pool);
			if (wakes) work.push(this.#env.DELIVERIES.send({ shard: 0, demand }).catch(() => undefined));
			work.push(calls.demand(demand).then((answer) => this.#present.heard(demand, answer)));
		}
		if (news.canceled.length > 0) work.push(calls.canceled(news.canceled));
		if (news.ended.length > 0) work.push(calls.ended(news.ended));
		try {
			await Promise.all(work);
		} catch (cause) {
			// The hints may go: what they say is found out anyway. The demand is told again.
			this.pool(pool).demand = true;
			throw cause;
		}
	}

	async #sendChanges(): Promise<void> {
		const batch = this.#changes.splice(0, batchLength(this.#changes));
		if (batch.length === 0) return;
		try {
			await this.#env.EVENTS.sendBatch(batch.map((body) => ({ body })));
		} catch (cause) {
			this.#changes.unshift(...batch);
			throw cause;
		}
	}

	/** Who follows a run is told at once, beside the queue: a hint, whose loss the queue's message makes good. */
	async #feedWatched(): Promise<void> {
		const runs = Map.groupBy(this.#watched.splice(0), ({ run }) => run?.id ?? "");
		const fed = [...runs].map(async ([run, events]) => {
			const [first] = events;
			if (first) await feedCalls(this.#env, { owner: first.owner, repo: first.repo, run }).changed(events);
		});
		await Promise.allSettled(fed);
	}

	/** A hint: whoever does not hear of it from the log hears of it from a heartbeat. */
	async #cancelLogs(): Promise<void> {
		const told = this.#canceled.splice(0).map((log) => logCalls(this.#env, log).cancel({ epoch: log.epoch }));
		await Promise.allSettled(told);
	}

	async #closeLogs(): Promise<void> {
		const closes = [...this.#closes].slice(0, closesAtOnce);
		const told = closes.map(async ([key, close]) => {
			await logCalls(this.#env, close).close(close);
			this.#closes.delete(key);
		});
		const failed = (await Promise.allSettled(told)).filter((result) => result.status === "rejected");
		if (failed.length > 0)
			throw new Error(`${failed.length} logs could not be told of their end: ${failed[0]?.reason}`);
	}
}

/** How many of the first fit one batch; at least one. */
function batchLength(events: readonly ChangeEvent[]): number {
	let bytes = 0;
	let length = 0;
	for (const event of events.slice(0, batchMax)) {
		bytes += runBytes + event.jobs.length * summaryBytes;
		if (length > 0 && bytes > batchBytesMax) break;
		length++;
	}
	return length;
}

/** The last state of each run and job, in one event a run. */
function fold(events: readonly ChangeEvent[]): ChangeEvent[] {
	const last = new Map<string, ChangeEvent>();
	for (const event of events) {
		const key = event.run?.id ?? "";
		const known = last.get(key);
		const jobs = new Map<string, JobSummary>();
		for (const job of [...(known?.jobs ?? []), ...event.jobs]) jobs.set(job.id, job);
		const repository = event.repository ?? known?.repository ?? null;
		const since = known?.since ?? event.since;
		last.set(key, { ...event, ...(since === undefined ? {} : { since }), repository, jobs: [...jobs.values()] });
	}
	return [...last.values()];
}
