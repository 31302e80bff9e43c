// The repository's secrets, sealed by the Worker before they come here: this table and its backups hold no secret in the open.
import type { Sql } from "../ports.ts";

export class SealedSecrets {
	readonly #sql: Sql;

	constructor(sql: Sql) {
		this.#sql = sql;
	}

	/** By name, those of these that there are. */
	named(names: readonly string[]): Map<string, string> {
		const named = "SELECT name, sealed FROM secret WHERE name IN (SELECT value FROM json_each(?))";
		const rows = this.#sql.exec<{ name: string; sealed: string }>(named, JSON.stringify(names)).toArray();
		return new Map(rows.map(({ name, sealed }) => [name, sealed]));
	}

	names(): string[] {
		return this.#sql
			.exec<{ name: string }>("SELECT name FROM secret ORDER BY name")
			.toArray()
			.map(({ name }) => name);
	}

	/** Null takes the secret away. */
	save(name: string, sealed: string | null): void {
		if (sealed === null) this.#sql.exec("DELETE FROM secret WHERE name = ?", name);
		else this.#sql.exec("INSERT OR REPLACE INTO secret VALUES (?, ?)", name, sealed);
	}
}
