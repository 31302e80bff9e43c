// What a RepoObject keeps of the runs that are in the archive: until when they are, and how their jobs ended. It outlives the
// run, so that the run's id is not used again while anything of it might still be found. Rows are made, and taken back, where
// the run's own rows are: in repo-tables.ts.
import type { Millis, RunId } from "../../src/domain/ids.ts";

export class Tombstones {
	readonly #sql: SqlStorage;

	constructor(sql: SqlStorage) {
		this.#sql = sql;
	}

	hasAny(): boolean {
		return this.#sql.exec("SELECT 1 FROM tombstone LIMIT 1").toArray().length > 0;
	}

	/** Whether there is, or was not long ago, a run of this id. */
	isBuried(run: RunId): boolean {
		return this.#sql.exec("SELECT 1 FROM tombstone WHERE run = ?", run).toArray().length > 0;
	}

	/** Whether the run can be read in the archive, and brought back from it. */
	isArchived(run: RunId, now: Millis): boolean {
		return this.#sql.exec("SELECT 1 FROM tombstone WHERE run = ? AND expires_at > ?", run, now).toArray().length > 0;
	}

	/** Runs that have outlived their days, found by walking the rows from one id on; `next` is null at the end. */
	expired({ from, now, rowsMax, runsMax }: { from: RunId; now: Millis; rowsMax: number; runsMax: number }): {
		runs: RunId[];
		next: RunId | null;
	} {
		const walk = "SELECT run, expires_at AS at FROM tombstone WHERE run >= ? ORDER BY run LIMIT ?";
		const rows = this.#sql.exec<{ run: string; at: number | null }>(walk, from, rowsMax);
		const runs: RunId[] = [];
		let seen = 0;
		let last: RunId = from;
		for (const { run, at } of rows) {
			seen++;
			last = run;
			if (at === null || at > now) continue;
			if (runs.length === runsMax) return { runs, next: run };
			runs.push(run);
		}
		return { runs, next: seen < rowsMax ? null : `${last}0` };
	}

	/** Nothing of these runs is left: from now on only their ids are remembered. */
	empty(runs: readonly RunId[], now: Millis): void {
		this.#sql.exec(
			`UPDATE tombstone SET at = ?, expires_at = NULL, finished_at = NULL, ref = NULL, ends = '[]'
			WHERE run IN (SELECT value FROM json_each(?))`,
			now,
			JSON.stringify(runs),
		);
	}

	/** Ids of which nothing has been left since before `before`. */
	forget(before: Millis): void {
		this.#sql.exec("DELETE FROM tombstone WHERE expires_at IS NULL AND at < ?", before);
	}
}
