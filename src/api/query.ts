// A parameter that its route does not have is refused: a filter that is misspelt would pass unseen, and answer with everything.
import type { Context } from "hono";
import type { ApiEnv } from "./context.ts";
import { queryNames } from "./document.ts";
import { malformed } from "./request.ts";

/** Named at most: a query may hold thousands. */
const errorsShown = 20;

/** [A41] Throws 400. Called where the caller is found to have a good token, so that nobody else learns anything of a route. */
export function checkQuery(c: Context<ApiEnv>): void {
	const asked = Object.keys(c.req.query());
	if (asked.length === 0) return;
	const method = c.req.method === "HEAD" ? "get" : c.req.method.toLowerCase();
	const known = queryNames(method, c.req.routePath.replace(/:(\w+)/g, "{$1}"));
	const unknown = known === null ? [] : asked.filter((name) => !known.has(name));
	if (unknown.length === 0) return;
	const errors = unknown.slice(0, errorsShown).map((path) => ({ path, message: "is not known here" }));
	throw malformed("The query is not as it should be.", errors);
}
