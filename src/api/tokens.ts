// Tokens as people make, list and revoke them. Making one needs no store to be reachable later: it verifies itself.
import { randomUUID } from "node:crypto";
import type { Context, Hono } from "hono";
import { slug } from "../contracts/http/fields.ts";
import { timeText } from "../contracts/wire/time-text.ts";
import { tokenMade, tokenRecord, tokenRequest } from "../contracts/http/token.ts";
import { tokenEnd } from "../contracts/objects/owner.ts";
import type { TokenRecord } from "../contracts/http/token.ts";
import { refuse } from "../domain/refusal.ts";
import { orThrow, ProblemAnswer, sayReplayed } from "./answer.ts";
import { noteAct } from "../operations/act-notes.ts";
import { authorize, authorizeOwner, forbidden, readCaller } from "./auth.ts";
import type { Caller } from "../operations/access.ts";
import type { ApiEnv } from "./context.ts";
import { document, idempotencyHeader, pageOf, pageQuery } from "./document.ts";
import { keyedId } from "./keyed-id.ts";
import { badQuery, malformed, readBody, readIdempotencyKey, readPage, writeCursor } from "./request.ts";
import { signToken } from "./token.ts";
import type { AccessClaims } from "../contracts/objects/token-claims.ts";

/** How long a token lives of which nothing else was said: long enough to forget, short enough that what was ended is forgotten too. */
const tokenDefaultMs = 365 * 24 * 60 * 60 * 1_000;
const tokenIdPattern = /^tk[0-9a-f]{20,24}$/;
const cursorPattern = /^[0-9]{1,15} \S{1,50}$/;

document({
	id: "createToken",
	method: "post",
	path: "/v1/tokens",
	summary: "Make a token; it is shown once",
	headers: idempotencyHeader,
	body: tokenRequest,
	answers: { 201: tokenMade, 200: tokenMade },
});
document({
	id: "listTokens",
	method: "get",
	path: "/v1/tokens",
	summary: "An owner's tokens, without the tokens themselves",
	query: { owner: "whose", ...pageQuery },
	answers: { 200: pageOf(tokenRecord) },
});
document({
	id: "revokeToken",
	method: "delete",
	path: "/v1/tokens/{id}",
	summary:
		"Revoke a token, everywhere within 60 s, open streams too; runners that it registered are refused at their next call, and their sessions end",
	query: { owner: "whose it is: then it ends also while the list of tokens is away, or does not know it" },
	answers: { 204: "Revoked" },
});

export function addTokenRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/tokens", async (c) => {
		readCaller(c);
		const request = await readBody(c, tokenRequest);
		const caller = authorize(c, "admin", request.owner);
		const services = c.get("services");
		const now = services.now();
		const { owner, name } = request;
		const expiresAt = request.expiresAt === undefined ? defaultExpiry(caller, now) : Date.parse(request.expiresAt);
		const scopes = [...new Set(request.scopes)];
		const repos = request.repos ?? null;
		checkReach(caller, { scopes, repos, expiresAt });
		const key = readIdempotencyKey(c);
		const keyed = key === null ? null : keyedId("tk", { scope: owner, key, body: request });
		const made = keyed && (await services.readModel.keyedToken(keyed.prefix));
		if (made) return answerReplay(c, made, keyed.id);
		if (expiresAt <= now) {
			throw malformed("The body is not as it should be.", [{ path: "expiresAt", message: "is in the past" }]);
		}
		const id = keyed?.id ?? `tk${randomUUID().replaceAll("-", "").slice(0, 20)}`;
		const record: TokenRecord = {
			id,
			owner,
			name,
			scopes,
			repos,
			createdAt: timeText(now),
			createdBy: caller.name,
			expiresAt: timeText(expiresAt),
			revokedAt: null,
		};
		// So that its owner's object is there before anything else is down.
		services.later(
			services
				.owner(owner)
				.ended([])
				.catch(() => undefined),
		);
		if (!(await services.readModel.addToken(record, keyed?.prefix ?? null))) {
			const first = await services.readModel.keyedToken(keyed?.prefix ?? "");
			return answerReplay(c, first ?? record, id);
		}
		const details = { name, scopes, repos, expiresAt: record.expiresAt };
		noteAct(c.get("services"), caller, { action: "token-create", owner, subject: id, details });
		return c.json({ ...record, token: tokenOf(c, record) }, 201);
	});

	app.get("/v1/tokens", async (c) => {
		readCaller(c);
		const owner = c.req.query("owner") ?? "";
		if (owner === "") throw malformed("Whose tokens?", [{ path: "owner", message: "is missing" }]);
		authorizeOwner(c, "admin", owner);
		const page = await c.get("services").readModel.tokens({ owner, ...readPage(c, cursorPattern) });
		return c.json({ ...page, nextCursor: writeCursor(page.nextCursor) });
	});

	app.delete("/v1/tokens/:id", revoke);
}

