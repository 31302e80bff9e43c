// The read model over D1. While D1 does not answer, a list that was read before is given again, marked stale.
import { drizzle } from "drizzle-orm/d1";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Page, ReadModel } from "../src/api/services.ts";
import { addPool, listPools, listRepositories, listRuns } from "../src/store/runs.ts";
import type { Slice } from "../src/store/runs.ts";
import { addToken, findToken, listRevoked, listTokens, revokeToken } from "../src/store/tokens.ts";
import type { Env } from "./env.ts";
import { Outage } from "./stubs.ts";

const pagesKept = 200;
/** Half of the 60 s within which a revocation acts everywhere. */
const revocationsRefreshMs = 30_000;

/** By question, the last good page of this isolate. */
const lastPages = new Map<string, Page<unknown>>();
const revoked: { ids: Set<string>; at: number } = { ids: new Set(), at: 0 };

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
	const made = { db, model: makeModel(env, db) };
	models.set(env, made);
	return made;
}

function makeModel(env: Env, db: DrizzleD1Database): ReadModel {
	return {
		repositories: (call) => page(`repositories ${JSON.stringify(call)}`, () => listRepositories(db, call)),
		runs: (call) => page(`runs ${JSON.stringify(call)}`, () => listRuns(db, call)),
		tokens: (call) => page(`tokens ${JSON.stringify(call)}`, () => listTokens(db, call)),
		pools: (owner) => reach(() => listPools(db, owner)),
		addPool: (owner, pool) => reach(() => addPool(db, owner, pool)),
		token: (id) => reach(() => findToken(db, id)),
		addToken: (token) => reach(() => addToken(db, token)),
		revokeToken: (id, at) => reach(() => revokeToken(db, id, at)),
		isReachable: () =>
			env.DB.prepare("SELECT 1")
				.run()
				.then(
					() => true,
					() => false,
				),
	};
}

/** Never waits: refreshed in the background, and what is not known to be revoked is not. */
export function isRevoked(env: Env, id: string, later: (work: Promise<unknown>) => void): boolean {
	const now = Date.now();
	if (now - revoked.at > revocationsRefreshMs) {
		revoked.at = now;
		const refresh = listRevoked(database(env), now).then((ids) => {
			revoked.ids = new Set(ids);
		});
		later(refresh.catch(() => undefined));
	}
	return revoked.ids.has(id);
}

/** This isolate knows at once; the others when they next look. */
export function addRevoked(id: string): void {
	revoked.ids.add(id);
}

async function page<T>(question: string, ask: () => Promise<Slice<T>>): Promise<Page<T>> {
	try {
		const { items, next } = await ask();
		const answer: Page<T> = { items, nextCursor: next, asOf: new Date().toISOString(), stale: false };
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
