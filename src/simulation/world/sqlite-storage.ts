// An object's storage in Node: SQLite in memory, and the instant of the one alarm. It outlives the engines that run over it, as
// an object's disk outlives the object; an engine that has died can write nothing more.
import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import type { Sql, SqlCursor, SqlRow, SqlValue, Storage } from "../../engine/ports.ts";
import type { Millis } from "../../domain/ids.ts";

export class SqliteStorage implements Storage {
	#database = new DatabaseSync(":memory:");
	readonly #statements = new Map<string, { statement: StatementSync; hasRows: boolean }>();
	alarmAt: Millis | null = null;
	/** Before each statement that writes: what it throws is the disk's fault. */
	beforeWrite: () => void = () => {};
	readonly sql: Sql = { exec: (statement, ...values) => this.#exec(statement, values) };

	transactionSync<T>(work: () => T): T {
		this.#database.exec("BEGIN");
		try {
			const result = work();
			this.#database.exec("COMMIT");
			return result;
		} catch (cause) {
			this.#database.exec("ROLLBACK");
			throw cause;
		}
	}

	/** Whoever shares the storage keeps from it meanwhile. */
	async transaction<T>(work: () => Promise<T>): Promise<T> {
		this.#database.exec("BEGIN");
		try {
			const result = await work();
			this.#database.exec("COMMIT");
			return result;
		} catch (cause) {
			this.#database.exec("ROLLBACK");
			throw cause;
		}
	}

	async sync(): Promise<void> {}

	async setAlarm(at: Millis): Promise<void> {
		this.alarmAt = at;
	}

	async deleteAlarm(): Promise<void> {
		this.alarmAt = null;
	}

	async getAlarm(): Promise<Millis | null> {
		return this.alarmAt;
	}

	async deleteAll(): Promise<void> {
		this.beforeWrite();
		this.#database.close();
		this.#database = new DatabaseSync(":memory:");
		this.#statements.clear();
		this.alarmAt = null;
	}

	/** How many rows were ever written: what reads everything need not read it again while this stays. */
	get changes(): number {
		return this.#exec<{ n: number }>("SELECT total_changes() AS n", []).one().n;
	}

	#exec<T extends SqlRow>(text: string, values: (SqlValue | Uint8Array)[]): SqlCursor<T> {
		let known = this.#statements.get(text);
		if (known === undefined) {
			if (values.length === 0 && text.includes(";")) {
				this.#database.exec(text);
				return new Rows<T>([], 0);
			}
			const statement = this.#database.prepare(text);
			known = { statement, hasRows: statement.columns().length > 0 };
			this.#statements.set(text, known);
		}
		const bound = values.map((value) => (value instanceof ArrayBuffer ? new Uint8Array(value) : value));
		if (known.hasRows) return new Rows(known.statement.all(...bound) as T[], 0);
		this.beforeWrite();
		return new Rows<T>([], Number(known.statement.run(...bound).changes));
	}
}

class Rows<T> implements SqlCursor<T> {
	readonly #rows: T[];
	readonly rowsWritten: number;

	constructor(rows: T[], rowsWritten: number) {
		this.#rows = rows;
		this.rowsWritten = rowsWritten;
	}

	get rowsRead(): number {
		return this.#rows.length;
	}

	toArray(): T[] {
		return this.#rows;
	}

	one(): T {
		const [row, ...more] = this.#rows;
		if (row === undefined || more.length > 0) throw new Error(`${this.#rows.length} rows where one was expected`);
		return row;
	}

	[Symbol.iterator](): Iterator<T> {
		return this.#rows[Symbol.iterator]();
	}
}
