import { z } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";
import { time } from "../../../contracts/http/fields.ts";
import { timeText } from "../../../contracts/wire/time-text.ts";
import type { RepositoryName } from "../../../contracts/objects/objects.ts";
import { mayAskOfRepository } from "../../../operations/access.ts";
import type { RepositoryOperation } from "../../../operations/access.ts";
import { createTicket } from "../../../operations/tokens.ts";
import { orThrow } from "../answer.ts";
import { admit, admitToRepository, callerOf, operatorOf, readRepository } from "../auth.ts";
import { unauthorized } from "../verified-tokens.ts";
import type { Caller } from "../../../operations/access.ts";
import { isUpgrade } from "../../../contracts/wire/sockets/upgrade.ts";
import type { ApiEnv } from "../context.ts";
import { document } from "../document/document.ts";
import { checkQuery } from "../requests/query.ts";
import { readBody } from "../requests/request.ts";
import { readToken } from "../../../auth/token.ts";

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
		const caller = admit(c, "createTicket");
		await readBody(c, ticketRequest);
		const { ticket, until } = orThrow(createTicket(c.get("services"), caller));
		return c.json({ ticket, expiresAt: timeText(until) }, 201);
	});
}

/** As `admitToRepository`; a request for a WebSocket without a header may bring a ticket instead. */
export async function admitWatcher(
	c: Context<ApiEnv>,
	operation: RepositoryOperation,
): Promise<{ repository: RepositoryName; caller: Caller }> {
	const ticket = c.req.query("ticket");
	if (ticket === undefined || !isUpgrade(c.req.raw) || c.req.header("authorization") !== undefined) {
		return admitToRepository(c, operation);
	}
	const caller = await redeem(c, ticket);
	checkQuery(c);
	const repository = readRepository(c);
	orThrow(mayAskOfRepository(caller, operation, repository));
	return { repository, caller };
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
