// The SQLite tables of a LogObject and every statement on them. Rows written are what an object's storage costs: an append
// is one row, a block is one more, and nothing is deleted before everything is. So a tail row's slot is used again once its
// bytes are in a block, and a row that begins before the tail's first byte is a leftover that nobody reads.
import type { LeaseState } from "../src/contracts/runner.ts";
import type { StepRecord } from "../src/domain/job.ts";
import type { ClosedLog } from "../src/domain/log.ts";

/** Each is applied once, in order; `log.schema` says how many were. Forward only. */
const versions = [
	`CREATE TABLE log (
		id INTEGER PRIMARY KEY CHECK (id = 1), schema INTEGER NOT NULL, epoch INTEGER NOT NULL, bytes_max INTEGER,
		lease TEXT NOT NULL, steps TEXT NOT NULL, closed TEXT, tries INTEGER NOT NULL);
	CREATE TABLE block (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
	CREATE TABLE tail (slot INTEGER PRIMARY KEY, start INTEGER NOT NULL, bytes BLOB NOT NULL);`,
	"ALTER TABLE tail ADD COLUMN times BLOB",
];

/** Everything of a log but its bytes. `tries` counts attempts at sealing: above 0 the log is frozen. */
export interface LogRow {
	epoch: number;
	bytesMax: number | null;
	lease: LeaseState;
	steps: StepRecord[];
	closed: ClosedLog | null;
	tries: number;
}

/** `times` is the index of when the bytes came, as `encodeTimes` writes it from `start`. */
export interface TailRow {
	slot: number;
	start: number;
	bytes: Uint8Array;
	times: Uint8Array;
}

export class LogTables {
	#sql: SqlStorage;

	constructor(sql: SqlStorage) {
		this.#sql = sql;
	}

	/** Null for an object that nothing was written to: looking leaves no trace in it. */
	load(): LogRow | null {
		if (this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'log'").toArray().length === 0) return null;
		const row = this.#sql
			.exec<{
				schema: number;
				epoch: number;
				bytes_max: number | null;
				lease: string;
				steps: string;
				closed: string | null;
				tries: number;
			}>("SELECT schema, epoch, bytes_max, lease, steps, closed, tries FROM log")
			.toArray()[0];
		if (!row) return null;
		for (const version of versions.slice(row.schema)) this.#sql.exec(version);
		if (row.schema < versions.length) this.#sql.exec("UPDATE log SET schema = ?", versions.length);
		return {
			epoch: row.epoch,
			bytesMax: row.bytes_max,
			lease: row.lease as LeaseState,
			steps: JSON.parse(row.steps),
			closed: row.closed === null ? null : JSON.parse(row.closed),
			tries: row.tries,
		};
	}

	create(): void {
		for (const version of versions) this.#sql.exec(version);
	}

	save({ epoch, bytesMax, lease, steps, closed, tries }: LogRow): void {
		this.#sql.exec(
			"INSERT OR REPLACE INTO log VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
			versions.length,
			epoch,
			bytesMax,
			lease,
			JSON.stringify(steps),
			closed === null ? null : JSON.stringify(closed),
			tries,
		);
	}

	blockCount(): number {
		return this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM block").one().n;
	}

	/** In order of number; `length` reads no block. */
	blockSizes(): number[] {
		const rows = this.#sql.exec<{ size: number }>("SELECT length(bytes) AS size FROM block ORDER BY number");
		return rows.toArray().map(({ size }) => size);
	}

	block(number: number): Uint8Array {
		const row = this.#sql.exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM block WHERE number = ?", number).one();
		return new Uint8Array(row.bytes);
	}

	addBlock(number: number, bytes: Uint8Array): void {
		this.#sql.exec("INSERT INTO block VALUES (?, ?)", number, bytes);
	}

	/** The tail's rows from its first byte on, in order. One may repeat what another has. */
	tail(from: number): TailRow[] {
		const rows = this.#sql.exec<{ slot: number; start: number; bytes: ArrayBuffer; times: ArrayBuffer | null }>(
			"SELECT slot, start, bytes, times FROM tail WHERE start >= ? ORDER BY start",
			from,
		);
		return rows.toArray().map(({ slot, start, bytes, times }) => ({
			...{ slot, start, bytes: new Uint8Array(bytes), times: new Uint8Array(times ?? []) },
		}));
	}

	saveTail({ slot, start, bytes, times }: TailRow): void {
		this.#sql.exec(
			"INSERT INTO tail VALUES (?1, ?2, ?3, ?4) ON CONFLICT (slot) DO UPDATE SET start = ?2, bytes = ?3, times = ?4",
			slot,
			start,
			bytes,
			times,
		);
	}
}
