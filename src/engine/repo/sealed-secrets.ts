// The repository's secrets, sealed before they come here: this table and its backups hold no secret in the open.
import type { SecretFacts } from "../../contracts/objects/objects.ts";
import type { SecretTerms } from "../../domain/job/secret-terms.ts";
import type { Millis } from "../../domain/ids.ts";
import type { Sql } from "../ports.ts";

export interface SealedSecret extends SecretTerms {
	name: string;
	sealed: string;
}

type Row = { name: string; sealed: string; refs: string | null; forks: number; at: number | null };

export class SealedSecrets {
	readonly #sql: Sql;

	constructor(sql: Sql) {
		this.#sql = sql;
	}

	/** By name, those of these that there are. */
	named(names: readonly string[]): Map<string, SealedSecret> {
		const named = "SELECT name, sealed, refs, forks FROM secret WHERE name IN (SELECT value FROM json_each(?))";
		const rows = this.#sql.exec<Omit<Row, "at">>(named, JSON.stringify(names)).toArray();
		return new Map(rows.map(({ name, sealed, ...row }) => [name, { name, sealed, ...termsOf(row) }]));
	}

	facts(): SecretFacts[] {
		const all = "SELECT name, refs, forks, at FROM secret ORDER BY name";
		return this.#sql
			.exec<Omit<Row, "sealed">>(all)
			.toArray()
			.map(({ name, at, ...row }) => ({ name, ...termsOf(row), at }));
	}

	has(name: string): boolean {
		return this.#sql.exec("SELECT 1 FROM secret WHERE name = ?", name).toArray().length > 0;
	}

	get count(): number {
		return this.#sql.exec<{ count: number }>("SELECT COUNT(*) AS count FROM secret").one().count;
	}

	save({ name, sealed, refs, forks }: SealedSecret, at: Millis): void {
		const insert = "INSERT OR REPLACE INTO secret (name, sealed, refs, forks, at) VALUES (?, ?, ?, ?, ?)";
		this.#sql.exec(insert, name, sealed, refs && JSON.stringify(refs), forks ? 1 : 0, at);
	}

	delete(name: string): void {
		this.#sql.exec("DELETE FROM secret WHERE name = ?", name);
	}
}

function termsOf({ refs, forks }: Pick<Row, "refs" | "forks">): SecretTerms {
	return { refs: refs === null ? null : JSON.parse(refs), forks: forks === 1 };
}
