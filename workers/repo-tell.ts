// What a RepoObject tells others, always after it is durable: changes to the queue `events`, ends to LogObjects, demand and
// hints to pools. One round at a time; what comes in meanwhile is told together in the next. A failure waits for the alarm.
import type { ChangeEvent } from "../src/contracts/events.ts";
import type { Demand, LogClose, RepositoryName } from "../src/contracts/objects.ts";
import type { Millis } from "../src/domain/ids.ts";
import { outboxSliceMax, tellAgainMaxMs, tellAgainMs } from "../src/domain/limits.ts";
import type { Env } from "./env.ts";
import type { RepoTables } from "./repo-tables.ts";
import { logCalls, poolCalls } from "./stubs.ts";

/** A queue takes 256 KB a batch; what JSON measures is a little less than what is counted. */
const batchBytesMax = 200_000;

interface PoolNews {
	demand: boolean;
	ended: string[];
	canceled: string[];
}

export interface Present {
	/** The pool's demand as it is now, with a new version; null when it is what the pool was told last. */
	demand(pool: string, again: boolean): Demand | null;
	/** What the pool answered: live runners for each of the demand's sets. */
	heard(demand: Demand, runners: number[]): void;
	repository(): RepositoryName | null;
	/** The round is over: the alarm may have to be set. */
	rest(): void;
}

export class RepoTeller {
	readonly #env: Env;
	readonly #tables: RepoTables;
	readonly #present: Present;
	#pools = new Map<string, PoolNews>();
	#round: Promise<void> | null = null;
	#again = false;
	/** Pools that were told last that something waits. */
	readonly #expectant = new Set<string>();
	#outboxHasNews: boolean;
	#failures = 0;
	/** When to try again what failed; null while nothing did. */
	againAt: Millis | null = null;

	constructor(env: Env, tables: RepoTables, present: Present) {
		this.#env = env;
		this.#tables = tables;
		this.#present = present;
		this.#outboxHasNews = present.repository() !== null && tables.hasOutbox();
		if (this.#outboxHasNews) this.againAt = Date.now();
	}

	hasNews(): void {
		this.#outboxHasNews = true;
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
		while (this.#pools.size > 0 || this.#outboxHasNews) {
			const pools = this.#pools;
			const again = this.#again;
			this.#again = false;
			this.#pools = new Map();
			this.#outboxHasNews = false;
			const results = await Promise.allSettled([
				...[...pools].map(([pool, news]) => this.#tellPool(pool, news, again)),
				this.#sendChanges(),
				this.#closeLogs(),
			]);
			const failed = results.find((result) => result.status === "rejected");
			if (failed) {
				console.error(JSON.stringify({ event: "tell-failed", cause: String(failed.reason) }));
				const wait = Math.min(tellAgainMs * 2 ** this.#failures++, tellAgainMaxMs);
				this.#outboxHasNews = true;
				this.againAt = Date.now() + wait;
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
			work.push(calls.demand(demand).then(({ runners }) => this.#present.heard(demand, runners)));
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
		const rows = this.#tables.outbox("change", outboxSliceMax);
		if (rows.length === 0) return;
		let bytes = 0;
		const batch = rows.filter(({ body }, at) => {
			bytes += body.length;
			return at === 0 || bytes <= batchBytesMax;
		});
		await this.#env.EVENTS.sendBatch(batch.map(({ body }) => ({ body: JSON.parse(body) as ChangeEvent })));
		this.#tables.drop(batch.map(({ id }) => id));
		if (batch.length < rows.length || rows.length === outboxSliceMax) this.#outboxHasNews = true;
	}

	async #closeLogs(): Promise<void> {
		const rows = this.#tables.outbox("close", outboxSliceMax);
		const results = await Promise.allSettled(
			rows.map(async ({ id, body }) => {
				const close = JSON.parse(body) as LogClose;
				await logCalls(this.#env, close).close(close);
				return id;
			}),
		);
		const done = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
		if (done.length > 0) this.#tables.drop(done);
		if (done.length < rows.length) throw new Error(`${rows.length - done.length} logs could not be told of their end`);
		if (rows.length === outboxSliceMax) this.#outboxHasNews = true;
	}
}
