// All that a simulated repository has stored, at one instant, as texts: in its tables, and of runs that left them in the archive.
// The ground of the invariants, which compare text by text. A run's text in the archive is the one that a recall stores again.
import type { ArchivedRun } from "../contracts/wire/view.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import type { Sql } from "../engine/ports.ts";

export interface Snapshot {
	settings: string | null;
	runs: ReadonlyMap<RunId, string>;
	jobs: ReadonlyMap<JobId, string>;
	/** By `job/number`. What became of its log is left out: that is told of it later. */
	attempts: ReadonlyMap<string, string>;
	/** By `job/number`, what became of the attempt's log. */
	logs: ReadonlyMap<string, string>;
	/** Runs that are in the archive and nowhere else. */
	archived: ReadonlySet<RunId>;
	requests: ReadonlyMap<string, string>;
}

type Doc = { key: string; doc: string };

const attempts = `SELECT attempt.doc AS doc FROM attempt UNION ALL SELECT attempt AS doc FROM job WHERE attempt IS NOT NULL`;

export function readSnapshot(sql: Sql, archive: ReadonlyMap<RunId, string>): Snapshot {
	const texts = (statement: string) =>
		new Map(
			sql
				.exec<Doc>(statement)
				.toArray()
				.map(({ key, doc }): [string, string] => [key, doc]),
		);
	const none = new Map();
	if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'repository'").toArray().length === 0) {
		return { settings: null, runs: none, jobs: none, attempts: none, logs: none, archived: new Set(), requests: none };
	}
	const runs = texts("SELECT id AS key, doc FROM run");
	const jobs = texts("SELECT doc ->> 'id' AS key, doc FROM job");
	const ended = new Map<string, string>();
	const logs = new Map<string, string>();
	const archived = new Set<RunId>();
	const keep = (attempt: ArchivedRun["attempts"][number]) => {
		const key = `${attempt.job}/${attempt.number}`;
		ended.set(key, JSON.stringify({ ...attempt, log: null }));
		logs.set(key, JSON.stringify(attempt.log));
	};
	for (const { doc } of sql.exec<{ doc: string }>(attempts)) keep(JSON.parse(doc));
	for (const [id, text] of archive) {
		if (runs.has(id)) continue;
		archived.add(id);
		const whole: ArchivedRun = JSON.parse(text);
		runs.set(id, JSON.stringify(whole.run));
		for (const job of whole.jobs) jobs.set(job.id, JSON.stringify(job));
		for (const attempt of whole.attempts) keep(attempt);
	}
	return {
		settings: sql.exec<{ settings: string }>("SELECT settings FROM repository").one().settings,
		runs,
		jobs,
		attempts: ended,
		logs,
		archived,
		requests: texts("SELECT key, digest || ' ' || subject AS doc FROM request"),
	};
}
