// The SQLite tables of a RepoObject and every statement on them. A job's columns are copies of what its document says, kept
// for the indexes: the queue's heads (job_lane) and the alarm (job_deadline). Raw statements: builders cost several times more.
import type { RunView } from "../src/domain/decide.ts";
import { nodeOf } from "../src/domain/decide.ts";
import { deadlineOf, rank } from "../src/domain/job.ts";
import type { FinishedAttempt, Job, LogRecord, Move } from "../src/domain/job.ts";
import type { Millis, RunId } from "../src/domain/ids.ts";
import type { Node } from "../src/domain/graph.ts";
import { laneKey } from "../src/domain/queue.ts";
import type { Run } from "../src/domain/run.ts";
import type { RepositorySettings } from "../src/domain/submission.ts";
import type { RepositoryName } from "../src/contracts/objects.ts";

/** Each is applied once, in order; `repository.schema` says how many were. Forward only. */
const versions = [
	`CREATE TABLE repository (
		id INTEGER PRIMARY KEY CHECK (id = 1), schema INTEGER NOT NULL, owner TEXT NOT NULL, repo TEXT NOT NULL,
		settings TEXT NOT NULL, next_number INTEGER NOT NULL, demand_version INTEGER NOT NULL);
	CREATE TABLE run (
		id TEXT PRIMARY KEY, ref TEXT, open INTEGER NOT NULL, finished_at INTEGER, doc TEXT NOT NULL) WITHOUT ROWID;
	CREATE INDEX run_open ON run (ref) WHERE open = 1;
	CREATE TABLE job (
		run TEXT NOT NULL, place INTEGER NOT NULL, state TEXT NOT NULL, lane TEXT, rank INTEGER, deadline INTEGER,
		doc TEXT NOT NULL, PRIMARY KEY (run, place)) WITHOUT ROWID;
	CREATE INDEX job_lane ON job (lane, rank) WHERE lane IS NOT NULL;
	CREATE INDEX job_deadline ON job (deadline) WHERE deadline IS NOT NULL;
	CREATE TABLE attempt (
		run TEXT NOT NULL, place INTEGER NOT NULL, number INTEGER NOT NULL, doc TEXT NOT NULL,
		PRIMARY KEY (run, place, number)) WITHOUT ROWID;
	CREATE TABLE request (
		key TEXT PRIMARY KEY, digest TEXT NOT NULL, run TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
	CREATE TABLE outbox (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL);
	CREATE TABLE secret (name TEXT PRIMARY KEY, sealed TEXT NOT NULL) WITHOUT ROWID;`,
];

export interface Repository extends RepositoryName {
	settings: RepositorySettings;
}

export type OutboxKind = "change" | "close";

export class RepoTables {
	#sql: SqlStorage;

	constructor(sql: SqlStorage) {
		this.#sql = sql;
	}

	/** Null while nobody configured it: an object that strangers guess at stays empty. */
	repository(): Repository | null {
		if (this.#rows("SELECT 1 FROM sqlite_master WHERE name = 'repository'").length === 0) return null;
		const row = this.#rows<{ owner: string; repo: string; settings: string; schema: number }>(
			"SELECT owner, repo, settings, schema FROM repository",
		)[0];
		if (!row) return null;
		for (const version of versions.slice(row.schema)) this.#sql.exec(version);
		if (row.schema < versions.length) this.#sql.exec("UPDATE repository SET schema = ?", versions.length);
		return { owner: row.owner, repo: row.repo, settings: JSON.parse(row.settings) };
	}

