// What a repository knows of its pools from the answers of their shards: how many runners fit which labels, and whether the pool
// hands out jobs. Kept in memory. Before a job's waiting is explained, the pool is asked again if its answer is older than some
// seconds, and its answer is awaited for a moment.
import type { Demand, DemandAnswer } from "../../../contracts/objects/objects.ts";
import type { Millis } from "../../../domain/ids.ts";
import { fits } from "../../../domain/pool/pool.ts";
import type { PoolPause, Unfit } from "../../../domain/pool/pool.ts";
import type { Lane } from "../../../domain/queue/queue.ts";
import type { World } from "../../ports.ts";
import type { PoolFacts } from "../../../domain/queue/waiting.ts";

/** What a pool said is taken for true this long. */
const freshMs = 3_000;
/** Whoever asks why a job waits is kept waiting for a pool's answer no longer than this. */
const answerMs = 1_000;
/** Pools asked for one answer; a run with jobs in more is a rare thing. */
const poolsAsked = 32;

export interface PoolSource extends Pick<World, "now" | "wait"> {
	/** The pool's demand as it is now; null: there is no repository. */
	demand(pool: string): Demand | null;
	/** Asks all shards, whose answers come to `heard` before it resolves. Rejects when one does not answer. */
	ask(pool: string): Promise<void>;
}

interface LabelSet {
	labels: readonly string[];
	/** By shard. `some` where a runner was seen that was not counted. */
	runners: Map<number, number>;
	/** By shard, those that fit and are given nothing. */
	unfit: Map<number, Unfit>;
}

const nobody: Unfit = { draining: 0, unwell: 0, reason: null };

function sum(shards: Iterable<Unfit>): Unfit {
	return [...shards].reduce(
		(all, { draining, unwell, reason }) => ({
			draining: all.draining + draining,
			unwell: all.unwell + unwell,
			reason: all.reason ?? reason,
		}),
		nobody,
	);
}

/** More than none, and not known to be one alone. */
const some = Number.POSITIVE_INFINITY;

export class KnownPools {
	readonly #source: PoolSource;
	/** By pool and labels. */
	readonly #sets = new Map<string, Map<string, LabelSet>>();
	readonly #pauses = new Map<string, PoolPause | null>();
	readonly #askedAt = new Map<string, Millis>();
	readonly #asking = new Map<string, Promise<void>>();

	constructor(source: PoolSource) {
		this.#source = source;
	}

	facts({ pool, labels }: Pick<Lane, "pool" | "labels">): PoolFacts {
		const unfit = sum(this.#sets.get(pool)?.get(labels.join(","))?.unfit.values() ?? []);
		return { runners: this.runnersFor({ pool, labels }), pause: this.#pauses.get(pool) ?? null, unfit };
	}

	/** Live runners that fit; null while the pool has not said. */
	runnersFor({ pool, labels }: Pick<Lane, "pool" | "labels">): number | null {
		const set = this.#sets.get(pool)?.get(labels.join(","));
		return set ? [...set.runners.values()].reduce((sum, runners) => sum + runners, 0) : null;
	}

	heard(shard: number, { pool, sets }: Demand, { runners, unfit, pause }: DemandAnswer): void {
		if (shard === 0) this.#pauses.set(pool, pause);
		sets.forEach(({ labels }, at) => {
			const set = this.#set(pool, labels);
			set.runners.set(shard, runners[at] ?? 0);
			set.unfit.set(shard, unfit?.[at] ?? nobody);
		});
	}

	heardPause(pool: string, pause: PoolPause | null): void {
		this.#pauses.set(pool, pause);
	}

	/** A runner with these labels asks: whatever it fits has one, though it may have come only now. */
	seen({ pool, shard, labels }: { pool: string; shard: number; labels: readonly string[] }): void {
		const has = new Set(labels);
		for (const set of this.#sets.get(pool)?.values() ?? []) {
			if (this.runnersFor({ pool, labels: [...set.labels] }) === 0 && fits(set.labels, has))
				set.runners.set(shard, some);
		}
	}

	/** [E3] Resolves when what is known of these lanes' pools is fresh, or cannot be had now. */
	async refresh(lanes: readonly Pick<Lane, "pool" | "labels">[]): Promise<void> {
		const pools = new Set(lanes.filter((lane) => !this.#isFresh(lane)).map(({ pool }) => pool));
		if (pools.size === 0) return;
		const asked = Promise.allSettled([...pools].slice(0, poolsAsked).map((pool) => this.#ask(pool)));
		const late = this.#source.wait(answerMs);
		await Promise.race([asked, late.done]).finally(late.cancel);
	}

	#isFresh(lane: Pick<Lane, "pool" | "labels">): boolean {
		if (this.#source.now() - (this.#askedAt.get(lane.pool) ?? 0) >= freshMs) return false;
		if (this.runnersFor(lane) !== null) return true;
		// Nobody is asked about runners for what could not start anyway.
		const key = lane.labels.join(",");
		return !this.#source.demand(lane.pool)?.sets.some(({ labels }) => labels.join(",") === key);
	}

	#ask(pool: string): Promise<void> {
		const known = this.#asking.get(pool);
		if (known !== undefined) return known;
		const asking = this.#source
			.ask(pool)
			.then(() => {
				this.#askedAt.set(pool, this.#source.now());
			})
			.finally(() => this.#asking.delete(pool));
		this.#asking.set(pool, asking);
		return asking;
	}

	#set(pool: string, labels: readonly string[]): LabelSet {
		const sets = this.#sets.get(pool) ?? new Map<string, LabelSet>();
		this.#sets.set(pool, sets);
		const key = labels.join(",");
		const set = sets.get(key) ?? { labels, runners: new Map<number, number>(), unfit: new Map<number, Unfit>() };
		sets.set(key, set);
		return set;
	}
}
