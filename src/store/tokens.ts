// Records of access tokens; the tokens themselves are stored nowhere.
import { and, desc, eq, gt, isNotNull, isNull, or, sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { TokenRecord } from "../contracts/token.ts";
import type { Slice } from "./runs.ts";
import { tokens } from "./schema.ts";

/** Revocations that one isolate keeps in mind; more than these and the oldest act no longer, which the operator is told. */
const revokedMax = 10_000;

export async function addToken(db: DrizzleD1Database, token: TokenRecord): Promise<void> {
	await db.insert(tokens).values({
		id: token.id,
		owner: token.owner,
		createdAt: Date.parse(token.createdAt),
		expiresAt: token.expiresAt === null ? null : Date.parse(token.expiresAt),
		revokedAt: null,
		doc: JSON.stringify(token),
	});
}

export async function findToken(db: DrizzleD1Database, id: string): Promise<TokenRecord | null> {
	const [row] = await db.select({ doc: tokens.doc, revokedAt: tokens.revokedAt }).from(tokens).where(eq(tokens.id, id));
	return row ? readRecord(row) : null;
}

export async function listTokens(
	db: DrizzleD1Database,
	{ owner, limit, cursor }: { owner: string; limit: number; cursor: string | null },
): Promise<Slice<TokenRecord>> {
	const [at = "", id = ""] = cursor?.split(" ") ?? [];
	const before = cursor === null ? undefined : sql`(${tokens.createdAt}, ${tokens.id}) < (${Number(at)}, ${id})`;
	const rows = await db
		.select({ id: tokens.id, doc: tokens.doc, revokedAt: tokens.revokedAt, createdAt: tokens.createdAt })
		.from(tokens)
		.where(and(eq(tokens.owner, owner), before))
		.orderBy(desc(tokens.createdAt), desc(tokens.id))
		.limit(limit + 1);
	const last = rows[limit - 1];
	return {
		items: rows.slice(0, limit).map(readRecord),
		next: rows.length > limit && last ? `${last.createdAt} ${last.id}` : null,
	};
}

/** Revoking again keeps the first instant. */
export async function revokeToken(db: DrizzleD1Database, id: string, at: number): Promise<void> {
	await db
		.update(tokens)
		.set({ revokedAt: at })
		.where(and(eq(tokens.id, id), isNull(tokens.revokedAt)));
}

/** Newest first; those that have expired need not be remembered. */
export async function listRevoked(db: DrizzleD1Database, now: number): Promise<string[]> {
	const rows = await db
		.select({ id: tokens.id })
		.from(tokens)
		.where(and(isNotNull(tokens.revokedAt), or(isNull(tokens.expiresAt), gt(tokens.expiresAt, now))))
		.orderBy(desc(tokens.revokedAt))
		.limit(revokedMax);
	return rows.map(({ id }) => id);
}

function readRecord({ doc, revokedAt }: { doc: string; revokedAt: number | null }): TokenRecord {
	const record = JSON.parse(doc) as TokenRecord;
	return { ...record, revokedAt: revokedAt === null ? null : new Date(revokedAt).toISOString() };
}
