// The statements on the tables of a RepoObject's runs, jobs and attempts; `row`, `keys`, `secrets` and `watched` have those on
// the other tables, `archive` those on tombstones and numbers. Rows written are what a job costs, so there is one index, of
// unfinished jobs, read when the object wakes; order, deadlines and counts live in memory. What must still be sent stands as
// marks in rows that are written anyway: `told` of a run, `sealing` of a job.
import type { RunView } from "../../domain/run/decide.ts";
import { nodeOf } from "../../domain/run/decide.ts";
import type { Node } from "../../domain/run/graph.ts";
import type { Millis, RunId } from "../../domain/ids.ts";
import type { FinishedAttempt, HeldJob, Job, JobState, LogRecord, Move, StepRecord } from "../../domain/job/job.ts";
import { seal } from "../../domain/job/job-end.ts";
import type { Run } from "../../domain/run/run.ts";
import { weightOf } from "../../domain/run/run.ts";
import type { QueuedJob, QueuedPlace } from "../../domain/job/queued-job.ts";
import { queuedJobOf } from "../../domain/job/queued-job.ts";
import type { Lane } from "../../domain/queue/queue.ts";
import { parseLaneKey } from "../../domain/queue/queue.ts";
import { waitOf } from "./reads/repo-samples.ts";
import type { RunGraphs } from "./run-graphs.ts";
import type { Storage, Sql, SqlRow, SqlValue } from "../ports.ts";
import { IdempotencyKeys } from "./idempotency-keys.ts";
import { WatchedRuns } from "./outgoing/watched-runs.ts";
import { RepositoryRow } from "./repository-row.ts";
import { SealedSecrets } from "../sealed-secrets.ts";

const columns =
	"state = ?, weight = ?, lane = ?, ref = ?, actor = ?, avoids = ?, rank = ?, since = ?, deadline = ?, doc = ?";
const noPlace = [null, null, null, null, null, null, null];

/** The index is written whenever its column is named, so it is named only where it changes. */
function openMark(before: Job, after: Job, attempt: FinishedAttempt | undefined): string {
	if (before.state === "finished") return after.state === "finished" ? "" : ", open = 1";
	// With an attempt it stays until the attempt's log is in the archive.
	return after.state === "finished" && !attempt ? ", open = sealing" : "";
}

/** What a log object says when its log is sealed or deleted. */
export interface LogEnded {
	record: LogRecord;
	steps?: StepRecord[];
}

/** What a view need not read. */
export interface ViewKnown {
	read?: Map<number, Job>;
	graphs?: RunGraphs | null;
}

export class RepoTables {
	readonly row: RepositoryRow;
	readonly keys: IdempotencyKeys;
	readonly secrets: SealedSecrets;
	readonly watched: WatchedRuns;
	readonly #sql: Sql;

	constructor(storage: Storage) {
		this.row = new RepositoryRow(storage);
		this.keys = new IdempotencyKeys(storage.sql);
		this.secrets = new SealedSecrets(storage.sql);
		this.watched = new WatchedRuns(storage.sql);
		this.#sql = storage.sql;
	}

	/** How long the last grants of a run's jobs had waited, and how long their last attempts took. */
	samples(run: RunId, limit: number): { waited: Millis; took: Millis | null }[] {
		const took = "(attempt ->> 'finishedAt') - (attempt ->> 'startedAt')";
		const granted = `SELECT waited, ${took} AS took FROM job WHERE run = ? AND waited IS NOT NULL LIMIT ?`;
		return this.#rows<{ waited: Millis; took: Millis | null }>(granted, run, limit);
	}

	/** As it was last stored; its counts are summed up from its jobs. */
	run(id: RunId): Run | null {
		const row = this.#rows<{ doc: string }>("SELECT doc FROM run WHERE id = ?", id)[0];
		if (!row) return null;
		const run: Run = JSON.parse(row.doc);
		const counts = { blocked: 0, waiting: 0, leased: 0, running: 0, canceling: 0, finished: 0 };
		const bad = { failed: 0, canceled: 0 };
		const groups = "SELECT state, weight, COUNT(*) AS n FROM job WHERE run = ? GROUP BY state, weight";
		for (const { state, weight, n } of this.#rows<{ state: string; weight: string | null; n: number }>(groups, id)) {
			counts[state as JobState] += n;
			if (weight !== null) bad[weight as keyof typeof bad] += n;
		}
		return { ...run, counts, bad, jobs: Object.values(counts).reduce((sum, n) => sum + n, 0) };
	}

