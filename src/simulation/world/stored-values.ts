// Values under keys in the SQLite of a simulated object: in the same transactions as its tables, and gone with them.
import { deserialize, serialize } from "node:v8";
import type { KeyValues } from "../../engine/log/log-ports.ts";
import type { SqliteStorage } from "./sqlite-storage.ts";

export class StoredValues implements KeyValues {
	readonly #storage: SqliteStorage;

	constructor(storage: SqliteStorage) {
		this.#storage = storage;
	}

	get<T>(key: string): T | undefined {
		if (!this.#hasTable()) return undefined;
		const { sql } = this.#storage;
		const [row] = sql.exec<{ value: ArrayBuffer }>("SELECT value FROM kept_value WHERE key = ?", key).toArray();
		return row && deserialize(new Uint8Array(row.value));
	}

	put(key: string, value: unknown): void {
		const { sql } = this.#storage;
		if (!this.#hasTable()) sql.exec("CREATE TABLE kept_value (key TEXT PRIMARY KEY, value BLOB)");
		sql.exec("INSERT OR REPLACE INTO kept_value VALUES (?, ?)", key, serialize(value));
	}

	#hasTable(): boolean {
		return this.#storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'kept_value'").toArray().length > 0;
	}
}
