// Runs and repositories as lists: newest first, by a cursor that stands on the last row seen.
import { and, asc, desc, eq, gt, inArray, lt, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { Repository } from "../contracts/http/repository.ts";
import type { Run } from "../contracts/http/run.ts";
import type { RunName } from "../domain/ids.ts";
import { gapSince, selectGaps } from "./list-gaps.ts";
import { pools, repositories, runs } from "./schema.ts";

export interface Slice<T> {
	items: T[];
	/** Where the next one begins; null at the end. */
	next: string | null;
	/** Since when something of it did not come here, epoch milliseconds; null: it is what is here now. */
	since: number | null;
}

export interface RunQuery extends RepositoryName {
	filter: {
		state?: string | undefined;
		outcome?: string | undefined;
		ref?: string | undefined;
		actor?: string | undefined;
	};
	limit: number;
	cursor: string | null;
}

export async function selectRuns(
	db: DrizzleD1Database,
	{ owner, repo, filter, limit, cursor }: RunQuery,
	now: number,
): Promise<Slice<Run>> {
	const [at = "", id = ""] = cursor?.split(" ") ?? [];
	const conditions: (SQL | undefined)[] = [
		eq(runs.owner, owner),
		eq(runs.repo, repo),
		filter.state === undefined ? undefined : eq(runs.state, filter.state),
		filter.outcome === undefined ? undefined : eq(runs.outcome, filter.outcome),
		filter.ref === undefined ? undefined : eq(runs.ref, filter.ref),
		filter.actor === undefined ? undefined : eq(runs.actor, filter.actor),
		cursor === null ? undefined : sql`(${runs.createdAt}, ${runs.id}) < (${Number(at) || 0}, ${id})`,
	];
	const about = db
		.select({ behindUntil: repositories.behindUntil, behindSince: repositories.behindSince })
		.from(repositories)
		.where(and(eq(repositories.owner, owner), eq(repositories.repo, repo)));
	const found = db
		.select({ doc: runs.doc, createdAt: runs.createdAt, id: runs.id })
		.from(runs)
		.where(and(...conditions))
		.orderBy(desc(runs.createdAt), desc(runs.id))
		.limit(limit + 1);
	const [rows, [repository], gaps] = await db.batch([found, about, selectGaps(db, owner)]);
	const isBehind = repository !== undefined && repository.behindUntil > now;
	const sinces = [isBehind ? repository.behindSince || now : null, gapSince(gaps, owner)];
	const last = rows[limit - 1];
	return {
		items: rows.slice(0, limit).map(({ doc }) => JSON.parse(doc)),
		next: rows.length > limit && last ? `${last.createdAt} ${last.id}` : null,
		since: sinces.reduce((first, since) => (first === null || (since !== null && since < first) ? since : first)),
	};
}

/** Numbers are looked for among this many, the newest: there is no index of them. */
const numberedMax = 5_000;

/** A run as it was told last, without its jobs; null: not told yet, or no more. */
export async function findRun(
	db: DrizzleD1Database,
	{ owner, repo }: RepositoryName,
	name: RunName,
): Promise<Run | null> {
	const isIts = and(eq(runs.owner, owner), eq(runs.repo, repo));
	const order = [desc(runs.createdAt), desc(runs.id)];
	if (typeof name === "object" && "id" in name) {
		const [row] = await db
			.select({ doc: runs.doc })
			.from(runs)
			.where(and(isIts, eq(runs.id, name.id)));
		return row ? JSON.parse(row.doc) : null;
	}
	if (name === "latest") {
		const [row] = await db
			.select({ doc: runs.doc })
			.from(runs)
			.where(isIts)
			.orderBy(...order)
			.limit(1);
		return row ? JSON.parse(row.doc) : null;
	}
	const newest = db
		.select({ doc: runs.doc })
		.from(runs)
		.where(isIts)
		.orderBy(...order)
		.limit(numberedMax)
		.as("newest");
	const [row] = await db
		.select({ doc: newest.doc })
		.from(newest)
		.where(sql`${newest.doc} ->> 'number' = ${name.number}`)
		.limit(1);
	return row ? JSON.parse(row.doc) : null;
}

export async function selectRepositories(
	db: DrizzleD1Database,
	call: { owner: string; repos: readonly string[] | null; limit: number; cursor: string | null },
): Promise<Slice<Repository>> {
	const { owner, repos, limit, cursor } = call;
	// A token or a membership names 50 at most, half of the values that a statement of D1 holds.
	const named = repos === null ? undefined : inArray(repositories.repo, repos);
	const found = db
		.select({ repo: repositories.repo, doc: repositories.doc })
		.from(repositories)
		.where(and(eq(repositories.owner, owner), gt(repositories.repo, cursor ?? ""), named))
		.orderBy(asc(repositories.repo))
		.limit(limit + 1);
	const [rows, gaps] = await db.batch([found, selectGaps(db, owner)]);
	const last = rows[limit - 1];
	return {
		items: rows.slice(0, limit).map(({ doc }) => JSON.parse(doc)),
		next: rows.length > limit && last ? last.repo : null,
		since: gapSince(gaps, owner),
	};
}

/** Runs that are unfinished as far as is known here and were created before `before`, for the sweep; at most `limit`. */
export async function listUnfinished(
	db: DrizzleD1Database,
	{ before, limit }: { before: number; limit: number },
): Promise<(RepositoryName & { id: string; version: number })[]> {
	return db
		.select({ owner: runs.owner, repo: runs.repo, id: runs.id, version: runs.version })
		.from(runs)
		.where(and(sql`${runs.state} <> 'finished'`, lt(runs.createdAt, before)))
		.limit(limit);
}

/** A repository as it was told last, and when; null: not told yet. */
export async function findRepository(
	db: DrizzleD1Database,
	{ owner, repo }: RepositoryName,
): Promise<{ repository: Repository; at: number } | null> {
	const [row] = await db
		.select({ doc: repositories.doc, at: repositories.version })
		.from(repositories)
		.where(and(eq(repositories.owner, owner), eq(repositories.repo, repo)));
	return row ? { repository: JSON.parse(row.doc), at: row.at } : null;
}

/** `until` then its lists say that they have been behind `since` then. */
export async function setBehind(
	db: DrizzleD1Database,
	{ owner, repo }: RepositoryName,
	{ since, until }: { since: number; until: number },
): Promise<void> {
	const isIts = and(eq(repositories.owner, owner), eq(repositories.repo, repo));
	await db.update(repositories).set({ behindUntil: until, behindSince: since }).where(isIts);
}

export async function selectPools(
	db: DrizzleD1Database,
	{ owner, limit, cursor }: { owner: string; limit: number; cursor: string | null },
): Promise<Slice<string>> {
	const found = db
		.select({ pool: pools.pool })
		.from(pools)
		.where(and(eq(pools.owner, owner), gt(pools.pool, cursor ?? "")))
		.orderBy(asc(pools.pool))
		.limit(limit + 1);
	const [rows, gaps] = await db.batch([found, selectGaps(db, owner)]);
	const last = rows[limit - 1];
	return {
		items: rows.slice(0, limit).map(({ pool }) => pool),
		next: rows.length > limit && last ? last.pool : null,
		since: gapSince(gaps, owner),
	};
}

export async function addPool(db: DrizzleD1Database, owner: string, pool: string): Promise<void> {
	await db.insert(pools).values({ owner, pool }).onConflictDoNothing();
}
