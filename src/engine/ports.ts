// What an object is given by the runtime it lives in. The engine knows nothing else of the world: in workerd these are the
// object's storage and clock, in Node a SQLite in memory and a clock moved by hand. So the same program runs in both.
import type { OperationalEvent } from "../contracts/wire/operational-event.ts";
import type { Millis } from "../domain/ids.ts";

export type SqlValue = ArrayBuffer | string | number | null;
export type SqlRow = Record<string, SqlValue>;

/** The rows of one statement, read as they are asked for; another statement may end it. */
export interface SqlCursor<T> extends Iterable<T> {
	toArray(): T[];
	/** Throws unless there is exactly one. */
	one(): T;
	readonly rowsRead: number;
	readonly rowsWritten: number;
}

/** Synchronous: a turn of an object does not wait for its own tables. */
export interface Sql {
	/** Without values it may be several statements. */
	exec<T extends SqlRow>(statement: string, ...values: (SqlValue | Uint8Array)[]): SqlCursor<T>;
}

export interface Storage {
	readonly sql: Sql;
	/** All writes of `work`, or, when it throws, none. Not nested. */
	transactionSync<T>(work: () => T): T;
	/**
	 * As `transactionSync`, and `work` may give way meanwhile: no other event reaches the object before it is over, so that nobody
	 * sees or writes anything in between.
	 */
	transaction<T>(work: () => Promise<T>): Promise<T>;
	/** Resolves when all that was written is on disk. */
	sync(): Promise<void>;
	/** The object has one alarm; a later call moves it. */
	setAlarm(at: Millis): Promise<void>;
	deleteAlarm(): Promise<void>;
	/** When it goes off; null: it is not set, or is going off just now. */
	getAlarm(): Promise<Millis | null>;
	/** Everything, the alarm too: an object of which nothing is left takes no room. */
	deleteAll(): Promise<void>;
}

export interface World {
	readonly storage: Storage;
	now(): Millis;
	/** In [0, 1). */
	random(): number;
	/** `done` after `ms`, or never once it is canceled. */
	wait(ms: Millis): { done: Promise<void>; cancel(): void };
	/** Resolves once others on this thread had their turn: on one machine all objects share it. */
	giveWay(): Promise<void>;
	report(event: OperationalEvent): void;
}
