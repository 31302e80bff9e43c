// Which pages of other origins may read answers: none, unless the operator names them. Without a list there is no word of CORS in
// any answer, so a browser lets no other page read one.
import type { MiddlewareHandler } from "hono";
import { logOffsetHeader } from "../../contracts/wire/log-output.ts";
import { absentHeader } from "../../contracts/wire/headers/absent.ts";
import { replayedHeader } from "../../contracts/wire/headers/replayed.ts";
import { staleHeader } from "../../contracts/wire/headers/stale.ts";
import type { ApiEnv } from "./context.ts";

/** What a page may send beside what any page may: what clients of this API send. */
const requestHeaders = [
	"Authorization",
	"Content-Type",
	"Idempotency-Key",
	"If-None-Match",
	"If-Range",
	"Last-Event-ID",
	"Range",
	"Spillway-Request",
	"traceparent",
	"X-Request-Id",
].join(", ");

/** What a page may read beside what any page may. */
const answerHeadersShown = [
	absentHeader,
	"Accept-Ranges",
	"Content-Disposition",
	"Content-Range",
	"ETag",
	replayedHeader,
	"Location",
	logOffsetHeader,
	"Retry-After",
	staleHeader,
	"X-Request-Id",
].join(", ");

/** An origin that is taken from the list can ask no more than this long after. */
const preflightKeptSeconds = "600";

/**
 * [A155] Tells a browser that a listed page may read this answer. With credentials: whom the operator lists may act for whoever is
 * signed in, where the cookie comes along at all. The origin is named, never `*`; and since answers then differ by it, each says so.
 */
export function admitOrigin(origin: string | undefined, headers: Headers, allowed: readonly string[]): void {
	if (allowed.length === 0) return;
	headers.append("Vary", "Origin");
	if (origin === undefined || !allowed.includes(origin)) return;
	headers.set("Access-Control-Allow-Origin", origin);
	headers.set("Access-Control-Allow-Credentials", "true");
	headers.set("Access-Control-Expose-Headers", answerHeadersShown);
}

/** [A155] Answers a listed page that asks beforehand what it may send; any other gets what `OPTIONS` gets without a list. */
export function answerPreflight(methodsAt: (path: string) => string[]): MiddlewareHandler<ApiEnv> {
	return async (c, next) => {
		if (c.req.method !== "OPTIONS" || c.req.header("access-control-request-method") === undefined) return next();
		const { allowedOrigins } = c.get("services");
		if (!allowedOrigins.includes(c.req.header("origin") ?? "")) return next();
		const methods = methodsAt(c.req.path);
		if (methods.length === 0) return next();
		return c.body(null, 204, {
			"Access-Control-Allow-Methods": methods.join(", "),
			"Access-Control-Allow-Headers": requestHeaders,
			"Access-Control-Max-Age": preflightKeptSeconds,
		});
	};
}
