import type { Context, Hono } from "hono";
import { slug } from "../../../contracts/http/fields.ts";
import { tokenMade, tokenRecord, tokenRequest } from "../../../contracts/http/token.ts";
import { answerPage } from "../aged-answer.ts";
import { answerDeleted, orThrow, sayReplayed } from "../answer.ts";
import { mayAskOfOwner } from "../../../operations/access.ts";
import { createToken, listTokens, revokeToken } from "../../../operations/tokens.ts";
import { readCaller } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, goneAnswers, idempotencyHeader, pageOf, pageQuery } from "../document/document.ts";
import { badQuery, malformed, readBody, readIdempotencyKey, readPage } from "../requests/request.ts";

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
	answers: goneAnswers,
});

export function addTokenRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/tokens", async (c) => {
		const caller = readCaller(c);
		// No token is stored: it follows from its record and the signing key, so a replay can show it once more. Nothing else does.
		const call = { request: await readBody(c, tokenRequest), key: readIdempotencyKey(c) };
		const { made, replayed } = orThrow(await createToken(c.get("services"), caller, call));
		if (replayed) sayReplayed(c);
		return c.json(made, replayed ? 200 : 201);
	});

	app.get("/v1/tokens", async (c) => {
		const caller = readCaller(c);
		const owner = c.req.query("owner") ?? "";
		if (owner === "") throw malformed("Whose tokens?", [{ path: "owner", message: "is missing" }]);
		// Asked here and not only by the operation: a caller without the right hears that, and nothing about its cursor.
		orThrow(mayAskOfOwner(caller, "listTokens", owner));
		const page = orThrow(await listTokens(c.get("services"), caller, { owner, ...readPage(c, cursorPattern) }));
		return answerPage(c, page);
	});

	app.delete("/v1/tokens/:id", async (c) => {
		const caller = readCaller(c);
		return answerDeleted(
			c,
			orThrow(await revokeToken(c.get("services"), caller, { id: c.req.param("id"), owner: readOwner(c) })),
		);
	});
}

/**
 * Null where the caller left it to the list to know whose the token is: then that list must answer. What is no owner's name
 * is a typo, and must not read as "no owner".
 */
function readOwner(c: Context<ApiEnv>): string | null {
	const owner = c.req.query("owner");
	if (owner === undefined) return null;
	if (slug.safeParse(owner).success) return owner;
	throw badQuery("owner", "is no owner's name");
}
