// The messages of the two queues. Each carries the whole present state of its subject and a version that only grows, so
// that order and doubles do not matter.
import type { Demand, RepositoryName } from "./objects.ts";
import type { Repository } from "./repository.ts";
import type { Job, Run } from "./run.ts";

/** Queue `deliveries`: a wake-up for a pool. */
export interface Delivery {
	shard: number;
	demand: Demand;
}

/** Queue `events`: what changed in a repository by one turn of its object. `version` of jobs is their run's. */
export interface ChangeEvent extends RepositoryName {
	at: number;
	repository: Repository | null;
	run: Run | null;
	jobs: Job[];
}
