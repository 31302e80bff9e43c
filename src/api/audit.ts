// Every privileged act is noted after it was done, and can be read: by an owner's admins, and all of it by the operator.
import { randomUUID } from "node:crypto";
import type { Context, Hono } from "hono";
import { auditAction, auditRecord } from "../contracts/http/audit.ts";
import type { AuditAction, AuditRecord } from "../contracts/http/audit.ts";
import { timeText } from "../contracts/wire/time-text.ts";
import { authorizeOperator, authorizeOwner, readCaller } from "./auth.ts";
import type { Caller } from "./auth.ts";
import { callerAddress, peerAddress } from "../domain/text/client-address.ts";
import type { ApiEnv } from "./context.ts";
import { document, pageOf, pageQuery } from "./document.ts";
import { badQuery, readPage, writeCursor } from "./request.ts";

const cursorPattern = /^[0-9]{1,15} au[0-9a-f]{20}$/;
/** An act's details, as JSON: settings fit, and a row stays small whatever was sent. */
const detailsMax = 8_000;

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
		readCaller(c);
		const owner = c.req.query("owner") || null;
		if (owner === null) authorizeOperator(c);
		else authorizeOwner(c, "admin", owner);
		const actor = c.req.query("actor") || undefined;
		const call = { owner, actor, action: readAction(c), ...readPage(c, cursorPattern) };
		const page = await c.get("services").readModel.audit(call);
		return c.json({ ...page, nextCursor: writeCursor(page.nextCursor) });
	});
}

function readAction(c: Context<ApiEnv>): AuditAction | undefined {
	const word = c.req.query("action") || undefined;
	const known = auditAction.options.find((action) => action === word);
	if (word !== known) throw badQuery("action", `must be one of ${auditAction.options.join(", ")}`);
	return known;
}

interface Act {
	action: AuditAction;
	owner: string | null;
	repo?: string;
	subject?: string;
	reason?: string | null | undefined;
	details?: Record<string, unknown>;
}

/** To be called once the act is done. Neither delays nor fails the answer. */
export function noteAct(c: Context<ApiEnv>, { access, name }: Caller, act: Act): void {
	const services = c.get("services");
	const { action, owner, repo = null, subject = null, reason = null, details = {} } = act;
	const record: AuditRecord = {
		id: nextId(),
		at: timeText(services.now()),
		...{ action, owner, repo, subject, reason },
		actor: name,
		token: access?.id ?? null,
		from: addressOf(c),
		details: JSON.stringify(details).length > detailsMax ? { tooLong: true } : details,
	};
	services.later(services.writeAudit(record));
}

let made = 0;

/** Acts of one millisecond are listed by id: of one isolate, in the order in which they were done. */
function nextId(): string {
	const place = (made++ % 2 ** 32).toString(16).padStart(8, "0");
	return `au${place}${randomUUID().replaceAll("-", "").slice(0, 12)}`;
}

/** By act and who did it, when this isolate last noted it. */
const notedAt = new Map<string, number>();
const notedMax = 2_000;
const notedAgainMs = 3_600_000;

/** As `noteAct`, but once an hour for the same token, address and `thing`: for what programs do by the second. */
export function noteActSeldom(c: Context<ApiEnv>, caller: Caller, { thing, ...act }: Act & { thing: string }): void {
	const now = c.get("services").now();
	const key = [act.action, act.owner, thing, caller.access?.id, addressOf(c)].join(" ");
	if (now - (notedAt.get(key) ?? Number.NEGATIVE_INFINITY) < notedAgainMs) return;
	if (notedAt.size >= notedMax) notedAt.clear();
	notedAt.set(key, now);
	noteAct(c, caller, act);
}

/** As the edge says it; on one machine as the runtime does, or a proxy that is trusted. What is no address is none. */
function addressOf(c: Context<ApiEnv>): string | null {
	const edge = /^[0-9A-Fa-f:.]{2,45}$/.exec(c.req.header("cf-connecting-ip") ?? "")?.[0];
	if (edge !== undefined) return edge;
	const { cf } = c.req.raw as Request & { cf?: { clientIp?: unknown } };
	const call = { peer: peerAddress(cf?.clientIp), forwarded: c.req.header("x-forwarded-for") };
	return callerAddress(call, c.get("services").trustedProxies);
}
