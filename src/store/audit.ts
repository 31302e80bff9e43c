// The audit: one row for each privileged act, written once and never changed.
import { and, desc, eq, sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { AuditRecord } from "../contracts/http/audit.ts";
import { gapSince, selectGaps } from "./list-gaps.ts";
import type { Slice } from "./runs.ts";
import { audit } from "./schema.ts";

/** Written again, it is there once. */
export async function addAudit(db: DrizzleD1Database, record: AuditRecord): Promise<void> {
	const { id, owner, action, actor } = record;
	const row = { id, owner, action, actor, at: Date.parse(record.at), doc: JSON.stringify(record) };
	await db.insert(audit).values(row).onConflictDoNothing();
}

export interface AuditQuery {
	/** Null: of all owners, and what is nobody's. */
	owner: string | null;
	actor?: string | undefined;
	action?: string | undefined;
	limit: number;
	cursor: string | null;
}

/** Newest first. A filter is not indexed: it passes over what its owner has. */
export async function selectAudit(
	db: DrizzleD1Database,
	{ owner, actor, action, limit, cursor }: AuditQuery,
): Promise<Slice<AuditRecord>> {
	const [at = "", id = ""] = cursor?.split(" ") ?? [];
	const found = db
		.select({ doc: audit.doc, at: audit.at, id: audit.id })
		.from(audit)
		.where(
			and(
				owner === null ? undefined : eq(audit.owner, owner),
				actor === undefined ? undefined : eq(audit.actor, actor),
				action === undefined ? undefined : eq(audit.action, action),
				cursor === null ? undefined : sql`(${audit.at}, ${audit.id}) < (${Number(at)}, ${id})`,
			),
		)
		.orderBy(desc(audit.at), desc(audit.id))
		.limit(limit + 1);
	const [rows, gaps] = await db.batch([found, selectGaps(db, owner)]);
	const last = rows[limit - 1];
	return {
		items: rows.slice(0, limit).map(({ doc }) => JSON.parse(doc)),
		next: rows.length > limit && last ? `${last.at} ${last.id}` : null,
		since: gapSince(gaps, owner),
	};
}

/** The oldest first, at most `limit`. */
export async function forgetAudit(
	db: DrizzleD1Database,
	{ before, limit }: { before: number; limit: number },
): Promise<void> {
	const old = sql`SELECT id FROM audit WHERE at < ${before} ORDER BY at LIMIT ${limit}`;
	await db.run(sql`DELETE FROM audit WHERE id IN (${old})`);
}
