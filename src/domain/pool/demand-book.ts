// What a pool's shard believes that repositories want of it. The higher version of a repository's word wins. What is believed
// may be gone all the same: an end is not written by every shard, and a repository does not tell every shard of it [P10]. So a
// belief that something waits is confirmed by its repository before anybody is shown it, unless the repository said it just now
// [P16].
import type { Millis } from "../ids.ts";
import { demandFreshMs } from "../limits.ts";
import type { LabelDemand } from "../queue/queue.ts";

export interface VersionedDemand {
	version: number;
	sets: LabelDemand[];
}

/** What becomes of the stored word of a repository. */
export type DemandRow = "keep" | "save" | "drop";

interface Belief<D> {
	demand: D;
	/** When the repository said so; null: before this object woke, or by the word of another shard. */
	heardAt: Millis | null;
}

export interface DoubtfulDemand {
	repository: string;
	version: number;
}

export class DemandBook<D extends VersionedDemand> {
	readonly #beliefs = new Map<string, Belief<D>>();
	/** By repository, which label sets its stored demand names. */
	readonly #stored = new Map<string, string>();

	/** As it was stored. */
	recall(repository: string, demand: D): void {
		this.#beliefs.set(repository, { demand, heardAt: null });
		this.#stored.set(repository, namesOf(demand));
	}

	/**
	 * Null when a newer version is known. What must survive a sleep is that somebody waits, and with which labels: figures and
	 * an end are not worth a row with every job.
	 */
	hear(repository: string, demand: D, heardAt: Millis | null): DemandRow | null {
		const known = this.#beliefs.get(repository);
		if (known && known.demand.version >= demand.version) {
			if (known.demand.version === demand.version && heardAt !== null) known.heardAt = heardAt;
			return null;
		}
		this.#beliefs.set(repository, { demand, heardAt });
		const names = namesOf(demand);
		if (demand.sets.length === 0 || this.#stored.get(repository) === names) return "keep";
		this.#stored.set(repository, names);
		return "save";
	}

	/**
	 * The repository's answer to a question; null: it is not there any more. An end is written, so that no sleep brings the
	 * belief back.
	 */
	learn(repository: string, demand: D | null, now: Millis): DemandRow {
		if (demand === null) this.#beliefs.delete(repository);
		const row = demand === null ? "keep" : (this.hear(repository, demand, now) ?? "keep");
		if (row === "save" || (this.#beliefs.get(repository)?.demand.sets.length ?? 0) > 0) return row;
		return this.#stored.delete(repository) ? "drop" : "keep";
	}

	/** [P16] Repositories that are believed to want something and have not said so lately, the longest unheard first. */
	doubtful(now: Millis): DoubtfulDemand[] {
		const doubtful: { repository: string; version: number; heardAt: Millis }[] = [];
		for (const [repository, { demand, heardAt }] of this.#beliefs) {
			if (demand.sets.length === 0 || (heardAt !== null && now - heardAt < demandFreshMs)) continue;
			doubtful.push({ repository, version: demand.version, heardAt: heardAt ?? 0 });
		}
		doubtful.sort((a, b) => a.heardAt - b.heardAt);
		return doubtful.map(({ repository, version }) => ({ repository, version }));
	}

	/** What is believed of a repository; 0: nothing. */
	versionOf(repository: string): number {
		return this.#beliefs.get(repository)?.demand.version ?? 0;
	}

	*all(): Iterable<[repository: string, demand: D]> {
		for (const [repository, { demand }] of this.#beliefs) yield [repository, demand];
	}

	/** As one shard's figures have them. */
	figures(now: Millis): { repository: string; version: number; waiting: number; since: Millis }[] {
		return [...this.all()].map(([repository, { version, sets }]) => ({
			...{ repository, version },
			waiting: sets.reduce((sum, { waiting }) => sum + waiting, 0),
			since: Math.min(now, ...sets.map(({ since }) => since)),
		}));
	}
}

function namesOf({ sets }: VersionedDemand): string {
	return JSON.stringify(sets.map(({ labels }) => labels).sort());
}
