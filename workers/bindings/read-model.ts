// The read model over D1. While D1 does not answer, a list that was read before is given again, marked stale.
import { drizzle } from "drizzle-orm/d1";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Page } from "../../src/contracts/http/page.ts";
import type { ReadModel } from "../../src/operations/ports.ts";
import { selectAudit } from "../../src/store/audit.ts";
import {
	addPool,
	findRepository,
	findRun,
	selectPools,
	selectRepositories,
	selectRuns,
	setBehind,
} from "../../src/store/runs.ts";
import type { Slice } from "../../src/store/runs.ts";
import { addToken, findKeyedToken, findToken, selectTokens, markTokenRevoked } from "../../src/store/tokens.ts";
import type { RepositoryName } from "../../src/contracts/objects/objects.ts";
import { timeText } from "../../src/contracts/wire/time-text.ts";
import type { Millis } from "../../src/domain/ids.ts";
import type { Env } from "../env.ts";
import { asOutage, Outage } from "../../src/contracts/wire/outage.ts";
import { projectOffAt, switchesNow } from "../switches/switches.ts";
import { report } from "../report.ts";
import { breakersOf } from "./breakers.ts";
import { LastPages } from "./last-pages.ts";
import { answered } from "./stored.ts";

/** Of this isolate, the last good page of each question. */
const lastPages = new LastPages<Page<unknown>>(200);

/** One for each environment: making them costs as much as a request may. */
const models = new WeakMap<Env, { db: DrizzleD1Database; model: ReadModel }>();

export function database(env: Env): DrizzleD1Database {
	return modelOf(env).db;
}

/** [V15] The last good page of the same question, marked stale; without any call. */
export function knownPage(list: string, call: { owner: string | null }): Page<unknown> | null {
	const known = lastPages.find(call.owner, question(list, call));
	return known && { ...known, stale: true };
}

const question = (list: string, call: object) => `${list} ${JSON.stringify(call)}`;

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
	/** [M11] While the operator has switched projection off, these lists are as they were then. */
	const projected = async <T>(slice: Promise<Slice<T>>): Promise<Slice<T>> => {
		const { since, ...rest } = await slice;
		const off = projectOffAt(env);
		return { ...rest, since: off === null ? since : Math.min(off, since ?? off) };
	};
	const reach = <T>(ask: () => Promise<T>) => behindBreaker(env, ask);
	const page = <T>(list: string, call: { owner: string | null }, ask: () => Promise<Slice<T>>) =>
		lastOr(list, call, () => reach(ask));
	return {
		repositories: (call) => page("repositories", call, () => projected(selectRepositories(db, call))),
		runs: (call) => page("runs", call, () => projected(selectRuns(db, call, Date.now()))),
		tokens: (call) => page("tokens", call, () => selectTokens(db, call)),
		pools: (call) => page("pools", call, () => selectPools(db, call)),
		audit: (call) => page("audit", call, () => selectAudit(db, call)),
		repository: (name) => reach(() => findRepository(db, name)),
		run: (name, run) => reach(() => findRun(db, name, run)),
		addPool: (owner, pool) => reach(() => addPool(db, owner, pool)),
		token: (id) => reach(() => findToken(db, id)),
		addToken: (token, prefix) => reach(() => addToken(db, token, prefix)),
		keyedToken: (prefix) => reach(() => findKeyedToken(db, prefix)),
		revokeToken: (id, at) => reach(() => markTokenRevoked(db, id, at)),
	};
}

/** Lists of a repository's runs say for this long that they are behind, unless they caught up before. */
const behindMs = 600_000;

/**
 * From the repository itself, past the queue that fell behind. `since` null: it is behind no more. Never throws: while D1 is away
 * too, or nothing is projected, lists are stale anyway.
 */
export function noteBehind(env: Env, name: RepositoryName, since: Millis | null): void {
	if (!switchesNow(env).project) return;
	const behind = since === null ? { since: 0, until: 0 } : { since, until: Date.now() + behindMs };
	setBehind(database(env), name, behind).catch((cause) =>
		report({ event: "behind-unsaid", repository: `${name.owner}/${name.repo}`, cause: String(cause) }),
	);
}

/** [K11] While the database does not answer, the last good page of the same question; without one its `Outage` goes on. */
async function lastOr<T>(list: string, call: { owner: string | null }, ask: () => Promise<Slice<T>>): Promise<Page<T>> {
	const askedAt = Date.now();
	try {
		const { items, next, since } = await ask();
		const answer: Page<T> = { items, nextCursor: next, asOf: timeText(since ?? askedAt), stale: since !== null };
		lastPages.keep(call.owner, question(list, call), answer);
		return answer;
	} catch (cause) {
		const known = knownPage(list, call);
		if (known) return known as Page<T>;
		throw cause;
	}
}

/** Past the breaker, for what has tries of its own. */
export async function reach<T>(ask: () => Promise<T>): Promise<T> {
	try {
		return await ask();
	} catch (cause) {
		throw new Outage("the read model did not answer", { cause });
	}
}

/** What SQLite says of the statement, and not of itself: the next one may be good. */
const statementFault =
	/SQLITE_(CONSTRAINT|TOOBIG|MISMATCH|RANGE)|D1_TYPE_ERROR|too many SQL variables|pattern too complex/;

/** All that goes wrong is an `Outage`; only the statement's own fault is not held against the database. */
async function behindBreaker<T>(env: Env, ask: () => Promise<T>): Promise<T> {
	try {
		return await breakersOf(env).call({ of: "database" }, () => answered(ask()).catch(outageOrFault));
	} catch (cause) {
		throw asOutage(cause) ?? new Outage("the read model did not answer", { cause });
	}
}

function outageOrFault(cause: unknown): never {
	for (let deepest = cause; deepest instanceof Error; deepest = deepest.cause) {
		if (statementFault.test(deepest.message)) throw cause;
	}
	throw asOutage(cause) ?? new Outage("the read model did not answer", { cause });
}
