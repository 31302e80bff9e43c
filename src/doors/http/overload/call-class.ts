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

/** What is here belongs to some owner. Runners' and leases' calls, health and the operator's own are not here: they never wait. */
const gatedPath = /^\/v1\/(repos|pools|tokens|audit|tickets)(?:\/([^/]+)(?:\/([^/]+))?)?/;
const streamPath = /\/(log|events)(\/|$)/;
/** What the read model answers, and logs, which mostly come from the archive. */
const listPath = /^\/v1\/(repos|tokens|audit|pools\/[^/]+|repos\/[^/]+\/[^/]+\/runs)$|\/log(\/search)?$/;
const runsPath = /^\/v1\/repos\/[^/]+\/[^/]+\/runs$/;

/** Null: the call passes always. */
export function classOf(method: string, url: URL): ClassedCall | null {
	const [, kind, first = null, second = null] = gatedPath.exec(url.pathname) ?? [];
	if (kind === undefined) return null;
	const place = {
		owner:
			kind === "repos" || kind === "pools" ? (first ?? url.searchParams.get("owner")) : url.searchParams.get("owner"),
		repo: kind === "repos" ? second : null,
		cost: dearOf(method, url) === "no" ? 1 : dearCost,
	};
	if (method === "GET" || method === "HEAD") {
		if (place.cost === 1) place.cost = listPath.test(url.pathname) ? listCost : readCost;
		return { ...place, class: streamPath.test(url.pathname) ? "view" : "list", waitMs: readWaitMs };
	}
	const isSubmission = method === "POST" && runsPath.test(url.pathname);
	return { ...place, class: isSubmission ? "submission" : "act", waitMs: actWaitMs };
}
