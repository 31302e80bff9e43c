// Which line a request waits in: its token's owner's, so only whoever proved to be that owner's can lengthen it. A token that is
// unknown or ended waits nowhere: its route refuses it.
import type { Context, MiddlewareHandler } from "hono";
import type { GatedCall } from "../../../domain/overload/call-line.ts";
import { findLease, isOperator } from "../auth.ts";
import { sessionPrincipal } from "../session-caller.ts";
import type { ApiEnv } from "../context.ts";
import { classOf, isPagedList } from "./call-class.ts";
import { withKnownLists } from "./known-lists.ts";
import { overloaded, Passage } from "./passage.ts";

const bodiless: ReadonlySet<string> = new Set(["GET", "HEAD", "DELETE"]);

/** [V6] For a call with a body `readBody` passes the gate, once all of it is here; any other passes before its route runs. */
export const passGate: MiddlewareHandler<ApiEnv> = async (c, next) => {
	const call = gatedCall(c);
	if (call === null) return next();
	const passage = new Passage(c.get("services"), { call, gone: c.req.raw.signal });
	c.set("passage", passage);
	try {
		if (bodiless.has(c.req.method) && !(await passage.tryEnter(0))) {
			if (!isPagedList(c.req.path)) throw overloaded();
			c.set("services", withKnownLists(c.get("services")));
		}
		await next();
	} finally {
		passage.leave();
	}
};

/** Null: it passes always, or is refused by its route. */
function gatedCall(c: Context<ApiEnv>): GatedCall | null {
	const call = classOf(c.req.method, { path: c.req.path, query: new URL(c.req.url).searchParams });
	if (call === null) return null;
	const behind = c.get("behind");
	if (behind !== null) {
		return c.get("services").ends.standing(behind) === "ended" ? null : { ...call, owner: behind.owner };
	}
	const session = c.get("session");
	if (session !== null) {
		const who = sessionPrincipal(c, session);
		// A member waits in the line of the owner that the path names, and one who is none there is refused by the route.
		if (typeof who !== "string" && who.kind === "session") {
			const { owner } = call;
			return owner !== null && who.memberships.has(owner) ? { ...call, owner } : null;
		}
	}
	const lease = findLease(c);
	if (lease !== null) return { ...call, owner: lease.owner };
	return isOperator(c) ? { ...call, owner: call.owner ?? "" } : null;
}
