// The caller behind a cookie. A browser sends it for any page that asks, so here alone it is asked which page that was.
import type { Context } from "hono";
import type { SessionPayload } from "../../contracts/objects/token-payload.ts";
import { sessionEnded, tokenExpired } from "../../contracts/wire/sockets/stream-token.ts";
import { operatorHolder } from "../../operations/people/begin-session.ts";
import { principalOf } from "../../operations/principal.ts";
import type { Principal, SessionName } from "../../operations/principal.ts";
import { ProblemAnswer } from "./answer.ts";
import type { ApiEnv } from "./context.ts";
import { isAllowedOrigin } from "./origins.ts";
import { readSessionCookie } from "./session-cookie.ts";
import { cachedPayload, checkStanding, standingUnknown, unauthorized } from "./verified-tokens.ts";

/** No page of another origin can send it without being asked beforehand, and no form can at all. */
const requestHeader = "spillway-request";

/** Null for a call that brings a token, which then counts alone; and for a session that has expired, or is none of ours. */
export function sessionBehind(c: Context<ApiEnv>): SessionPayload | null {
	const services = c.get("services");
	const cookie = c.req.header("authorization") === undefined ? readSessionCookie(c) : null;
	const session = cookie === null ? null : cachedPayload(services, "session", cookie);
	return session === null || session.expiresAt <= services.now() ? null : session;
}

export function sessionNameOf({ id, holder, expiresAt }: SessionPayload): SessionName {
	return { holder, session: id, expiresAt };
}

/** What the cookie's session is now. */
export function sessionPrincipal(c: Context<ApiEnv>, session: SessionPayload): Principal | "ended" | "unknown" {
	const { sessions, operatorToken } = c.get("services");
	const name = sessionNameOf(session);
	const standing = sessions.standing(name);
	if (typeof standing === "string") return standing;
	if (standing.holder === null) return "ended";
	if (standing.holder.kind === "operator" && name.holder !== operatorHolder(operatorToken)) return "ended";
	return principalOf(name, standing);
}

/** Null: the call brings no session. Throws 401, 403 and 503. */
export function readSession(c: Context<ApiEnv>): { who: Principal; name: string } | null {
	const session = c.get("session");
	if (session === null) {
		if (c.req.header("authorization") !== undefined || readSessionCookie(c) === null) return null;
		throw unauthorized(sessionEnded);
	}
	refuseForged(c);
	const services = c.get("services");
	const who = sessionPrincipal(c, session);
	if (who === "ended") throw unauthorized(sessionEnded);
	if (who === "unknown") {
		throw standingUnknown("Whether this session was ended cannot be learnt at present; nothing was done.");
	}
	if (who.kind === "token") {
		const { owner, id, expiresAt } = who.access;
		if (expiresAt !== null && expiresAt <= services.now()) throw unauthorized(tokenExpired);
		checkStanding(services, { owner, token: id });
	}
	return { who, name: session.name };
}

/** [A92] [A93] Throws 403 for what another page made a browser send. */
function refuseForged(c: Context<ApiEnv>): void {
	refuseForeignOrigin(c);
	const { method } = c.req;
	if (method === "GET" || method === "HEAD" || c.req.header(requestHeader) === "1") return;
	const detail = "With a cookie, whatever is neither GET nor HEAD needs the header Spillway-Request: 1.";
	throw new ProblemAnswer({ status: 403, code: "request-header-missing", detail });
}

export function refuseForeignOrigin(c: Context<ApiEnv>): void {
	if (isAllowedOrigin(c.req.raw, c.get("services").allowedOrigins)) return;
	const detail = "The page that sent this is of another origin, which may not; nothing was done.";
	throw new ProblemAnswer({ status: 403, code: "origin-foreign", detail });
}
