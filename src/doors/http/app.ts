// The HTTP API: request ids, size limits, one error handler, and the routes of each resource.
import { asOutage } from "../../contracts/wire/outage.ts";
import { createHash, randomUUID } from "node:crypto";
import { Hono } from "hono";
import type { Context, MiddlewareHandler } from "hono";
import { problemContentType } from "../../contracts/wire/refusal-facts.ts";
import type { Problem } from "../../contracts/http/problem.ts";
import type { ProblemFacts } from "../../contracts/wire/problem-facts.ts";
import { requestBytesMax } from "../../domain/limits.ts";
import { ProblemAnswer } from "./answer.ts";
import { addAuditRoutes } from "./routes/audit.ts";
import { tokenBehind } from "./auth.ts";
import { refuseForeignOrigin, sessionBehind, sessionNameOf } from "./session-caller.ts";
import { tooLarge } from "./requests/body.ts";
import type { ApiEnv } from "./context.ts";
import { answerPreflight } from "./cors.ts";
import { finishAnswer } from "./finished-answer.ts";
import { addBulkCancelRoutes } from "./routes/bulk-cancel.ts";
import { addBulkRetryRoutes } from "./routes/bulk-retry.ts";
import { addDeadLetterRoutes } from "./routes/dead-letters.ts";
import { boundDearCalls } from "./dear-calls.ts";
import { refuseWithoutRoom } from "./disk-room.ts";
import { describeAll, document } from "./document/document.ts";
import { addEventRoutes } from "./streams/events.ts";
import { addInstallRoutes } from "./routes/install.ts";
import { addJobRoutes } from "./routes/jobs.ts";
import { addIdentityRoutes } from "./routes/identity.ts";
import { addLeaseRoutes, sayStateAnyway } from "./routes/lease.ts";
import { addUploadSocketRoutes } from "./streams/upload-socket.ts";
import { addLimitRoutes } from "./routes/limits.ts";
import { addLogIndexRoutes } from "./streams/log-index.ts";
import { addLogSearchRoutes } from "./streams/log-search.ts";
import { addLogRoutes } from "./streams/logs.ts";
import { addMemberRoutes } from "./routes/members.ts";
import { addSessionRoutes } from "./routes/sessions.ts";
import { addMetricsRoutes } from "./routes/metrics.ts";
import { addOperationRoutes } from "./routes/operation.ts";
import { countCall, refuseSpentAddress } from "./overload/limit-calls.ts";
import { passGate } from "./overload/pass-gate.ts";
import { answerWithPage } from "./routes/page.ts";
import { addPoolRoutes } from "./routes/pools.ts";
import { addProjectionRoutes } from "./routes/projection.ts";
import { addRepositoryRoutes } from "./routes/repositories.ts";
import { addSecretRoutes } from "./routes/secrets.ts";
import { addRunnerRoutes } from "./routes/runners.ts";
import { addRunRoutes } from "./routes/runs.ts";
import { malformed } from "./requests/request.ts";
import type { Services } from "./services.ts";
import { isUpgrade } from "../../contracts/wire/sockets/upgrade.ts";
import { addSignInRoutes } from "./sign-in/sign-in-routes.ts";
import { addTicketRoutes } from "./routes/tickets.ts";
import { addTokenRoutes } from "./routes/tokens.ts";

