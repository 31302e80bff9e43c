// Who a job is, to those outside: the token that it asks for with its lease, and what others verify that with. The latter is open to
// everybody, and says nothing of anybody.
import type { Context, Hono } from "hono";
import { idTokenMade, idTokenRequest, jwks, openidConfiguration } from "../../../contracts/http/identity.ts";
import { idTokenPath } from "../../../contracts/wire/job-token.ts";
import { leaseStateHeader } from "../../../contracts/wire/headers/lease-headers.ts";
import { refusalFacts } from "../../../contracts/wire/refusal-facts.ts";
import { timeText } from "../../../contracts/wire/time-text.ts";
import type { Result } from "../../../domain/refusal.ts";
import { describeIssuer, giveIdToken, publishKeys } from "../../../operations/leases/job-identity.ts";
import { orThrow, ProblemAnswer } from "../answer.ts";
import { readLease } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document } from "../document/document.ts";
import { readBody } from "../requests/request.ts";

/** A key is published for long before it signs: docs/job-identity.md. */
const cached = "public, max-age=300";

document({
	id: "createIdToken",
	method: "post",
	path: idTokenPath,
	summary: "A token by which the job proves to others who it is, for ten minutes and no longer than the job may run",
	body: idTokenRequest,
	answers: { 200: idTokenMade },
});
document({
	id: "getOpenidConfiguration",
	method: "get",
	path: "/.well-known/openid-configuration",
	summary: "Who vouches for jobs, as OpenID Connect Discovery has it; 404 where nobody does",
	answers: { 200: openidConfiguration },
});
document({
	id: "getJwks",
	method: "get",
	path: "/.well-known/jwks.json",
	summary: "The keys that identity tokens of jobs are verified with, the next one included; 404 where there are none",
	answers: { 200: jwks },
});

export function addIdentityRoutes(app: Hono<ApiEnv>): void {
	app.post(idTokenPath, async (c) => {
		const lease = readLease(c);
		const { audience } = await readBody(c, idTokenRequest);
		const { token, expiresAt } = orThrow(await giveIdToken(c.get("services"), lease, { audience }));
		c.header(leaseStateHeader, "ok");
		return c.json({ token, expiresAt: timeText(expiresAt) });
	});

	app.get("/.well-known/openid-configuration", async (c) => publish(c, await describeIssuer(c.get("services"))));
	app.get("/.well-known/jwks.json", async (c) => publish(c, await publishKeys(c.get("services"))));
}

function publish(c: Context<ApiEnv>, result: Result<object>): Response {
	// Whoever verifies asks for a document, which is not there; to a job it is a fact that stands against its call.
	if (!result.ok) throw new ProblemAnswer({ ...refusalFacts(result.refusal), status: 404 });
	c.header("Cache-Control", cached);
	return c.json(result.value);
}
