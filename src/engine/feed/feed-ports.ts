// What the engine of a run's feed is given beside its world: its watchers' sockets, and the far ends that it asks.
import type { Run } from "../../contracts/http/run.ts";
import type { FeedName } from "../../contracts/wire/object-name.ts";
import type { Millis } from "../../domain/ids.ts";
import type { Result } from "../../domain/refusal.ts";
import type { World } from "../ports.ts";
import type { HeldSockets } from "../sockets.ts";
import type { EndedTokens } from "../watcher-ends.ts";

export interface FeedOutside extends EndedTokens {
	/** The run as it is, from its repository or, once it has left that, from the archive. The repository tells changes until then. */
	run(watchedUntil: Millis): Promise<Result<Run>>;
	/** Work that nobody waits for, and that keeps the object awake. */
	later(work: Promise<unknown>): void;
}

export interface FeedPorts {
	name: FeedName;
	world: World;
	sockets: HeldSockets;
	outside: FeedOutside;
}
