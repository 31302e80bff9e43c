// Which run has which number. The numbers of the newest runs follow from the list of recent ones, which is written with each
// run anyway; each full list is kept as one row, so that a number costs a sixty-fourth of a row and is found by reading one.
import type { RunId } from "../../../domain/ids.ts";
import type { Sql } from "../../ports.ts";
import { recentRunsMax } from "../reads/repo-samples.ts";

/** Rows looked at in one round of the archive: the oldest, since runs go in the order of their ends, more or less. */
const rowsMax = 200;

export class RunNumbers {
	readonly #sql: Sql;

	constructor(sql: Sql) {
		this.#sql = sql;
	}

	/** Inside the transaction that takes `number`; `recent` begins with the run that has it. */
	keep(number: number, recent: readonly RunId[]): void {
		if (number % recentRunsMax !== 0) return;
		const ids = Object.fromEntries(recent.map((id, at) => [number - at, id]));
		// A repository of an older build may have a part of them.
		this.#sql.exec(
			`INSERT INTO run_number VALUES (?, ?)
			ON CONFLICT (last) DO UPDATE SET ids = json_patch(ids, excluded.ids)`,
			number,
			JSON.stringify(ids),
		);
	}

	/** Null for a number that is in no full list: it is among the recent ones, or unknown. */
	find(number: number): RunId | null {
		const last = Math.ceil(number / recentRunsMax) * recentRunsMax;
		const held = "SELECT ids ->> ? AS id FROM run_number WHERE last = ?";
		return this.#sql.exec<{ id: string | null }>(held, `$."${number}"`, last).toArray()[0]?.id ?? null;
	}

	/** Numbers of runs of which nothing is left, here or in the archive. */
	forget(): void {
		this.#sql.exec(
			`DELETE FROM run_number WHERE last IN (
				SELECT last FROM (SELECT last, ids FROM run_number ORDER BY last LIMIT ?) AS oldest WHERE NOT EXISTS (
					SELECT 1 FROM json_each(oldest.ids) AS named WHERE
						EXISTS (SELECT 1 FROM run WHERE id = named.value)
						OR EXISTS (SELECT 1 FROM tombstone WHERE run = named.value AND expires_at IS NOT NULL)))`,
			rowsMax,
		);
	}
}
