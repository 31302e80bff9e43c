// The demand that was announced to each pool last. Its version grows with each change, so that a pool may hear of it late, twice and in any
// order. A restart forgets the versions, and begins above all of them.
import type { Demand } from "../../../contracts/objects/objects.ts";
import type { Millis } from "../../../domain/ids.ts";
import { demandRepeatMs } from "../../../domain/limits.ts";
import { demandOf } from "../../../domain/queue/queue.ts";
import type { Standing } from "../../../domain/queue/standing.ts";
import type { ConfiguredRepository } from "../repository-row.ts";

export interface DemandSource {
	now(): Millis;
	repository(): ConfiguredRepository | null;
	standing(): Standing;
}

export class AnnouncedDemand {
	readonly #source: DemandSource;
	/** By pool. */
	readonly #last = new Map<string, Demand>();
	/** When all of it is announced again; at once after waking, since what was announced before is forgotten. */
	repeatAt: Millis | null = 0;

	constructor(source: DemandSource) {
		this.#source = source;
	}

	/** Every pool with a job in a lane, and every pool that still believes so. From now on the repetition counts. */
	poolsToNotify(): ReadonlySet<string> {
		const pools = new Set([...this.#last].filter(([, { sets }]) => sets.length > 0).map(([pool]) => pool));
		for (const { pool } of this.#source.standing().lanes()) pools.add(pool);
		this.repeatAt = pools.size === 0 ? null : this.#source.now() + demandRepeatMs;
		return pools;
	}

	/**
	 * The pool's demand as it is now, with a new version if it changed; what runs changes with every job and makes none. `known`
	 * is the version that a shard has: the answer is no older, even after a clock that was ahead was set back.
	 */
	of(pool: string, known = 0): Demand | null {
		const repository = this.#source.repository();
		if (repository === null) return null;
		const { owner, repo, settings } = repository;
		const standing = this.#source.standing();
		const sets = demandOf(standing.lanes(), pool, settings, standing.load);
		const last = this.#last.get(pool);
		const { poolWeight: weight } = settings;
		const running = standing.runningIn(pool);
		const isSame = last !== undefined && last.weight === weight && JSON.stringify(last.sets) === JSON.stringify(sets);
		if (isSame && last.version >= known) return { ...last, running };
		// Above every version before it, also above one that a crash made us forget.
		const version = Math.max((last?.version ?? 0) + 1, known + 1, this.#source.now());
		const demand: Demand = { owner, repo, pool, version, sets, running, weight };
		this.#last.set(pool, demand);
		return demand;
	}
}
