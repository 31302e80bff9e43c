// What a LogObject stores. A log is an object of its own, so whatever its storage needs before the first byte is paid by every
// job: to make one table is two rows, which is why what each log has stands under keys, and only one of 64 KiB or more makes
// a table, of its blocks. An append is one row, a block is one more, and nothing is deleted before everything is: a tail's
// slot is used again once its bytes are in a block.
import type { LeaseState } from "../../contracts/http/runner.ts";
import type { StepRecord } from "../../domain/job/job.ts";
import type { ClosedLog } from "../../domain/log/log.ts";
import type { Sql } from "../ports.ts";
import { refuseNewer } from "../table-versions.ts";
import type { TableVersions } from "../table-versions.ts";
import type { KeyValues } from "./log-ports.ts";

const rowKey = "log";
const tailKey = (slot: number) => `tail ${slot}`;

/** A log's entry says which of these it is of; one without a number is of the first. They are shapes, and need no statement. */
export const logTables = { of: "log", versions: ["an entry, slots of a tail, blocks"] } satisfies TableVersions;

/** Everything of a log but its bytes. `tries` counts attempts at sealing that came to nothing: above 0 the log is frozen. */
export interface LogRow {
	epoch: number;
	bytesMax: number | null;
	lease: LeaseState;
	steps: StepRecord[];
	closed: ClosedLog | null;
	tries: number;
	/** The length that is all there is, as a killed runner's next process said before the repository told the attempt's end. */
	wholeAt?: number;
}

/** `times` is the index of when the bytes came, as `encodeTimes` writes it from `start`. */
export interface TailRow {
	slot: number;
	start: number;
	bytes: Uint8Array;
	times: Uint8Array;
}

export class LogTables {
	readonly #values: KeyValues;
	readonly #sql: Sql;

	constructor(sql: Sql, values: KeyValues) {
		this.#values = values;
		this.#sql = sql;
	}

	/** Null for an object that nothing was written to: looking leaves no trace in it. */
	load(): LogRow | null {
		const stored = this.#values.get<LogRow & { schema?: number }>(rowKey);
		if (stored === undefined) return null;
		const { schema = 1, ...row } = stored;
		refuseNewer(logTables, schema);
		return row;
	}

	save(row: LogRow): void {
		this.#values.put(rowKey, { ...row, schema: logTables.versions.length });
	}

	blockCount(): number {
		return this.#hasBlocks() ? this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM block").one().n : 0;
	}

	/** In order of number; `length` reads no block. */
	blockSizes(): number[] {
		if (!this.#hasBlocks()) return [];
		const rows = this.#sql.exec<{ size: number }>("SELECT length(bytes) AS size FROM block ORDER BY number");
		return rows.toArray().map(({ size }) => size);
	}

	block(number: number): Uint8Array {
		const row = this.#sql.exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM block WHERE number = ?", number).one();
		return new Uint8Array(row.bytes);
	}

	addBlock(number: number, bytes: Uint8Array): void {
		if (number === 0) this.#sql.exec("CREATE TABLE block (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
		this.#sql.exec("INSERT INTO block VALUES (?, ?)", number, bytes);
	}

	/** The tail's rows in order, `from` being its first byte. One that does not follow is a leftover of an earlier tail. */
	*tail(from: number): Iterable<TailRow> {
		for (let slot = 0, next = from; ; slot++) {
			const row = this.#values.get<Omit<TailRow, "slot">>(tailKey(slot));
			if (row?.start !== next) return;
			next += row.bytes.length;
			yield { slot, ...row };
		}
	}

	saveTail({ slot, ...row }: TailRow): void {
		this.#values.put(tailKey(slot), row);
	}

	#hasBlocks(): boolean {
		return this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'block'").toArray().length > 0;
	}
}
