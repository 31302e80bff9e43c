// The table of runs that somebody watches. It outlives the object's sleep, so that a watcher hears of the first change after it,
// and a run that nobody watches never wakes a FeedObject [L35].
import type { Millis, RunId } from "../../../domain/ids.ts";
import type { Sql } from "../../ports.ts";

export class WatchedRuns {
	readonly #sql: Sql;

	constructor(sql: Sql) {
		this.#sql = sql;
	}

	/** Runs that somebody watches, with until when. */
	all(): { run: RunId; until: Millis }[] {
		return this.#sql.exec<{ run: string; until: number }>("SELECT run, until FROM watched ORDER BY until").toArray();
	}

	save(run: RunId, until: Millis): void {
		this.#sql.exec("INSERT OR REPLACE INTO watched VALUES (?, ?)", run, until);
	}

	/** When their watch is over, or when more are watched than are remembered. */
	drop(runs: readonly RunId[]): void {
		this.#sql.exec("DELETE FROM watched WHERE run IN (SELECT value FROM json_each(?))", JSON.stringify(runs));
	}
}
