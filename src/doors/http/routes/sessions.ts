// Sessions of browsers: opened here with a token, or by signing in; shown and ended by whom they are of.
import type { Context, Hono } from "hono";
import { caller as shownCaller, session, sessionRequest } from "../../../contracts/http/session.ts";
import type { Holder } from "../../../contracts/objects/person.ts";
import { tokenExpired } from "../../../contracts/wire/sockets/stream-token.ts";
import { sameText } from "../../../auth/token.ts";
import type { Caller } from "../../../operations/access.ts";
import { beginSession, newSession, operatorHolder, tokenHolder } from "../../../operations/people/begin-session.ts";
import { endSession, getSession, listSessions } from "../../../operations/people/sessions.ts";
import type { SessionName } from "../../../operations/principal.ts";
import { answerPresentPage } from "../aged-answer.ts";
import { answerDeleted, orThrow } from "../answer.ts";
import { addressOf, admit } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, goneAnswers, pageOf } from "../document/document.ts";
import { readBody } from "../requests/request.ts";
import { refuseForeignOrigin } from "../session-caller.ts";
import { clearSessionCookie, setSessionCookie } from "../session-cookie.ts";
import { cachedPayload, checkStanding, unauthorized } from "../verified-tokens.ts";

document({
	id: "createSession",
	method: "post",
	path: "/v1/session",
	summary: "Open a session with an access token or the operator's: it may what the token may, and ends with it",
	body: sessionRequest,
	answers: { 204: "Opened: the session is in the cookie `spillway_session`" },
});
document({
	id: "getSession",
	method: "get",
	path: "/v1/session",
	summary: "Who the caller is: by session or by token",
	answers: { 200: shownCaller },
});
document({
	id: "deleteSession",
	method: "delete",
	path: "/v1/session",
	summary: "Sign out: the session that the cookie is of ends, everywhere within 60 s",
	answers: goneAnswers,
});
document({
	id: "listSessions",
	method: "get",
	path: "/v1/sessions",
	summary: "The caller's own sessions: a person's, or those that the token opened",
	answers: { 200: pageOf(session) },
});
document({
	id: "endSession",
	method: "delete",
	path: "/v1/sessions/{id}",
	summary: "End one of the caller's own sessions, everywhere within 60 s",
	answers: goneAnswers,
});

export function addSessionRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/session", async (c) => {
		refuseForeignOrigin(c);
		const { token } = await readBody(c, sessionRequest);
		const { session: named, ...by } = await readOpening(c, token);
		setSessionCookie(c, await beginSession(c.get("services"), named, { ...by, address: addressOf(c) }));
		return c.body(null, 204);
	});

	app.get("/v1/session", (c) => c.json(orThrow(getSession(admit(c, "getSession")))));

	app.delete("/v1/session", async (c) => {
		const caller = admit(c, "deleteSession");
		const { session: own } = caller.who;
		clearSessionCookie(c);
		if (own === undefined) return answerDeleted(c, { wasThere: false });
		const call = { holder: own.holder, id: own.session };
		return answerDeleted(c, orThrow(await endSession(c.get("services"), caller, call)));
	});

	app.get("/v1/sessions", async (c) => {
		const caller = admit(c, "listSessions");
		const items = orThrow(await listSessions(c.get("services"), caller, holderOf(c, caller)));
		return answerPresentPage(c, { items, next: null });
	});

	app.delete("/v1/sessions/:id", async (c) => {
		const caller = admit(c, "endSession");
		const call = { holder: holderOf(c, caller), id: c.req.param("id") };
		return answerDeleted(c, orThrow(await endSession(c.get("services"), caller, call)));
	});
}

interface Opening {
	session: SessionName;
	holder: Holder;
	/** For records of who did what. */
	name: string;
}

/** Throws 401 for a token that is none, or has ended; and 503 where that cannot be learnt. */
async function readOpening(c: Context<ApiEnv>, token: string): Promise<Opening> {
	const services = c.get("services");
	const now = services.now();
	if (sameText(token, services.operatorToken)) {
		const session = newSession(operatorHolder(services.operatorToken), { now, until: null });
		return { session, holder: { kind: "operator" }, name: "operator" };
	}
	const access = cachedPayload(services, "access", token);
	if (access === null) throw unauthorized("The token is not one of ours, or not of this kind.");
	const { id, owner, name, expiresAt } = access;
	if (expiresAt !== null && expiresAt <= now) throw unauthorized(tokenExpired);
	await services.ends.learn({ owner, token: id })?.catch(() => undefined);
	checkStanding(services, { owner, token: id });
	return { session: newSession(tokenHolder(id), { now, until: expiresAt }), holder: { kind: "token", access }, name };
}

/** The object that has the caller's sessions. */
function holderOf(c: Context<ApiEnv>, { who }: Caller): string {
	if (who.session !== undefined) return who.session.holder;
	return who.kind === "token" ? tokenHolder(who.access.id) : operatorHolder(c.get("services").operatorToken);
}
