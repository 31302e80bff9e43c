// Which waits a watch tells of: a job that still waits for the same at the second look, and once for each thing it waits for.
// On a free runner a job waits for moments, and nobody wants a line for that; without one a watch would be silent for ever.
import type { Job, Waiting } from "../../contracts/http/run.ts";

type Code = Waiting["code"];

/** Jobs that wait for the same, the first of them for all. */
export interface SharedWait {
	job: Job;
	others: number;
}

export class Waits {
	readonly #seen = new Map<string, Code>();
	readonly #told = new Map<string, Code>();

	/** What is to be told after this look. Blocked jobs wait for jobs of the run, which speak for themselves. */
	look(jobs: readonly Job[]): SharedWait[] {
		const shared = new Map<string, SharedWait>();
		for (const { job, waiting } of jobs.flatMap(waitOf)) {
			const isStill = this.#seen.get(job.id) === waiting.code;
			this.#seen.set(job.id, waiting.code);
			if (!isStill || this.#told.get(job.id) === waiting.code) continue;
			this.#told.set(job.id, waiting.code);
			const same = shared.get(waiting.detail);
			if (same === undefined) shared.set(waiting.detail, { job, others: 0 });
			else same.others++;
		}
		return [...shared.values()];
	}
}

/** That a job backs off is told with the end of its attempt. */
function waitOf(job: Job): { job: Job; waiting: Waiting }[] {
	if (job.state !== "waiting" || job.waiting === null) return [];
	if (job.attempts.length > 0 && job.waiting.code === "backing-off") return [];
	return [{ job, waiting: job.waiting }];
}
