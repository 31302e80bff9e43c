// Which run of a ref was accepted last among those that supersede earlier ones. A run that was spilled comes late to its queue; if
// a newer one of its ref has superseded it by then, it must end as superseded, even when the newer one is over.
import type { Millis, RunId } from "../../../domain/ids.ts";
import type { Sql } from "../../ports.ts";

export class Supersessions {
	readonly #sql: Sql;

	constructor(sql: Sql) {
		this.#sql = sql;
	}

	/** `at` is when the run was accepted; an earlier one changes nothing. */
	note(ref: string, run: RunId, at: Millis): void {
		this.#sql.exec(
			`INSERT INTO superseding VALUES (?, ?, ?)
			ON CONFLICT (ref) DO UPDATE SET run = excluded.run, at = excluded.at WHERE excluded.at > at`,
			ref,
			run,
			at,
		);
	}

	/** The run that supersedes one of this ref that was accepted at `at`; null: none does. */
	of(ref: string, at: Millis): RunId | null {
		const later = "SELECT run FROM superseding WHERE ref = ? AND at > ?";
		return this.#sql.exec<{ run: RunId }>(later, ref, at).toArray()[0]?.run ?? null;
	}

	forget(before: Millis): void {
		this.#sql.exec("DELETE FROM superseding WHERE at < ?", before);
	}
}
