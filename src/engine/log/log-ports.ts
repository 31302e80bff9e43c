// What the engine of one log is given beside its world: a place for single values, its sockets, and the far ends that it calls.
// Each call may fail or come twice on the way.
import type { LeaseIdentity, RepoCalls, Renewed } from "../../contracts/objects/objects.ts";
import type { LogName } from "../../contracts/wire/object-name.ts";
import type { LogRecord } from "../../domain/job/job.ts";
import type { World } from "../ports.ts";
import type { HeldSockets } from "../sockets.ts";
import type { EndedTokens } from "../watcher-ends.ts";

/** Values under keys, in the same storage and the same transactions as the tables; a value costs one row, and no table. */
export interface KeyValues {
	get<T>(key: string): T | undefined;
	put(key: string, value: unknown): void;
}

/** What the archive says of a log. */
export interface Archived {
	record: LogRecord;
	outcome: string | null;
}

/** A log as blocks that can each be unpacked alone, for the archive. */
export interface LogParts {
	sizes: number[];
	part(number: number): Uint8Array;
}

export interface Sealing extends Archived {
	/** Null: kept for ever. */
	expiresAt: number | null;
	parts: LogParts;
}

export interface LogArchive {
	/** Null when it has none. */
	head(name: LogName): Promise<Archived | null>;
	/** False when there was an archive before: nothing is ever written over. */
	put(name: LogName, log: Sealing): Promise<boolean>;
}

export interface LogOutside extends EndedTokens {
	repo(): Pick<RepoCalls, "confirmLog" | "logSealed">;
	/** The operator's switch: off, no log moves to the archive. */
	mayArchive(): boolean;
	archive: LogArchive;
	/** Its pool hears that the lease is alive. */
	renew(lease: LeaseIdentity): Promise<Renewed | undefined>;
	/** False where the machine has no room for more. Known at once: a frame that waited here would let the next one pass. */
	hasRoom(): boolean;
	/** Work that nobody waits for, and that keeps the object awake. */
	later(work: Promise<unknown>): void;
}

export interface LogPorts {
	name: LogName;
	world: World;
	values: KeyValues;
	sockets: HeldSockets;
	outside: LogOutside;
}
