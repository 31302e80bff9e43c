// Rows of the read model beside what they should be, for a rebuild. A row is replaced only as it was read: what the repository told
// meanwhile stands.
import { and, asc, eq, inArray, sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { Repository } from "../contracts/http/repository.ts";
import type { Run } from "../contracts/http/run.ts";
import type { TokenRecord } from "../contracts/http/token.ts";
import type { RunId } from "../domain/ids.ts";
import { clockSkewMaxMs } from "../domain/limits.ts";
import { runRow, slices, upsertRuns } from "./projection.ts";
import { repositories, runs, tokens } from "./schema.ts";

export type RunRow = typeof runs.$inferSelect;

/** Ids in one statement: they are one parameter, as JSON. */
export async function selectRunRows(db: DrizzleD1Database, ids: readonly RunId[]): Promise<RunRow[]> {
	if (ids.length === 0) return [];
	return db
		.select()
		.from(runs)
		.where(inArray(runs.id, sql`(SELECT value FROM json_each(${JSON.stringify(ids)}))`));
}

/**
 * Whether the row shows the run. Its version may be higher, since one that was told may not have been stored: but no higher than
 * the clock, or no change would ever replace the row.
 */
export function isRunRight(row: RunRow, name: RepositoryName, run: Run, now: number): boolean {
	const { version, doc, ...columns } = row;
	const { version: least, doc: _, ...wanted } = runRow(name, run);
	if (JSON.stringify(sorted(columns)) !== JSON.stringify(sorted(wanted))) return false;
	try {
		const shown = JSON.parse(doc);
		const isSame = JSON.stringify({ ...shown, version: 0 }) === JSON.stringify({ ...run, version: 0 });
		return isSame && shown.version === version && version >= least && version <= now + clockSkewMaxMs;
	} catch {
		return false;
	}
}

function sorted(row: object): [string, unknown][] {
	return Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** `seen`: the version of the row as it was read; null: there was none. */
export async function writeRunRows(
	db: DrizzleD1Database,
	name: RepositoryName,
	rows: readonly { run: Run; seen: number | null }[],
): Promise<void> {
	const missing = rows.filter(({ seen }) => seen === null).map(({ run }) => ({ ...run, ...name }));
	for (const slice of slices(missing)) await db.run(upsertRuns(slice));
	const wrong = rows.filter(({ seen }) => seen !== null).map(({ run, seen }) => ({ ...runRow(name, run), seen }));
	for (const slice of slices(wrong)) {
		await db.run(sql`UPDATE run SET
			owner = new.value ->> 'owner', repo = new.value ->> 'repo', state = new.value ->> 'state',
			outcome = new.value ->> 'outcome', ref = new.value ->> 'ref', actor = new.value ->> 'actor',
			created_at = new.value ->> 'createdAt', version = new.value ->> 'version', doc = new.value ->> 'doc'
			FROM json_each(${JSON.stringify(slice)}) AS new
			WHERE run.id = new.value ->> 'id' AND run.version = new.value ->> 'seen'`);
	}
}

export interface RowPlace {
	id: RunId;
	version: number;
	createdAt: number;
}

/** A repository's rows in the order of its lists' index, after one place. */
export async function listRunRows(
	db: DrizzleD1Database,
	{ owner, repo }: RepositoryName,
	{ after, limit }: { after: { createdAt: number; id: RunId } | null; limit: number },
): Promise<RowPlace[]> {
	const beyond = after && sql`(${runs.createdAt}, ${runs.id}) > (${after.createdAt}, ${after.id})`;
	return db
		.select({ id: runs.id, version: runs.version, createdAt: runs.createdAt })
		.from(runs)
		.where(and(eq(runs.owner, owner), eq(runs.repo, repo), beyond ?? undefined))
		.orderBy(asc(runs.createdAt), asc(runs.id))
		.limit(limit);
}

export async function deleteRunRows(
	db: DrizzleD1Database,
	rows: readonly { id: RunId; version: number }[],
): Promise<void> {
	if (rows.length === 0) return;
	await db.run(sql`DELETE FROM run WHERE EXISTS (
		SELECT 1 FROM json_each(${JSON.stringify(rows)}) AS gone
		WHERE run.id = gone.value ->> 'id' AND run.version = gone.value ->> 'version')`);
}

export interface SettingsRow {
	version: number;
	doc: string;
}

export async function selectRepositoryRow(
	db: DrizzleD1Database,
	{ owner, repo }: RepositoryName,
): Promise<SettingsRow | null> {
	const [row] = await db
		.select({ version: repositories.version, doc: repositories.doc })
		.from(repositories)
		.where(and(eq(repositories.owner, owner), eq(repositories.repo, repo)));
	return row ?? null;
}

/** `seen` as for runs. `repository` null: there is no such repository, and the row goes. */
export async function writeRepositoryRow(
	db: DrizzleD1Database,
	{ owner, repo }: RepositoryName,
	{ repository, at, seen }: { repository: Repository | null; at: number; seen: number | null },
): Promise<void> {
	const version = seen ?? -1;
	if (repository === null) {
		await db.run(sql`DELETE FROM repository WHERE owner = ${owner} AND repo = ${repo} AND version = ${version}`);
		return;
	}
	const doc = JSON.stringify(repository);
	await db.run(sql`INSERT INTO repository (owner, repo, version, doc) VALUES (${owner}, ${repo}, ${at}, ${doc})
		ON CONFLICT (owner, repo) DO UPDATE SET version = excluded.version, doc = excluded.doc
		WHERE repository.version = ${version} OR excluded.version > repository.version`);
}

/** After one name. */
export async function listRepositoryNames(
	db: DrizzleD1Database,
	{ owner, after, limit }: { owner: string; after: string; limit: number },
): Promise<string[]> {
	const rows = await db
		.select({ repo: repositories.repo })
		.from(repositories)
		.where(and(eq(repositories.owner, owner), sql`${repositories.repo} > ${after}`))
		.orderBy(asc(repositories.repo))
		.limit(limit);
	return rows.map(({ repo }) => repo);
}

/** An owner's tokens as they are here, by id. */
export async function listTokenRecords(
	db: DrizzleD1Database,
	{ owner, after, limit }: { owner: string; after: string; limit: number },
): Promise<TokenRecord[]> {
	const rows = await db
		.select({ doc: tokens.doc, revokedAt: tokens.revokedAt })
		.from(tokens)
		.where(and(eq(tokens.owner, owner), sql`${tokens.id} > ${after}`))
		.orderBy(asc(tokens.id))
		.limit(limit);
	return rows.map(({ doc, revokedAt }) => ({
		...JSON.parse(doc),
		revokedAt: revokedAt === null ? null : new Date(revokedAt).toISOString(),
	}));
}

/** How many of them were missing, or were not as their owner's object has them. What it does not know stays. */
export async function writeTokenRows(db: DrizzleD1Database, records: readonly TokenRecord[]): Promise<number> {
	const rows = records.map(({ revokedAt, ...token }) => ({
		...{ id: token.id, owner: token.owner, createdAt: Date.parse(token.createdAt) },
		expiresAt: token.expiresAt === null ? null : Date.parse(token.expiresAt),
		revokedAt: revokedAt === null ? null : Date.parse(revokedAt),
		doc: JSON.stringify({ ...token, revokedAt: null }),
	}));
	const written = await db.run(sql`INSERT INTO token (id, owner, created_at, expires_at, revoked_at, doc)
		SELECT value ->> 'id', value ->> 'owner', value ->> 'createdAt', value ->> 'expiresAt', value ->> 'revokedAt',
			value ->> 'doc' FROM json_each(${JSON.stringify(rows)}) WHERE true
		ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, created_at = excluded.created_at,
			expires_at = excluded.expires_at, revoked_at = coalesce(token.revoked_at, excluded.revoked_at), doc = excluded.doc
		WHERE token.owner <> excluded.owner OR token.created_at <> excluded.created_at OR token.doc <> excluded.doc
			OR token.expires_at IS NOT excluded.expires_at
			OR (token.revoked_at IS NULL AND excluded.revoked_at IS NOT NULL)`);
	return written.meta.changes;
}

/** How many of them were missing. */
export async function addPools(db: DrizzleD1Database, owner: string, pools: readonly string[]): Promise<number> {
	const written = await db.run(sql`INSERT OR IGNORE INTO pool (owner, pool)
		SELECT ${owner}, value FROM json_each(${JSON.stringify(pools)})`);
	return written.meta.changes;
}
