// Tickets for browsers: a WebSocket cannot carry a header there, and a token in an address would end up in logs and histories.
// A ticket does too, so it is good for little: one socket, one minute, reading.
import { randomUUID } from "node:crypto";
import { z } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";
import { time, timeText } from "../contracts/fields.ts";
import type { RepositoryName } from "../contracts/objects.ts";
import { allow, authorizeRepository, callerOf, forbidden, readCaller, unauthorized } from "./auth.ts";
import type { Caller } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document } from "./document.ts";
import { checkQuery } from "./query.ts";
import { readBody, readName } from "./request.ts";
import type { Services } from "./services.ts";
import { readToken, signToken } from "./token.ts";

/** From asking for it to the socket's opening is a second; a browser that must wait asks again. */
const ticketMs = 60_000;
const ticketRequest = z.strictObject({}).openapi("TicketRequest");
const ticketMade = z.object({ ticket: z.string(), expiresAt: time }).openapi("Ticket");
/** What routes that take one say of it. */
export const ticketQuery = { ticket: "WebSocket: from `POST /v1/tickets`, in place of the header" };

document({
	id: "createTicket",
	method: "post",
	path: "/v1/tickets",
	summary: "A ticket for one WebSocket of a log or of a run's events, within a minute (scope read)",
	body: ticketRequest,
	answers: { 201: ticketMade },
});

export function addTicketRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/tickets", async (c) => {
		const { access } = readCaller(c);
		if (access !== null && !access.scopes.includes("read")) {
			throw forbidden("scope-missing", 'The token lacks the scope "read".');
		}
		await readBody(c, ticketRequest);
		const services = c.get("services");
		const until = services.now() + ticketMs;
		const ticket = signToken(services.keys, "ticket", { id: randomUUID(), until, access });
		return c.json({ ticket, expiresAt: timeText(until) }, 201);
	});
}

/** As `authorizeRepository` to read; a request for a WebSocket without a header may bring a ticket instead. */
export function authorizeWatcher(c: Context<ApiEnv>): RepositoryName & { caller: Caller } {
	const ticket = c.req.query("ticket");
	const isSocket = c.req.header("upgrade")?.toLowerCase() === "websocket";
	if (ticket === undefined || !isSocket || c.req.header("authorization") !== undefined) {
		return authorizeRepository(c, "read");
	}
	const caller = redeem(c.get("services"), ticket);
	checkQuery(c);
	const [owner, repo] = [readName(c, "owner"), readName(c, "repo")];
	return { owner, repo, caller: allow(caller, "read", owner, repo) };
}

/**
 * Tickets used here, until they end by themselves. That each is used once is kept within one isolate only: to keep it
 * everywhere would put a look-up on the way of every viewer, for the sake of a minute.
 */
const used = new Map<string, number>();
const usedMax = 10_000;

/** [B15] [B16] Throws 401. */
function redeem(services: Services, text: string): Caller {
	const ticket = readToken(services.keys, "ticket", text);
	const now = services.now();
	if (ticket === null || ticket.until <= now)
		throw unauthorized("The ticket is not one of ours, or its minute is over.");
	if (used.has(ticket.id)) throw unauthorized("The ticket was used: ask for another.");
	if (used.size >= usedMax) forgetEnded(now);
	used.set(ticket.id, ticket.until);
	return ticket.access === null ? { access: null, name: "operator" } : callerOf(services, ticket.access);
}

function forgetEnded(now: number): void {
	for (const [id, until] of used) if (until <= now) used.delete(id);
	if (used.size >= usedMax) used.clear();
}
