// The read model over D1. While D1 does not answer, a list that was read before is given again, marked stale.
import { drizzle } from "drizzle-orm/d1";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Page, ReadModel } from "../src/api/services.ts";
import { listAudit } from "../src/store/audit.ts";
import { addPool, listPools, listRepositories, listRuns, setBehind } from "../src/store/runs.ts";
import type { Slice } from "../src/store/runs.ts";
import { addToken, findKeyedToken, findToken, listRevoked, listTokens, revokeToken } from "../src/store/tokens.ts";
import type { RepositoryName } from "../src/contracts/objects.ts";
import type { Env } from "./env.ts";
import { Outage } from "../src/contracts/outage.ts";
import { report } from "./report.ts";

const pagesKept = 200;
/** Half of the 60 s within which a revocation acts everywhere. */
const revocationsRefreshMs = 30_000;
const revocationsAgeMaxMs = 60_000;
/** A database that hangs must not hold up whoever only wants to submit. */
const revocationsWaitMs = 1_000;

/** By question, the last good page of this isolate. */
const lastPages = new Map<string, Page<unknown>>();
const revoked = { ids: new Set<string>(), here: new Map<string, number>(), at: 0 };

/** One for each environment: making them costs as much as a request may. */
const models = new WeakMap<Env, { db: DrizzleD1Database; model: ReadModel }>();

export function database(env: Env): DrizzleD1Database {
	return modelOf(env).db;
}

export function readModel(env: Env): ReadModel {
	return modelOf(env).model;
}

function modelOf(env: Env): { db: DrizzleD1Database; model: ReadModel } {
	const known = models.get(env);
	if (known) return known;
	const db = drizzle(env.DB);
	const made = { db, model: makeModel(db) };
	models.set(env, made);
	return made;
}

function makeModel(db: DrizzleD1Database): ReadModel {
	return {
		repositories: (call) => page(`repositories ${JSON.stringify(call)}`, () => listRepositories(db, call)),
		runs: (call) => page(`runs ${JSON.stringify(call)}`, () => listRuns(db, call, Date.now())),
		tokens: (call) => page(`tokens ${JSON.stringify(call)}`, () => listTokens(db, call)),
		pools: (call) => page(`pools ${JSON.stringify(call)}`, () => listPools(db, call)),
		audit: (call) => page(`audit ${JSON.stringify(call)}`, () => listAudit(db, call)),
		addPool: (owner, pool) => reach(() => addPool(db, owner, pool)),
		token: (id) => reach(() => findToken(db, id)),
		addToken: (token, prefix) => reach(() => addToken(db, token, prefix)),
		keyedToken: (prefix) => reach(() => findKeyedToken(db, prefix)),
		revokeToken: (id, at) => reach(() => revokeToken(db, id, at)),
	};
}

/**
 * Resolves once this isolate knows of all revocations older than a minute: at once, unless it is new or was idle for longer.
 * Without it the first calls after a rest would pass with tokens revoked long ago. With the read model away it goes on with
 * what it knew: refusing everybody would be the greater harm.
 */
export async function knowRevocations(env: Env, later: (work: Promise<unknown>) => void): Promise<void> {
	const ageMs = Date.now() - revoked.at;
	if (ageMs <= revocationsRefreshMs) return;
	const refresh = refreshRevocations(env);
	if (ageMs > revocationsAgeMaxMs) await Promise.race([refresh, scheduler.wait(revocationsWaitMs)]);
	else later(refresh);
}

async function refreshRevocations(env: Env): Promise<void> {
	const now = Date.now();
	// Before the answer, so that not every call of a busy isolate asks; a failure is tried again with the next round.
	revoked.at = now;
	try {
		const here = [...revoked.here].filter(([, at]) => now - at < revocationsAgeMaxMs);
		revoked.ids = new Set(await listRevoked(database(env), now));
		revoked.here = new Map(here);
	} catch (cause) {
		report({ event: "revocations-unknown", cause: String(cause) });
	}
}

export function isRevoked(id: string): boolean {
	return revoked.ids.has(id) || revoked.here.has(id);
}

/** This isolate knows at once, whatever a refresh under way still brings; the others when they next look. */
export function addRevoked(id: string): void {
	revoked.here.set(id, Date.now());
}

/** Lists of a repository's runs say for this long that they are behind, unless they caught up before. */
const behindMs = 600_000;

/** From the repository itself, past the queue that fell behind. Never throws: while D1 is away too, lists are stale anyway. */
export function noteBehind(env: Env, name: RepositoryName, isBehind: boolean): void {
	setBehind(database(env), name, isBehind ? Date.now() + behindMs : 0).catch((cause) =>
		report({ event: "behind-unsaid", repository: `${name.owner}/${name.repo}`, cause: String(cause) }),
	);
}

async function page<T>(question: string, ask: () => Promise<Slice<T>>): Promise<Page<T>> {
	try {
		const { items, next, isBehind = false } = await ask();
		const answer: Page<T> = { items, nextCursor: next, asOf: new Date().toISOString(), stale: isBehind };
		if (lastPages.size >= pagesKept) lastPages.clear();
		lastPages.set(question, answer);
		return answer;
	} catch (cause) {
		const known = lastPages.get(question);
		if (known) return { ...(known as Page<T>), stale: true };
		throw new Outage("the read model did not answer", { cause });
	}
}

async function reach<T>(ask: () => Promise<T>): Promise<T> {
	try {
		return await ask();
	} catch (cause) {
		throw new Outage("the read model did not answer", { cause });
	}
}
