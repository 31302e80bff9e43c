// The messages of the two queues. Each carries the whole present state of its subject and a version that only grows, so
// that order and doubles do not matter; or, where that is more than a message holds, its name, and the consumer asks.
import type { Demand, RepositoryName } from "./objects.ts";
import type { Repository } from "../http/repository.ts";
import type { Run } from "../http/run.ts";

/** Queue `deliveries`: a wake-up for a shard of a pool. */
export type Delivery =
	| { shard: number; demand: Demand }
	/** The demand is to be asked of the repository. */
	| { shard: number; ask: RepositoryName & { pool: string } };

/** Queue `events`: what changed in a repository by one turn of its object. */
export interface ChangeEvent extends RepositoryName {
	at: number;
	repository: Repository | null;
	run: Run | null;
	/** What is to be asked of the repository, in place of what is null here. */
	ask?: { repository: boolean; run: string | null };
	/** False: the run has no watcher, so only the read model need hear of it. Else its feed hears of the version. */
	watched?: boolean;
}
