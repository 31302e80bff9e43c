// Records of access tokens; the tokens themselves are stored nowhere.
import { and, desc, eq, gt, isNotNull, isNull, lt, sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { TokenEnd } from "../contracts/objects/owner.ts";
import { tokenEnd } from "../contracts/objects/owner.ts";
import type { TokenRecord } from "../contracts/http/token.ts";
import { gapSince, selectGaps } from "./list-gaps.ts";
import type { Slice } from "./runs.ts";
import { tokens } from "./schema.ts";

/** False when there is one already whose id begins with `prefix`, which follows from an idempotency key; null: it had none. */
export async function addToken(db: DrizzleD1Database, token: TokenRecord, prefix: string | null): Promise<boolean> {
	const row = {
		id: token.id,
		owner: token.owner,
		createdAt: Date.parse(token.createdAt),
		expiresAt: token.expiresAt === null ? null : Date.parse(token.expiresAt),
		revokedAt: null,
		doc: JSON.stringify(token),
	};
	if (prefix === null) {
		await db.insert(tokens).values(row);
		return true;
	}
	// One statement: of two requests at once with one key, one makes a token.
	const { id, owner, createdAt, expiresAt, doc } = row;
	const added = await db.run(sql`
		INSERT INTO token (id, owner, created_at, expires_at, revoked_at, doc)
		SELECT ${id}, ${owner}, ${createdAt}, ${expiresAt}, NULL, ${doc}
		WHERE NOT EXISTS (SELECT 1 FROM token WHERE ${beginsWith(prefix)})`);
	return added.meta.changes > 0;
}

/** The token that was made under a key. */
export async function findKeyedToken(db: DrizzleD1Database, prefix: string): Promise<TokenRecord | null> {
	const shown = { doc: tokens.doc, revokedAt: tokens.revokedAt };
	const [row] = await db.select(shown).from(tokens).where(beginsWith(prefix)).limit(1);
	return row ? readRecord(row) : null;
}

/** By the primary key's index. What follows a prefix is hexadecimal, and "g" comes after all of that. */
function beginsWith(prefix: string) {
	return and(gt(tokens.id, prefix), lt(tokens.id, `${prefix}g`));
}

export async function findToken(db: DrizzleD1Database, id: string): Promise<TokenRecord | null> {
	const [row] = await db.select({ doc: tokens.doc, revokedAt: tokens.revokedAt }).from(tokens).where(eq(tokens.id, id));
	return row ? readRecord(row) : null;
}

export async function selectTokens(
	db: DrizzleD1Database,
	{ owner, limit, cursor }: { owner: string; limit: number; cursor: string | null },
): Promise<Slice<TokenRecord>> {
	const [at = "", id = ""] = cursor?.split(" ") ?? [];
	const before = cursor === null ? undefined : sql`(${tokens.createdAt}, ${tokens.id}) < (${Number(at)}, ${id})`;
	const found = db
		.select({ id: tokens.id, doc: tokens.doc, revokedAt: tokens.revokedAt, createdAt: tokens.createdAt })
		.from(tokens)
		.where(and(eq(tokens.owner, owner), before))
		.orderBy(desc(tokens.createdAt), desc(tokens.id))
		.limit(limit + 1);
	const [rows, gaps] = await db.batch([found, selectGaps(db, owner)]);
	const last = rows[limit - 1];
	return {
		items: rows.slice(0, limit).map(readRecord),
		next: rows.length > limit && last ? `${last.createdAt} ${last.id}` : null,
		since: gapSince(gaps, owner),
	};
}

/** Revoking again keeps the first instant. */
export async function markTokenRevoked(db: DrizzleD1Database, id: string, at: number): Promise<void> {
	await db
		.update(tokens)
		.set({ revokedAt: at })
		.where(and(eq(tokens.id, id), isNull(tokens.revokedAt)));
}

/** As `markTokenRevoked`, of many. A token that has no record is passed over. */
export async function markTokensRevoked(
	db: DrizzleD1Database,
	ends: readonly { id: string; at: number }[],
): Promise<void> {
	await db.run(sql`
		UPDATE token SET revoked_at = ended.value ->> 'at' FROM json_each(${JSON.stringify(ends)}) AS ended
		WHERE token.id = ended.value ->> 'id' AND token.revoked_at IS NULL`);
}

/** An owner's ended tokens, by id, after one id; `until` as `tokenEnd` says. */
export async function listRevoked(
	db: DrizzleD1Database,
	{ owner, after, limit }: { owner: string; after: string; limit: number },
): Promise<TokenEnd[]> {
	const rows = await db
		.select({ doc: tokens.doc, revokedAt: tokens.revokedAt })
		.from(tokens)
		.where(and(eq(tokens.owner, owner), isNotNull(tokens.revokedAt), gt(tokens.id, after)))
		.orderBy(tokens.id)
		.limit(limit);
	return rows.map(({ doc, revokedAt }) => tokenEnd(JSON.parse(doc) as TokenRecord, revokedAt ?? 0));
}

function readRecord({ doc, revokedAt }: { doc: string; revokedAt: number | null }): TokenRecord {
	// What was stored before tokens could be bound to pools and a count has neither.
	const record: TokenRecord = { pools: null, uses: null, ...JSON.parse(doc) };
	return { ...record, revokedAt: revokedAt === null ? null : new Date(revokedAt).toISOString() };
}