const outageRetryAfterSeconds = 2;
const requestIdPattern = /^[\x21-\x7e]{1,100}$/;
const hostPattern = /^(?:[\w.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/i;

document({
	id: "getDocument",
	method: "get",
	path: "/openapi.json",
	summary: "This document",
	answers: {
		200: { words: "OpenAPI 3.1", content: { "application/json": { type: "object" } } },
		304: "The caller has this document",
	},
});

/**
 * `services` builds what one request needs from what the platform hands in with it; where it cannot, for want of a setting, each
 * call is a fault, which `report` tells.
 */
export function createApp<Env>(
	services: (env: Env, later: (work: Promise<unknown>) => void) => Services,
	report: Services["report"],
) {
	const app = new Hono<ApiEnv>();

	app.use(async (c, next) => {
		const given = c.req.header("x-request-id");
		c.set("requestId", given !== undefined && requestIdPattern.test(given) ? given : randomUUID());
		await next();
		finishAnswer(c);
	});
	app.use(async (c, next) => {
		c.set(
			"services",
			services(c.env as Env, (work) => c.executionCtx.waitUntil(work)),
		);
		refuseSpentAddress(c);
		// Nearly always known already. Who brings no good token makes nobody ask; what stays unknown is refused where it is used.
		const { ends, sessions } = c.get("services");
		const session = sessionBehind(c);
		c.set("session", session);
		const token = tokenBehind(c, session);
		c.set("behind", token);
		await countCall(c);
		const learning = [token && ends.learn(token), session && sessions.learn(sessionNameOf(session))];
		if (learning.some((one) => one !== null)) await Promise.allSettled(learning);
		await next();
	});
	// The order matters: `sayStateAnyway` stands before all that may refuse a lease's call, so that a refusal too says how the
	// lease stands. No route reads a byte of a body before it knows its caller.
	app.use(refuseNamelessHost);
	app.use(refuseForeignSocket);
	app.use(answerPreflight((path) => methodsAt(app, path)));
	app.use("/v1/lease/*", sayStateAnyway);
	app.use(refuseEncoded);
	app.use("/v1/*", refuseWithoutRoom);
	app.use("/v1/repos/*", boundDearCalls);
	app.use(refuseLarge);
	app.use("/v1/*", passGate);

	app.get("/openapi.json", answerDocument);
	addOperationRoutes(app);
	addInstallRoutes(app);
	addMetricsRoutes(app);
	addDeadLetterRoutes(app);
	addRepositoryRoutes(app);
	addSecretRoutes(app);
	addLimitRoutes(app);
	addRunRoutes(app);
	addBulkCancelRoutes(app);
	addBulkRetryRoutes(app);
	addEventRoutes(app);
	addJobRoutes(app);
	addLogRoutes(app);
	addLogSearchRoutes(app);
	addLogIndexRoutes(app);
	addUploadSocketRoutes(app);
	addProjectionRoutes(app);
	addPoolRoutes(app);
	addRunnerRoutes(app);
	addLeaseRoutes(app);
	addIdentityRoutes(app);
	addTokenRoutes(app);
	addMemberRoutes(app);
	addSessionRoutes(app);
	addAuditRoutes(app);
	addTicketRoutes(app);
	addSignInRoutes(app);

	app.notFound(async (c) => {
		const allowed = methodsAt(app, c.req.path);
		const page = allowed.length === 0 ? await answerWithPage(c) : null;
		return page ?? answerProblem(c, notServed(c.req.method, allowed));
	});
	app.onError(async (error, c) => {
		if (error instanceof ProblemAnswer) return answerProblem(c, error.facts);
		// An object whose disk is full says no more than that something went wrong.
		const built: Services | undefined = c.get("services");
		const isOutage = asOutage(error) !== null || (await built?.diskRoom({ isFresh: true })) === "none";
		const requestId = c.get("requestId");
		const trace = traceOf(c);
		report({ event: isOutage ? "outage" : "fault", requestId, trace, cause: causeText(error) });
		if (!isOutage) return answerProblem(c, { status: 500, code: "fault", detail: "A fault of ours; it was logged." });
		const detail =
			"A part that this needs did not answer. Whether a write took effect is unknown: send it again with its key.";
		return answerProblem(c, { status: 503, code: "unavailable", detail, retryAfterSeconds: outageRetryAfterSeconds });
	});
	return app;
}

/** Built with the first request of an isolate, once: it takes as long as a hundred submissions, and anybody may ask. */
let served: { text: string; tag: string } | null = null;

async function answerDocument(c: Context<ApiEnv>): Promise<Response> {
	if (served === null) {
		const text = JSON.stringify(describeAll());
		served = { text, tag: `"${createHash("sha256").update(text).digest("hex").slice(0, 32)}"` };
	}
	const { text, tag } = served;
	const known =
		c.req
			.header("if-none-match")
			?.split(",")
			.map((each) => each.trim().replace(/^W\//, "")) ?? [];
	const headers = { ETag: tag, "Cache-Control": "public, max-age=60" };
	if (known.includes(tag) || known.includes("*")) return c.body(null, 304, headers);
	return c.body(text, 200, { ...headers, "Content-Type": "application/json" });
}

/** A request's URL is put together of what its `Host` says and its path: one that names no host moves the path, or is no URL. */
const refuseNamelessHost: MiddlewareHandler<ApiEnv> = async (c, next) => {
	const host = c.req.header("host");
	if ((host !== undefined && !hostPattern.test(host)) || !URL.canParse(c.req.url)) {
		const message = "must be a name or an address, with or without a port, once";
		throw malformed("A header is not as it should be.", [{ path: "Host", message }]);
	}
	await next();
};

/** [A93] A browser holds a WebSocket to no rule of CORS, and would open one for any page. */
const refuseForeignSocket: MiddlewareHandler<ApiEnv> = async (c, next) => {
	if (isUpgrade(c.req.raw)) refuseForeignOrigin(c);
	await next();
};

/** By what it says of itself. One that does not say is left as soon as it shows, by whoever reads it. */
const refuseLarge: MiddlewareHandler<ApiEnv> = async (c, next) => {
	if (Number(c.req.header("content-length") ?? 0) > requestBytesMax) throw tooLarge();
	await next();
};

/** A body that is packed would have a size that nobody knows before it is unpacked, and a log would be kept as it came. */
const refuseEncoded: MiddlewareHandler<ApiEnv> = async (c, next) => {
	const encoding = c.req.header("content-encoding")?.trim().toLowerCase();
	if (encoding !== undefined && encoding !== "" && encoding !== "identity") {
		throw new ProblemAnswer({
			status: 415,
			code: "content-encoded",
			detail: "Send the body as it is, without a Content-Encoding.",
			headers: { "Accept-Encoding": "identity" },
		});
	}
	await next();
};

/** The methods that have a route here; what stands at every path (`app.use`) is none. */
function methodsAt(app: Hono<ApiEnv>, path: string): string[] {
	const served = (method: string) =>
		app.router.match(method, path)[0].some(([[, { method: registered }]]) => registered === method);
	const methods = ["DELETE", "GET", "PATCH", "POST", "PUT"].filter(served);
	return methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
}

function notServed(method: string, allowed: string[]): ProblemFacts {
	if (allowed.length === 0) return { status: 404, code: "no-such-path", detail: "Nothing is served at this path." };
	const allow = allowed.join(", ");
	const detail = `This path has no ${method}; it has ${allow}.`;
	return { status: 405, code: "method-not-allowed", detail, headers: { Allow: allow } };
}

/** The caller's trace, by W3C Trace Context: what goes wrong here is found again from there. */
function traceOf(c: Context<ApiEnv>): string | null {
	return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(c.req.header("traceparent") ?? "")?.[1] ?? null;
}

function answerProblem(c: Context<ApiEnv>, facts: ProblemFacts): Response {
	const { status, code, detail, errors, retryAfterSeconds, headers = {} } = facts;
	const requestId = c.get("requestId");
	const body: Problem = {
		type: `urn:spillway:problem:${code}`,
		title: code.replaceAll("-", " "),
		status,
		code,
		detail,
		requestId,
		...(status === 400 || errors !== undefined ? { errors: errors ?? [] } : {}),
	};
	const again = retryAfterSeconds ?? (status === 429 || status === 503 ? outageRetryAfterSeconds : undefined);
	const retryAfter = again === undefined ? {} : { "Retry-After": String(again) };
	return c.body(JSON.stringify(body), status, {
		...headers,
		...retryAfter,
		"Content-Type": problemContentType,
		"X-Request-Id": requestId,
	});
}

/** With what caused it, and what caused that: a store's library wraps the one that says why. */
function causeText(error: Error): string {
	const causes: string[] = [];
	for (let cause = error.cause; cause instanceof Error && causes.length < 5; cause = cause.cause) {
		causes.push(`: ${cause.message}`);
	}
	return [error.stack ?? error.message, ...causes].join("");
}
