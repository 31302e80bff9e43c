// The last hand on each answer, whoever made it: what a browser must know of it, and which pages may read it. It stands around all
// routes and all errors, so no route can forget it.
import type { Context } from "hono";
import { answerHeaders, strictTransport } from "../../contracts/wire/headers/answer-headers.ts";
import { callerScheme, peerAddress } from "../../domain/text/client-address.ts";
import type { ApiEnv } from "./context.ts";
import { admitOrigin } from "./cors.ts";
import type { Services } from "./services.ts";

const own = Object.entries(answerHeaders);

/** Fifteen headers' worth of calls into the runtime, some microseconds: nothing is parsed, and no answer is copied but a socket's. */
export function finishAnswer(c: Context<ApiEnv>): void {
	const headers = writableHeaders(c);
	for (const [name, value] of own) if (!headers.has(name)) headers.set(name, value);
	if (cameByHttps(c) && !isLoopback(c.req.url)) headers.set(strictTransport.name, strictTransport.value);
	admitOrigin(c.req.header("origin"), headers, servicesOf(c)?.allowedOrigins ?? []);
}

/** Headers that came with another's answer, as an object's socket does, cannot be changed: `c.header` makes a new answer then. */
function writableHeaders(c: Context<ApiEnv>): Headers {
	const requestId = c.get("requestId");
	try {
		c.res.headers.set("X-Request-Id", requestId);
	} catch {
		c.header("X-Request-Id", requestId);
	}
	return c.res.headers;
}

/** As the URL says, or a proxy that is trusted. */
export function cameByHttps(c: Context<ApiEnv>): boolean {
	if (c.req.url.startsWith("https:")) return true;
	const forwarded = c.req.header("x-forwarded-proto");
	if (forwarded === undefined) return false;
	const { cf } = c.req.raw as Request & { cf?: { clientIp?: unknown } };
	const call = { peer: peerAddress(cf?.clientIp), forwarded };
	return callerScheme(call, servicesOf(c)?.trustedProxies ?? []) === "https";
}

/** Undefined where they could not be built. */
function servicesOf(c: Context<ApiEnv>): Services | undefined {
	return c.get("services");
}

/**
 * A browser keeps the wish by name, without the port: every other server that is tried on this machine would have to speak TLS. A
 * `Host` that names no host is refused, and that answer goes out by here too.
 */
export function isLoopback(url: string): boolean {
	if (!URL.canParse(url)) return true;
	return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(new URL(url).hostname);
}