/** With its owner told it ends where the truth is, whether or not the list is there and knows it. */
async function revoke(c: Context<ApiEnv>): Promise<Response> {
	readCaller(c);
	const services = c.get("services");
	const id = c.req.param("id") ?? "";
	if (!tokenIdPattern.test(id)) throw unknown();
	const told = readOwner(c);
	const asked = services.readModel.token(id);
	const record = await (told === null ? asked : asked.catch(() => null));
	const owner = record?.owner ?? told;
	if (owner === null || owner !== (told ?? owner)) throw unknown();
	const caller = authorizeOwner(c, "admin", owner);
	const now = services.now();
	await services.owner(owner).endToken(record ? tokenEnd(record, now) : { id, at: now, until: null });
	services.ends.note({ owner, token: id });
	// Its owner's object tells it again until it is there: a list that is away does not undo what has happened.
	await services.readModel.revokeToken(id, now).catch(() => undefined);
	const details = { name: record?.name ?? null };
	const isNews = (record?.revokedAt ?? null) === null;
	if (isNews) noteAct(c.get("services"), caller, { action: "token-revoke", owner, subject: id, details });
	return c.body(null, 204);
}

function readOwner(c: Context<ApiEnv>): string | null {
	const owner = c.req.query("owner");
	if (owner === undefined) return null;
	if (slug.safeParse(owner).success) return owner;
	throw badQuery("owner", "is no owner's name");
}

/** [A19] The token that the key made before: signed anew, it is the same. Throws 422 when that was another one. */
function answerReplay(c: Context<ApiEnv>, made: TokenRecord, id: string): Response {
	if (made.id !== id) return orThrow(refuse({ code: "idempotency-key-reused" }));
	sayReplayed(c);
	return c.json({ ...made, token: tokenOf(c, made) });
}

function tokenOf(c: Context<ApiEnv>, { id, owner, name, scopes, repos, expiresAt }: TokenRecord): string {
	const until = expiresAt === null ? null : Date.parse(expiresAt);
	return signToken(c.get("services").keys, "access", { id, owner, name, scopes, repos, expiresAt: until });
}

/** [A44] A year, and no more than the token that makes it has left. */
function defaultExpiry({ access }: Caller, now: number): number {
	return Math.min(now + tokenDefaultMs, access?.expiresAt ?? Number.POSITIVE_INFINITY);
}

function unknown(): ProblemAnswer {
	return new ProblemAnswer({ status: 404, code: "unknown", detail: "Unknown, or not yours to know." });
}

/** [A12] Throws 403 where the new token would do more, reach more repositories or live longer than the one that makes it. */
function checkReach({ access }: Caller, made: Pick<AccessClaims, "scopes" | "repos"> & { expiresAt: number }): void {
	if (access === null) return;
	const scope = made.scopes.find((wanted) => !access.scopes.includes(wanted));
	if (scope !== undefined) throw forbidden("scope-missing", `A token without the scope "${scope}" cannot give it.`);
	const { repos, expiresAt } = access;
	if (repos !== null && !(made.repos ?? [""]).every((repo) => repos.includes(repo))) {
		throw forbidden("repositories-limited", "A token for some repositories makes tokens for these only: name them.");
	}
	if (expiresAt !== null && made.expiresAt > expiresAt) {
		throw forbidden("expiry-limited", "A token that expires makes none that lives longer.");
	}
}
