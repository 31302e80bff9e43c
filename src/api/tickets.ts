// Tickets for browsers: a WebSocket cannot carry a header there, and a token in an address would end up in logs and histories.
// A ticket does too, so it is good for little: one socket, one minute, reading.
import { randomUUID } from "node:crypto";
import { z } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";
import { time } from "../contracts/http/fields.ts";
import { timeText } from "../contracts/wire/time-text.ts";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import { allow, authorizeRepository, callerOf, forbidden, operatorOf, readCaller, unauthorized } from "./auth.ts";
import type { Caller } from "../operations/access.ts";
import { isUpgrade } from "../contracts/wire/upgrade.ts";
import type { ApiEnv } from "./context.ts";
import { document } from "./document.ts";
import { checkQuery } from "./query.ts";
import { readBody, readName } from "./request.ts";
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
export async function authorizeWatcher(c: Context<ApiEnv>): Promise<RepositoryName & { caller: Caller }> {
	const ticket = c.req.query("ticket");
	const isSocket = isUpgrade(c.req.raw);
	if (ticket === undefined || !isSocket || c.req.header("authorization") !== undefined) {
		return authorizeRepository(c, "read");
	}
	const caller = await redeem(c, ticket);
	checkQuery(c);
	const [owner, repo] = [readName(c, "owner"), readName(c, "repo")];
	return { owner, repo, caller: allow(caller, "read", owner, repo) };
}

/** [B15] [B16] Throws 401. */
async function redeem(c: Context<ApiEnv>, text: string): Promise<Caller> {
	const services = c.get("services");
	const ticket = readToken(services.keys, "ticket", text);
	if (ticket === null || ticket.until <= services.now())
		throw unauthorized("The ticket is not one of ours, or its minute is over.");
	const { id, until, access } = ticket;
	const caller = access === null ? operatorOf(c) : callerOf(c, access);
	// Asked of an object: the memory of one isolate would let it in once in each, and again after a restart.
	const isFirst = await services.owner(access?.owner ?? null).useTicket({ id, until });
	if (!isFirst) throw unauthorized("The ticket was used: ask for another.");
	return caller;
}
