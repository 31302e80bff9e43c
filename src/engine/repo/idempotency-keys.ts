// What each idempotency key was used for: the digest of its call, and the run or job that came of it. A key is stored in the
// transaction of its effect, so that neither is there without the other; the sweep forgets it after `idempotencyKeptMs`.
import type { Millis } from "../../domain/ids.ts";
import type { Sql } from "../ports.ts";

export class IdempotencyKeys {
	readonly #sql: Sql;

	constructor(sql: Sql) {
		this.#sql = sql;
	}

	/** What a key was used for, if it still is known. */
	find(key: string): { digest: string; subject: string } | null {
		const found = "SELECT digest, subject FROM request WHERE key = ?";
		return this.#sql.exec<{ digest: string; subject: string }>(found, key).toArray()[0] ?? null;
	}

	save(key: string, digest: string, subject: string, at: Millis): void {
		this.#sql.exec("INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?)", key, digest, subject, at);
	}

	forget(before: Millis): void {
		this.#sql.exec("DELETE FROM request WHERE at < ?", before);
	}
}
