// How runs leave a RepoObject for the archive, and what it keeps of them: until when they are there, and how their jobs ended.
// A tombstone outlives its run, so that the run's id is not used again while anything of it might still be found.
import type { ArchivedRun } from "../../../contracts/wire/view.ts";
import { parseJobId } from "../../../domain/ids.ts";
import type { Millis, RunId } from "../../../domain/ids.ts";
import { assert } from "../../../domain/refusal.ts";
import type { Sql } from "../../ports.ts";
import type { RepoTables } from "../repo-tables.ts";

/** From one id on; at most so many rows are looked at, and so many runs found. */
interface Walk {
	from: RunId;
	rowsMax: number;
	runsMax: number;
}

/** `next` is where the walk goes on; null at the end. */
interface Walked {
	runs: RunId[];
	next: RunId | null;
}

export class Tombstones {
	readonly #sql: Sql;
	readonly #tables: RepoTables;

	constructor(sql: Sql, tables: RepoTables) {
		this.#sql = sql;
		this.#tables = tables;
	}

	/** Whether there is anything to move or to delete, now or later. */
	hasWork(): boolean {
		return this.#sql.exec("SELECT 1 FROM run UNION ALL SELECT 1 FROM tombstone LIMIT 1").toArray().length > 0;
	}

	/** When all that was due had last been moved and deleted. */
	archivedAt(): Millis {
		return this.#sql.exec<{ at: number }>("SELECT archived_at AS at FROM repository").one().at;
	}

	saveArchivedAt(at: Millis): void {
		this.#sql.exec("UPDATE repository SET archived_at = ?", at);
	}

	/** Whether there is, or was not long ago, a run of this id. */
	isBuried(run: RunId): boolean {
		return this.#sql.exec("SELECT 1 FROM tombstone WHERE run = ?", run).toArray().length > 0;
	}

	/** Whether the run can be read in the archive, and brought back from it. */
	isArchived(run: RunId, now: Millis): boolean {
		return this.#sql.exec("SELECT 1 FROM tombstone WHERE run = ? AND expires_at > ?", run, now).toArray().length > 0;
	}

	/** Runs here that ended before `before`. */
	old(walk: Walk, before: Millis): Walked {
		return this.#walk("SELECT id, finished_at AS at FROM run WHERE id >= ? ORDER BY id LIMIT ?", walk, before);
	}

	/** Runs in the archive that have outlived their days. */
	expired(walk: Walk, now: Millis): Walked {
		const rows = "SELECT run AS id, expires_at AS at FROM tombstone WHERE run >= ? ORDER BY run LIMIT ?";
		return this.#walk(rows, walk, now + 1);
	}

	/** Whether nothing is left to send of it: its logs are sealed, and the read model has confirmed its end. */
	isSettled(run: RunId): boolean {
		return this.#sql.exec("SELECT 1 FROM job WHERE run = ? AND open = 1 LIMIT 1", run).toArray().length === 0;
	}

	/** All of a run that is in the archive until `expiresAt`. */
	bury(run: RunId, { now, expiresAt }: { now: Millis; expiresAt: Millis }): void {
		// What a bulk retry must know of it: how many of its jobs ended how, by their labels.
		this.#sql.exec(
			`INSERT OR REPLACE INTO tombstone (run, at, expires_at, finished_at, ref, ends)
			SELECT id, ?2, ?3, finished_at, ref, (
				SELECT json_group_array(json_array(outcome, json(labels), n)) FROM (
					SELECT doc ->> 'outcome' AS outcome, doc -> '$.spec.labels' AS labels, COUNT(*) AS n
					FROM job WHERE run = ?1 AND run.doc ->> 'supersededBy' IS NULL GROUP BY 1, 2))
			FROM run WHERE id = ?1`,
			run,
			now,
			expiresAt,
		);
		for (const table of ["attempt", "job"]) this.#sql.exec(`DELETE FROM ${table} WHERE run = ?`, run);
		this.#sql.exec("DELETE FROM run WHERE id = ?", run);
	}

	/** What `bury` took away, from the archive. */
	*restore({ run, jobs, attempts }: ArchivedRun, sliceJobs: number): Iterable<void> {
		this.#tables.saveRun(run, { isConfirmed: true, isNew: true });
		for (let from = 0; from < jobs.length; from += sliceJobs) {
			const moves = jobs.slice(from, from + sliceJobs).map((after) => ({ before: null, after }));
			this.#tables.saveMoves(moves, null);
			yield;
		}
		for (const [at, attempt] of attempts.entries()) {
			const place = parseJobId(attempt.job);
			assert(place, "an attempt names its job");
			const values = [place.run, place.index, attempt.number, JSON.stringify(attempt)];
			this.#sql.exec("INSERT INTO attempt VALUES (?, ?, ?, ?)", ...values);
			if (at % sliceJobs === sliceJobs - 1) yield;
		}
		this.#sql.exec("DELETE FROM tombstone WHERE run = ?", run.id);
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

	/** Those whose `at` is before `before`, among rows in the order of their ids. */
	#walk(statement: string, { from, rowsMax, runsMax }: Walk, before: Millis): Walked {
		const runs: RunId[] = [];
		let seen = 0;
		let last = from;
		for (const { id, at } of this.#sql.exec<{ id: string; at: number | null }>(statement, from, rowsMax)) {
			seen++;
			last = id;
			if (at === null || at >= before) continue;
			if (runs.length === runsMax) return { runs, next: id };
			runs.push(id);
		}
		return { runs, next: seen < rowsMax ? null : `${last}0` };
	}
}
