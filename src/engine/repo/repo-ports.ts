// What a repository's engine calls outside itself: other objects, the two queues, the archive of runs, the sealing key. Each call
// may fail or come twice on the way; none is made inside a transaction.
import type { ChangeEvent, Delivery } from "../../contracts/objects/events.ts";
import type { PoolCalls, RepositoryName } from "../../contracts/objects/objects.ts";
import type { LogCalls } from "../../contracts/objects/log-calls.ts";
import type { FeedCalls } from "../../contracts/objects/feed.ts";
import type { FeedName, LogName, PoolShardName } from "../../contracts/wire/object-name.ts";
import type { Millis, RunId } from "../../domain/ids.ts";
import type { OwnerCalls } from "../../contracts/objects/owner.ts";
import type { World } from "../ports.ts";
import type { SecretSealer } from "../secret-sealer.ts";

export interface RepoPorts {
	world: World;
	outside: RepoOutside;
	/** Jobs handled before other objects have their turn; absent: as many as the limit of that name says. */
	sliceJobs?: number;
}

export interface RepoOutside {
	pool(shard: PoolShardName): PoolCalls;
	log(name: LogName): LogCalls;
	feed(name: FeedName): FeedCalls;
	/** Over how many shards a pool's new runners are spread. */
	poolShards(): number;
	sendDeliveries(deliveries: Delivery[]): Promise<void>;
	sendChanges(changes: ChangeEvent[]): Promise<void>;
	/**
	 * Lists of this repository are to say that they have been behind since then, or, null, that they are not any more. Never throws,
	 * and is not waited for.
	 */
	setBehind(name: RepositoryName, since: Millis | null): void;
	/** The oldest change that the read model has not confirmed; null: there is none. For figures of the process. */
	noteLag(name: RepositoryName, since: Millis | null): void;
	/** The operator's switches: whether anything moves to the archive, and whether anything is projected. Asked at each step. */
	mayArchive(): boolean;
	mayProject(): boolean;
	archive: RunStore;
	/** Each call answers within a second or throws: a claim waits for it, whose grants must be started within ten. */
	owner(name: string): Pick<OwnerCalls, "secretsFor" | "dataKey">;
	sealer: SecretSealer;
}

/** Runs that left their object, as texts. */
export interface RunStore {
	put(name: RepositoryName, run: RunId, text: string): Promise<void>;
	/** Null: it has no such run. */
	get(name: RepositoryName, run: RunId): Promise<string | null>;
	/** Here and in the read model. */
	delete(name: RepositoryName, runs: readonly RunId[]): Promise<void>;
}