	saveRepository({ owner, repo, settings }: Repository, isNew: boolean): void {
		if (isNew) {
			for (const version of versions) this.#sql.exec(version);
			this.#sql.exec(
				"INSERT INTO repository VALUES (1, ?, ?, ?, ?, 1, 0)",
				versions.length,
				owner,
				repo,
				JSON.stringify(settings),
			);
		} else this.#sql.exec("UPDATE repository SET settings = ?", JSON.stringify(settings));
	}

	/** The number of the next run: from 1, without a gap, since only an accepted run takes it. */
	nextNumber(): number {
		return this.#one<{ number: number }>("SELECT next_number AS number FROM repository").number;
	}

	takeNumber(): void {
		this.#sql.exec("UPDATE repository SET next_number = next_number + 1");
	}

	/** A version higher than any before it, also after a restart. */
	takeDemandVersion(): number {
		return this.#one<{ version: number }>(
			"UPDATE repository SET demand_version = demand_version + 1 RETURNING demand_version AS version",
		).version;
	}

	run(id: RunId): Run | null {
		const row = this.#rows<{ doc: string }>("SELECT doc FROM run WHERE id = ?", id)[0];
		return row ? JSON.parse(row.doc) : null;
	}

	openRuns(ref: string): RunId[] {
		return this.#rows<{ id: string }>("SELECT id FROM run WHERE ref = ? AND open = 1", ref).map(({ id }) => id);
	}

	job(run: RunId, index: number): Job | null {
		const row = this.#rows<{ doc: string }>("SELECT doc FROM job WHERE run = ? AND place = ?", run, index)[0];
		return row ? JSON.parse(row.doc) : null;
	}

	jobs(run: RunId, from: number, limit: number): Job[] {
		return this.#docs("SELECT doc FROM job WHERE run = ? AND place >= ? ORDER BY place LIMIT ?", run, from, limit);
	}

	attempts(run: RunId, from: number, to: number): FinishedAttempt[] {
		return this.#docs(
			"SELECT doc FROM attempt WHERE run = ? AND place >= ? AND place <= ? ORDER BY place, number",
			run,
			from,
			to,
		);
	}

	attempt(run: RunId, index: number, number: number): FinishedAttempt | null {
		const found = "SELECT doc FROM attempt WHERE run = ? AND place = ? AND number = ?";
		return this.#docs<FinishedAttempt>(found, run, index, number)[0] ?? null;
	}

	saveLogRecord(run: RunId, index: number, number: number, log: LogRecord): boolean {
		const attempt = this.attempt(run, index, number);
		if (attempt === null) return false;
		const doc = JSON.stringify({ ...attempt, log });
		this.#sql.exec("UPDATE attempt SET doc = ? WHERE run = ? AND place = ? AND number = ?", doc, run, index, number);
		return true;
	}

	view(run: Run): RunView {
		const { id } = run;
		return {
			run,
			job: (index) => this.job(id, index),
			attempt: (index, number) => this.attempt(id, index, number),
			nodes: () => new Map(this.jobs(id, 0, -1).map((job): [number, Node] => [job.index, nodeOf(job)])),
			keys: () => new Map(this.jobs(id, 0, -1).map((job): [string, number] => [job.spec.key, job.index])),
			jobs: (which) =>
				this.#docs(
					`SELECT doc FROM job WHERE run = ? AND state ${which === "finished" ? "=" : "<>"} 'finished' ORDER BY place`,
					id,
				),
		};
	}

	saveRun(run: Run): void {
		const open = run.state === "finished" ? 0 : 1;
		this.#sql.exec(
			"INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?)",
			run.id,
			run.source?.ref ?? null,
			open,
			run.finishedAt,
			JSON.stringify(run),
		);
	}

	saveMoves(moves: readonly Move[]): void {
		for (const { after, attempt } of moves) {
			const queued = after.state === "waiting" && after.notBefore === null;
			this.#sql.exec(
				"INSERT OR REPLACE INTO job VALUES (?, ?, ?, ?, ?, ?, ?)",
				after.run,
				after.index,
				after.state,
				queued ? laneKey(after) : null,
				queued ? rank(after) : null,
				deadlineOf(after),
				JSON.stringify(after),
			);
			if (attempt) {
				const { number } = attempt;
				this.#sql.exec(
					"INSERT INTO attempt VALUES (?, ?, ?, ?)",
					after.run,
					after.index,
					number,
					JSON.stringify(attempt),
				);
			}
		}
	}

	/** What a key was used for, if it still is known. */
	request(key: string): { digest: string; run: string } | null {
		return this.#rows<{ digest: string; run: string }>("SELECT digest, run FROM request WHERE key = ?", key)[0] ?? null;
	}

	saveRequest(key: string, digest: string, run: string, at: Millis): void {
		this.#sql.exec("INSERT INTO request VALUES (?, ?, ?, ?)", key, digest, run, at);
	}

	forgetRequests(before: Millis): void {
		this.#sql.exec("DELETE FROM request WHERE at < ?", before);
	}

	/** Every unfinished job has a deadline, so this finds all of them: read once, when the object wakes. */
	*unfinished(): Iterable<Job> {
		for (const row of this.#sql.exec<{ doc: string }>("SELECT doc FROM job WHERE deadline IS NOT NULL")) {
			yield JSON.parse(row.doc);
		}
	}

	head(lane: string): Job | null {
		return this.#docs<Job>("SELECT doc FROM job WHERE lane = ? ORDER BY rank LIMIT 1", lane)[0] ?? null;
	}

	/** How many stand before `rank` in a lane. */
	position(lane: string, before: number): number {
		return this.#one<{ n: number }>("SELECT COUNT(*) AS n FROM job WHERE lane = ? AND rank < ?", lane, before).n;
	}

	due(now: Millis, limit: number): { run: RunId; index: number }[] {
		const due = "SELECT run, place AS 'index' FROM job WHERE deadline <= ? ORDER BY deadline LIMIT ?";
		return this.#rows<{ run: string; index: number }>(due, now, limit);
	}

	earliestDeadline(): Millis | null {
		return this.#one<{ at: number | null }>("SELECT MIN(deadline) AS at FROM job WHERE deadline IS NOT NULL").at;
	}

	push(kind: OutboxKind, body: unknown): void {
		this.#sql.exec("INSERT INTO outbox (kind, body) VALUES (?, ?)", kind, JSON.stringify(body));
	}

	outbox(kind: OutboxKind, limit: number): { id: number; body: string }[] {
		return this.#rows("SELECT id, body FROM outbox WHERE kind = ? ORDER BY id LIMIT ?", kind, limit);
	}

	hasOutbox(): boolean {
		return this.#rows("SELECT 1 FROM outbox LIMIT 1").length > 0;
	}

	drop(ids: readonly number[]): void {
		this.#sql.exec("DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
	}

	secrets(names: readonly string[]): Map<string, string> {
		const named = "SELECT name, sealed FROM secret WHERE name IN (SELECT value FROM json_each(?))";
		return new Map(
			this.#rows<{ name: string; sealed: string }>(named, JSON.stringify(names)).map(({ name, sealed }) => [
				name,
				sealed,
			]),
		);
	}

	secretNames(): string[] {
		return this.#rows<{ name: string }>("SELECT name FROM secret ORDER BY name").map(({ name }) => name);
	}

	saveSecret(name: string, sealed: string | null): void {
		if (sealed === null) this.#sql.exec("DELETE FROM secret WHERE name = ?", name);
		else this.#sql.exec("INSERT OR REPLACE INTO secret VALUES (?, ?)", name, sealed);
	}

	#rows<T extends Record<string, SqlStorageValue>>(statement: string, ...values: SqlStorageValue[]): T[] {
		return this.#sql.exec<T>(statement, ...values).toArray();
	}

	#one<T extends Record<string, SqlStorageValue>>(statement: string, ...values: SqlStorageValue[]): T {
		return this.#sql.exec<T>(statement, ...values).one();
	}

	#docs<T>(statement: string, ...values: SqlStorageValue[]): T[] {
		return this.#rows<{ doc: string }>(statement, ...values).map(({ doc }) => JSON.parse(doc));
	}
}
