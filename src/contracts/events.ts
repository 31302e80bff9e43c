// The messages of the two queues. Each carries the whole present state of its subject and a version that only grows, so
// that order and doubles do not matter.
import type { Demand, RepositoryName } from "./objects.ts";
import type { Repository } from "./repository.ts";
import type { Run } from "./run.ts";
import type { JobState, Outcome } from "../domain/job.ts";
import type { Millis } from "../domain/ids.ts";

/** Queue `deliveries`: a wake-up for a pool. */
export interface Delivery {
	shard: number;
	demand: Demand;
}

/** A job as the read model keeps it; `version` is its run's when it changed. */
export interface JobSummary {
	id: string;
	run: string;
	key: string;
	name: string;
	state: JobState;
	outcome: Outcome | null;
	attempts: number;
	createdAt: Millis;
	finishedAt: Millis | null;
	version: number;
}

/** Queue `events`: what changed in a repository by one turn of its object. */
export interface ChangeEvent extends RepositoryName {
	at: number;
	repository: Repository | null;
	run: Run | null;
	jobs: JobSummary[];
	/** False: nobody follows the run, so nobody but the read model need be told. Else who follows it hears of the version. */
	watched?: boolean;
}
