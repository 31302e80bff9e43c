// The table of a repository's or an owner's secrets, sealed: it and its backups hold none in the open.
import type { SealedSecret, SecretFacts } from "../contracts/objects/secrets.ts";
import type { SecretTerms } from "../domain/job/secret-terms.ts";
import type { Millis } from "../domain/ids.ts";
import type { Sql } from "./ports.ts";

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
		return new Map(rows.map((row) => [row.name, secretOf(row)]));
	}

	after(name: string, limit: number): SealedSecret[] {
		const page = "SELECT name, sealed, refs, forks FROM secret WHERE name > ? ORDER BY name LIMIT ?";
		return this.#sql.exec<Omit<Row, "at">>(page, name, limit).toArray().map(secretOf);
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

	/** Sealed anew: nothing else of it changes, and what was set meanwhile stays. */
	replace(name: string, { before, after }: { before: string; after: string }): void {
		this.#sql.exec("UPDATE secret SET sealed = ? WHERE name = ? AND sealed = ?", after, name, before);
	}

	delete(name: string): void {
		this.#sql.exec("DELETE FROM secret WHERE name = ?", name);
	}
}

function secretOf({ name, sealed, ...row }: Omit<Row, "at">): SealedSecret {
	return { name, sealed, ...termsOf(row) };
}

function termsOf({ refs, forks }: Pick<Row, "refs" | "forks">): SecretTerms {
	return { refs: refs === null ? null : JSON.parse(refs), forks: forks === 1 };
}
