// Writes what the queue `events` tells into the read model: one statement per table and batch, rows handed over as JSON, since
// a statement takes only 100 parameters.
import { sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { ChangeEvent } from "../contracts/objects/events.ts";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { Repository } from "../contracts/http/repository.ts";
import type { Run } from "../contracts/http/run.ts";

/** Bytes of documents in one statement: its one value may have 2 MB, and JSON in JSON has a backslash more for each quote. */
const statementBytesMax = 500_000;

const encoder = new TextEncoder();

/** Applied twice, or out of order, it leaves the newest. Throws when the database does not answer. */
export async function project(db: DrizzleD1Database, events: readonly ChangeEvent[]): Promise<void> {
	const repositories = newest(
		events.flatMap(({ owner, repo, at, repository }) =>
			repository ? [{ id: `${owner}/${repo}`, version: at, repository }] : [],
		),
	);
	const runs = newest(events.flatMap(({ owner, repo, run }) => (run ? [{ ...run, owner, repo }] : [])));
	for (const rows of slices(repositories)) await db.run(upsertRepositories(rows));
	for (const rows of slices(runs)) await db.run(upsertRuns(rows));
}

function upsertRepositories(rows: { version: number; repository: Repository }[]) {
	const values = rows.map(({ version, repository }) => ({
		owner: repository.owner,
		repo: repository.repo,
		version,
		doc: JSON.stringify(repository),
	}));
	return sql`INSERT INTO repository (owner, repo, version, doc)
		SELECT value ->> 'owner', value ->> 'repo', value ->> 'version', value ->> 'doc'
		FROM json_each(${JSON.stringify(values)}) WHERE true
		ON CONFLICT (owner, repo) DO UPDATE SET version = excluded.version, doc = excluded.doc
		WHERE excluded.version > repository.version`;
}

/** A run as its row. */
export function runRow({ owner, repo }: RepositoryName, run: Run) {
	return {
		...{ id: run.id, owner, repo, state: run.state, outcome: run.outcome, ref: run.source?.ref ?? null },
		...{ actor: run.actor, createdAt: Date.parse(run.createdAt), version: run.version, doc: JSON.stringify(run) },
	};
}

export function upsertRuns(rows: (Run & RepositoryName)[]) {
	const values = rows.map(({ owner, repo, ...run }) => runRow({ owner, repo }, run));
	return sql`INSERT INTO run (id, owner, repo, state, outcome, ref, actor, created_at, version, doc)
		SELECT value ->> 'id', value ->> 'owner', value ->> 'repo', value ->> 'state', value ->> 'outcome', value ->> 'ref',
			value ->> 'actor', value ->> 'createdAt', value ->> 'version', value ->> 'doc'
		FROM json_each(${JSON.stringify(values)}) WHERE true
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, outcome = excluded.outcome, version = excluded.version,
			doc = excluded.doc WHERE excluded.version > run.version`;
}

/** Of several states of one thing, the last. */
function newest<T extends { id: string; version: number }>(rows: readonly T[]): T[] {
	const last = new Map<string, T>();
	for (const row of rows) {
		const known = last.get(row.id);
		if (!known || known.version < row.version) last.set(row.id, row);
	}
	return [...last.values()];
}

/** At least one row each. */
export function* slices<T>(rows: readonly T[]): Iterable<T[]> {
	let slice: T[] = [];
	let bytes = 0;
	for (const row of rows) {
		const size = encoder.encode(JSON.stringify(row)).length;
		if (slice.length > 0 && bytes + size > statementBytesMax) {
			yield slice;
			slice = [];
			bytes = 0;
		}
		slice.push(row);
		bytes += size;
	}
	if (slice.length > 0) yield slice;
}
