// How long the jobs granted last had waited, and how long the last attempts took. The rows of the last runs' jobs have it, which
// are written anyway; so it survives a sleep, and is read only when somebody asks for the first time since.
import type { Millis, RunId } from "../../../domain/ids.ts";
import type { Job, Move } from "../../../domain/job/job.ts";
import { Recent, recentMax } from "../../../domain/recent.ts";

/** Runs remembered as the last: their ids are written with each new one. */
export const recentRunsMax = 64;

export interface SampleSource {
	/** The newest first. */
	recentRuns(): RunId[];
	samples(run: RunId, limit: number): { waited: Millis; took: Millis | null }[];
}

/** How long a job that is granted by this move had waited. */
export function waitOf(before: Job, after: Job): Millis | null {
	return before.state === "waiting" && after.state === "leased" ? after.lease.grantedAt - before.since : null;
}

interface Samples {
	waits: Recent;
	durations: Recent;
}

export class RepoSamples {
	readonly #source: SampleSource;
	#samples: Samples | null = null;

	constructor(source: SampleSource) {
		this.#source = source;
	}

	get waits(): Recent {
		return this.#load().waits;
	}

	get durations(): Recent {
		return this.#load().durations;
	}

	/** By a committed move. What nobody has asked for yet need not be remembered: the rows have it. */
	moved({ before, after, attempt }: Move): void {
		if (before !== null) {
			const waited = waitOf(before, after);
			if (waited !== null) this.#samples?.waits.add(waited);
		}
		if (attempt) this.#samples?.durations.add(attempt.finishedAt - attempt.startedAt);
	}

	#load(): Samples {
		if (this.#samples !== null) return this.#samples;
		const found: { waited: Millis; took: Millis | null }[] = [];
		for (const run of this.#source.recentRuns()) {
			if (found.length >= recentMax) break;
			found.push(...this.#source.samples(run, recentMax - found.length));
		}
		this.#samples = { waits: new Recent(), durations: new Recent() };
		// The newest last: it is forgotten last.
		for (const { waited, took } of found.reverse()) {
			this.#samples.waits.add(waited);
			if (took !== null) this.#samples.durations.add(took);
		}
		return this.#samples;
	}
}
