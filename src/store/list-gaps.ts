// Since when lists lack rows that were there: the database was lost, and what of an owner's can be rebuilt was not rebuilt yet.
import { inArray, sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Millis } from "../domain/ids.ts";
import { listGaps } from "./schema.ts";

/** The row that stands for all owners without one of their own. */
const everybody = "";

/** One statement, for the batch of a list's own. `owner` null: a list of all owners. */
export function selectGaps(db: DrizzleD1Database, owner: string | null) {
	return db
		.select()
		.from(listGaps)
		.where(inArray(listGaps.owner, [owner ?? everybody, everybody]));
}

/** Null: the owner's lists lack nothing. */
export function gapSince(rows: readonly { owner: string; since: number }[], owner: string | null): number | null {
	const gap = rows.find((row) => row.owner === owner) ?? rows.find((row) => row.owner === everybody);
	return gap && gap.since > 0 ? gap.since : null;
}

/**
 * What can be rebuilt of an owner's rows was rebuilt, by a rebuild that began at `beganAt`: one that began before the loss went
 * through a part of them in the lost database. While no database was lost there is nothing to note.
 */
export async function closeGap(db: DrizzleD1Database, owner: string, beganAt: Millis): Promise<void> {
	await db.run(sql`INSERT INTO list_gap (owner, since)
		SELECT ${owner}, 0 FROM list_gap WHERE owner = ${everybody} AND since <= ${beganAt}
		ON CONFLICT (owner) DO UPDATE SET since = 0`);
}
