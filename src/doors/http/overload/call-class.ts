// Which calls pass the gate, as what, and at what cost: by method and path, before anything of the request is read.
import type { CallClass } from "../../../domain/overload/call-line.ts";
import { actWaitMs, dearCost, listCost, readCost, readWaitMs } from "../../../domain/overload/overload-limits.ts";
import { dearOf } from "../dear-calls.ts";

export interface ClassedCall {
	class: CallClass;
	/** Null where the path names none. */
	owner: string | null;
	repo: string | null;
	cost: number;
	waitMs: number;
}

/** What never waits: the calls of runners and leases, and the operator's own. Every other path of the API belongs to some owner. */
const ungatedPath = /^\/v1\/(runner|lease|switches|dead-letters)(\/|$)/;
const gatedPath = /^\/v1\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?/;
const ownersPaths: ReadonlySet<string> = new Set(["repos", "pools", "owners"]);
const streamPath = /\/(log|events)(\/|$)/;
/** What the read model answers in pages; logs, which mostly come from the archive, cost as much. */
const pagedPath = /^\/v1\/(repos|tokens|audit|pools\/[^/]+|repos\/[^/]+\/[^/]+\/runs)$/;
const logPath = /\/log(\/search)?$/;
const runsPath = /^\/v1\/repos\/[^/]+\/[^/]+\/runs$/;

/** Whether the path is a list's that the read model has. */
export function isPagedList(path: string): boolean {
	return pagedPath.test(path);
}

/** Null: the call passes always. The path is the decoded one, as the router reads it: `%72epos` is `repos`. */
export function classOf(method: string, { path, query }: { path: string; query: URLSearchParams }): ClassedCall | null {
	const [, kind, first = null, second = null] = ungatedPath.test(path) ? [] : (gatedPath.exec(path) ?? []);
	if (kind === undefined) return null;
	const place = {
		owner: (ownersPaths.has(kind) ? first : null) ?? query.get("owner"),
		repo: kind === "repos" ? second : null,
		cost: dearOf(method, { path, query }) === "no" ? 1 : dearCost,
	};
	if (method === "GET" || method === "HEAD") {
		if (place.cost === 1) place.cost = isPagedList(path) || logPath.test(path) ? listCost : readCost;
		return { ...place, class: streamPath.test(path) ? "view" : "list", waitMs: readWaitMs };
	}
	const isSubmission = method === "POST" && runsPath.test(path);
	return { ...place, class: isSubmission ? "submission" : "act", waitMs: actWaitMs };
}