	/**
	 * `isConfirmed`: whether the read model has confirmed that it has the run. The column is called `told`, as it was released
	 * [T7].
	 */
	saveRun(run: Run, { isConfirmed, isNew }: { isConfirmed: boolean; isNew: boolean }): void {
		const values = [run.source?.ref ?? null, isConfirmed ? 1 : 0, run.finishedAt, JSON.stringify(run), run.id];
		const insert = "INSERT INTO run (ref, told, finished_at, doc, id) VALUES (?, ?, ?, ?, ?)";
		// Not one statement for both: a row that replaces another counts twice.
		this.#sql.exec(
			isNew ? insert : "UPDATE run SET ref = ?, told = ?, finished_at = ?, doc = ? WHERE id = ?",
			...values,
		);
	}

	/** In one statement: the consumer confirms the runs of a whole batch at once. */
	confirmRuns(ids: readonly RunId[]): void {
		this.#sql.exec("UPDATE run SET told = 1 WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
	}

	/** Costs as much as there are unfinished jobs. */
	openRuns(ref: string): RunId[] {
		const open = "SELECT id FROM run WHERE id IN (SELECT DISTINCT run FROM job WHERE open = 1) AND ref = ?";
		return this.#rows<{ id: string }>(open, ref).map(({ id }) => id);
	}

	/** Runs of which the read model may not know that they began, or that they ended. */
	unconfirmedRuns(limit: number): RunId[] {
		const open = "SELECT DISTINCT run FROM job WHERE open = 1";
		const unconfirmed = `SELECT id FROM run WHERE id IN (${open}) AND (told = 0 OR finished_at IS NOT NULL) LIMIT ?`;
		return this.#rows<{ id: string }>(unconfirmed, limit).map(({ id }) => id);
	}

	/** Unfinished runs that the read model has: as of which change, no mark says. */
	confirmedOpenRuns(limit: number): RunId[] {
		const open = "SELECT DISTINCT run FROM job WHERE open = 1";
		const confirmed = `SELECT id FROM run WHERE id IN (${open}) AND told = 1 AND finished_at IS NULL LIMIT ?`;
		return this.#rows<{ id: string }>(confirmed, limit).map(({ id }) => id);
	}

	/** The read model has these runs' ends: nothing keeps their jobs in the index of open ones but logs that are not sealed. */
	closeRuns(ids: readonly RunId[]): void {
		this.#sql.exec(
			`UPDATE job SET open = 0 WHERE open = 1 AND sealing = 0 AND state = 'finished'
			AND run IN (SELECT value FROM json_each(?))`,
			JSON.stringify(ids),
		);
	}

	/** By its place, which stands in its id: there is no index of ids [S2]. */
	job(run: RunId, index: number): Job | null {
		return this.#docs<Job>("SELECT doc FROM job WHERE run = ? AND place = ?", run, index)[0] ?? null;
	}

	jobs(run: RunId, from: number, limit: number): Job[] {
		return this.#docs("SELECT doc FROM job WHERE run = ? AND place >= ? ORDER BY place LIMIT ?", run, from, limit);
	}

	/** Costs as much as the run has jobs before it: there is no index of keys. */
	placeOf(run: RunId, key: string): number | null {
		const keyed = "SELECT place FROM job WHERE run = ? AND doc ->> '$.spec.key' = ? ORDER BY place LIMIT 1";
		return this.#rows<{ place: number }>(keyed, run, key)[0]?.place ?? null;
	}

	/** The lanes of those of a run's jobs, from one place on, that wait. */
	waitingLanes(run: RunId, from: number, limit: number): Pick<Lane, "pool" | "labels">[] {
		const lanes = "SELECT DISTINCT lane FROM job WHERE run = ? AND place >= ? AND place < ? AND state = 'waiting'";
		return this.#rows<{ lane: string }>(lanes, run, from, from + limit).map(({ lane }) => parseLaneKey(lane));
	}

	/** Of the jobs from one place to another, in order. */
	attempts(run: RunId, from: number, to: number): FinishedAttempt[] {
		return this.#docs(
			`SELECT doc FROM (
				SELECT place, number, doc FROM attempt WHERE run = ?1 AND place BETWEEN ?2 AND ?3
				UNION ALL
				SELECT place, 1000000, attempt FROM job WHERE run = ?1 AND place BETWEEN ?2 AND ?3 AND attempt IS NOT NULL
			) ORDER BY place, number`,
			run,
			from,
			to,
		);
	}

	attempt(run: RunId, index: number, number: number): FinishedAttempt | null {
		return this.attempts(run, index, index).find((attempt) => attempt.number === number) ?? null;
	}

	/** Attempts that ended and whose logs are not known to be in the archive. */
	sealing(run: RunId, index: number): FinishedAttempt[] {
		return this.attempts(run, index, index).filter(({ log }) => log.state === "sealing");
	}

	/**
	 * For one decision, before anything of it is written: each job is read once, however often the decision looks at it. `read`:
	 * all of the run's jobs, or none. `graphs` may know the run's, or is to know it.
	 */
	view(run: Run, { read = new Map<number, Job>(), graphs = null }: ViewKnown = {}): RunView {
		const { id } = run;
		const readAll = (text: string): Job[] => {
			const jobs = this.#docs<Job>(text, id);
			for (const job of jobs) read.set(job.index, job);
			return jobs;
		};
		const every = (): Job[] => {
			const isRead = read.size === run.jobs;
			const jobs = isRead ? [...read.values()] : readAll("SELECT doc FROM job WHERE run = ? ORDER BY place");
			graphs?.keep(id, jobs);
			return isRead ? jobs.sort((a, b) => a.index - b.index) : jobs;
		};
		return {
			run,
			job: (index) => read.get(index) ?? this.job(id, index),
			attempt: (index, number) => this.attempt(id, index, number),
			nodes: () => graphs?.nodes(id) ?? new Map(every().map((job): [number, Node] => [job.index, nodeOf(job)])),
			keys: () => graphs?.keys(id) ?? new Map(every().map((job): [string, number] => [job.spec.key, job.index])),
			jobs: (which) => {
				if (run.jobs > 0 && read.size === run.jobs)
					return every().filter(({ state }) => (state === "finished") === (which === "finished"));
				const compared = which === "finished" ? "=" : "<>";
				return readAll(`SELECT doc FROM job WHERE run = ? AND state ${compared} 'finished' ORDER BY place`);
			},
		};
	}

	/** `mark` is the place of the job that stays in the index of open ones until the read model has the run's end. */
	saveMoves(moves: readonly Move[], mark: number | null): void {
		for (const { before, after, attempt } of moves) {
			if (attempt) this.#moveAttemptAside(after);
			const row = queuedJobOf(after);
			const place = row && [row.lane, row.ref, row.actor, row.avoids, row.rank, row.since, row.deadline];
			const values = [after.state, weightOf(after), ...(place ?? noPlace), JSON.stringify(after)];
			if (before === null) {
				const insert = `INSERT INTO job VALUES (?, ?, ?, 0, ${values.map(() => "?").join(", ")}, NULL, NULL)`;
				this.#sql.exec(insert, after.run, after.index, row || after.index === mark ? 1 : 0, ...values);
				continue;
			}
			const ended = attempt ? ", attempt = ?, sealing = 1" : "";
			const waited = waitOf(before, after);
			const granted = waited === null ? "" : ", waited = ?";
			const update = `UPDATE job SET ${columns}${after.index === mark ? "" : openMark(before, after, attempt)}${ended}${granted} WHERE run = ? AND place = ?`;
			const also = [...(attempt ? [JSON.stringify(attempt)] : []), ...(waited === null ? [] : [waited])];
			this.#sql.exec(update, ...values, ...also, after.run, after.index);
		}
	}

	/** A job keeps its last attempt beside it: most have one, and then no other row is needed. */
	#moveAttemptAside({ run, index }: Job): void {
		this.#sql.exec(
			`INSERT INTO attempt SELECT run, place, attempt ->> 'number', attempt
			FROM job WHERE run = ? AND place = ? AND attempt IS NOT NULL`,
			run,
			index,
		);
	}

	/** The only change a finished attempt ever sees: what became of its log, and of the steps that its runner had reported there. */
	saveLogRecord(place: QueuedPlace & { number: number }, { record, steps = [] }: LogEnded, keepOpen: boolean): void {
		const { run, index, number } = place;
		const attempt = this.attempt(run, index, number);
		if (attempt === null) return;
		const doc = JSON.stringify(seal(attempt, record, steps));
		const others = this.sealing(run, index).filter((other) => other.number !== number).length;
		const sealing = others > 0 || record.state === "sealing" ? 1 : 0;
		const aside = "UPDATE attempt SET doc = ? WHERE run = ? AND place = ? AND number = ?";
		const isAside = this.#sql.exec(aside, doc, run, index, number).rowsWritten > 0;
		// While it stays open the index is not touched: naming its column would write it.
		const marks = keepOpen ? "sealing = ?1" : "open = CASE WHEN state = 'finished' THEN ?1 ELSE 1 END, sealing = ?1";
		const own = isAside ? "" : ", attempt = ?4";
		const values = isAside ? [sealing, run, index] : [sealing, run, index, doc];
		this.#sql.exec(`UPDATE job SET ${marks}${own} WHERE run = ?2 AND place = ?3`, ...values);
	}

	/** All unfinished jobs without their documents: read once, when the object wakes. */
	*openJobs(): Iterable<QueuedJob> {
		const open = `SELECT run, place AS 'index', state, lane, ref, actor, avoids, rank, since, deadline
			FROM job WHERE open = 1 AND state <> 'finished'`;
		for (const row of this.#sql.exec<SqlRow>(open)) yield row as unknown as QueuedJob;
	}

	/** All that have started and not ended. */
	heldJobs(): HeldJob[] {
		return this.#docs("SELECT doc FROM job WHERE open = 1 AND state IN ('running', 'canceling')");
	}

	/** Jobs with an attempt whose log is not known to be in the archive. */
	sealingPlaces(): QueuedPlace[] {
		return this.#rows<{ run: string; index: number }>(
			"SELECT run, place AS 'index' FROM job WHERE open = 1 AND sealing = 1",
		);
	}

	#rows<T extends SqlRow>(statement: string, ...values: SqlValue[]): T[] {
		return this.#sql.exec<T>(statement, ...values).toArray();
	}

	#docs<T>(statement: string, ...values: SqlValue[]): T[] {
		return this.#rows<{ doc: string }>(statement, ...values).map(({ doc }) => JSON.parse(doc));
	}
}
