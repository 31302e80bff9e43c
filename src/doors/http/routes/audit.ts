// The audit, as it is read: by an owner's admins, and all of it by the operator.
import type { Context, Hono } from "hono";
import { auditAction, auditRecord } from "../../../contracts/http/audit.ts";
import type { AuditAction } from "../../../contracts/http/audit.ts";
import { mayAskOfOwner } from "../../../operations/access.ts";
import { listAudit } from "../../../operations/installation.ts";
import { answerPage } from "../aged-answer.ts";
import { orThrow } from "../answer.ts";
import { readCaller } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, pageOf, pageQuery } from "../document/document.ts";
import { badQuery, readPage } from "../requests/request.ts";

/** The instant and the id of the last record that was shown. */
const cursorPattern = /^[0-9]{1,15} au[0-9a-f]{20}$/;

document({
	id: "listAudit",
	method: "get",
	path: "/v1/audit",
	summary: "Privileged acts, newest first: who, what, when, from where, why (scope admin)",
	query: { owner: "whose; without it all, for the operator", actor: "exactly", action: "exactly", ...pageQuery },
	answers: { 200: pageOf(auditRecord) },
});

export function addAuditRoutes(app: Hono<ApiEnv>): void {
	app.get("/v1/audit", async (c) => {
		const caller = readCaller(c);
		// `?owner=` is no owner: that asks for all, which is the operator's, and is refused to anybody else.
		const owner = c.req.query("owner") || null;
		orThrow(mayAskOfOwner(caller, "listAudit", owner));
		const actor = c.req.query("actor") || undefined;
		const call = { owner, actor, action: readAction(c), ...readPage(c, cursorPattern) };
		const page = orThrow(await listAudit(c.get("services"), caller, call));
		return answerPage(c, page);
	});
}

/** An action that nobody can do is a typo: it would answer with an empty page, as if all were well. */
function readAction(c: Context<ApiEnv>): AuditAction | undefined {
	const word = c.req.query("action") || undefined;
	const known = auditAction.options.find((action) => action === word);
	if (word !== known) throw badQuery("action", `must be one of ${auditAction.options.join(", ")}`);
	return known;
}
