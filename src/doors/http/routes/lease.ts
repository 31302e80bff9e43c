// The calls of a runner while it holds a job, over HTTP. Every answer says in a header how the lease stands.
import type { Context, Hono, MiddlewareHandler } from "hono";
import { finishRequest, startRequest, stepsRequest } from "../../../contracts/http/lease.ts";
import {
	leaseStateHeader,
	uploadIntervalHeader,
	uploadLeftHeader,
	uploadOffsetHeader,
} from "../../../contracts/wire/headers/lease-headers.ts";
import type { FinishRequest } from "../../../contracts/http/lease.ts";
import { leaseReply } from "../../../contracts/http/runner.ts";
import { readStep } from "../../../contracts/wire/view.ts";
import type { FinishReport } from "../../../domain/job/job.ts";
import type { AppendKind } from "../../../domain/log/log.ts";
import type { Result } from "../../../domain/refusal.ts";
import {
	appendLog,
	finishAttempt,
	lookAtLease,
	startAttempt,
	stateIn,
	tellSteps,
} from "../../../operations/leases/lease-calls.ts";
import { orThrow } from "../answer.ts";
import { readBytes } from "../requests/body.ts";
import { findLease, readLease } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document } from "../document/document.ts";
import { malformed, readBody } from "../requests/request.ts";

const states = `Header ${leaseStateHeader}: ok, canceling or lost`;

document({
	id: "startLease",
	method: "post",
	path: "/v1/lease/start",
	summary: "Begin the attempt; nothing may run before",
	body: startRequest,
	answers: { 200: leaseReply },
});
document({
	id: "appendLog",
	method: "patch",
	path: "/v1/lease/log",
	summary: "Append to the log at an offset",
	headers: {
		[uploadOffsetHeader]: "where the body begins",
		[uploadLeftHeader]:
			"part or last: the body is of what a killed runner had left, and with last there is no more. It is taken for some minutes after the loss",
	},
	body: "bytes",
	answers: { 204: `Stored. ${uploadOffsetHeader}: the log's length. ${states}` },
});
document({
	id: "reportSteps",
	method: "post",
	path: "/v1/lease/steps",
	summary: "Tell progress",
	body: stepsRequest,
	answers: { 204: `Noted. ${states}` },
});
document({
	id: "finishLease",
	method: "post",
	path: "/v1/lease/finish",
	summary: "Report the end",
	body: finishRequest,
	answers: { 200: leaseReply },
});

/**
 * For an answer that nobody gave the state to, as a body too large or malformed: its runner must hear of a cancel all the
 * same. Without a good token, or while the repository does not answer, the answer names no state.
 */
export const sayStateAnyway: MiddlewareHandler<ApiEnv> = async (c, next) => {
	await next();
	const lease = c.res.headers.has(leaseStateHeader) ? null : findLease(c);
	const state = lease && (await lookAtLease(c.get("services"), lease));
	if (state !== null) c.header(leaseStateHeader, state);
};

/**
 * Each answer says how the lease stands, a refusal too: by what it does anyway a runner hears of a cancel before its next
 * heartbeat, and one that only uploads its log needs no call more.
 */
export function addLeaseRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/lease/start", async (c) => {
		const identity = readLease(c);
		// It says nothing, and is read all the same: a field that nobody knows is refused here as everywhere.
		await readBody(c, startRequest);
		const { job, lease } = answered(c, await startAttempt(c.get("services"), identity));
		c.header(leaseStateHeader, lease);
		return c.json({ job });
	});

	app.patch("/v1/lease/log", async (c) => {
		const identity = readLease(c);
		// Bytes as they come, whatever the content type says: a log need not be text.
		const call = { offset: readOffset(c), kind: readKind(c), bytes: await readBytes(c.req.raw) };
		const { length, lease, intervalSeconds } = answered(c, await appendLog(c.get("services"), identity, call));
		c.header(leaseStateHeader, lease);
		c.header(uploadOffsetHeader, String(length));
		c.header(uploadIntervalHeader, String(intervalSeconds));
		return c.body(null, 204);
	});

	app.post("/v1/lease/steps", async (c) => {
		const identity = readLease(c);
		const { steps } = await readBody(c, stepsRequest);
		const { lease } = answered(c, await tellSteps(c.get("services"), identity, steps.map(readStep)));
		c.header(leaseStateHeader, lease);
		return c.body(null, 204);
	});

	app.post("/v1/lease/finish", async (c) => {
		const identity = readLease(c);
		const report = reportOf(await readBody(c, finishRequest));
		const { job } = answered(c, await finishAttempt(c.get("services"), identity, report));
		// The report was taken, so the lease is over in good order: there is nothing left that the runner should stop.
		c.header(leaseStateHeader, "ok");
		return c.json({ job });
	});
}

function readOffset(c: Context<ApiEnv>): number {
	const text = c.req.header(uploadOffsetHeader) ?? "";
	if (/^[0-9]{1,15}$/.test(text)) return Number(text);
	const message = "must be the offset at which the body begins";
	throw malformed("A header is not as it should be.", [{ path: uploadOffsetHeader, message }]);
}

function readKind(c: Context<ApiEnv>): AppendKind {
	const text = c.req.header(uploadLeftHeader);
	if (text === undefined) return "live";
	if (text === "last") return "last";
	if (text === "part") return "left";
	throw malformed("A header is not as it should be.", [{ path: uploadLeftHeader, message: "must be part or last" }]);
}

/** Where a refusal says nothing of the lease, `sayStateAnyway` asks. */
function answered<T>(c: Context<ApiEnv>, result: Result<T>): T {
	const state = result.ok ? null : stateIn(result.refusal);
	if (state !== null) c.header(leaseStateHeader, state);
	return orThrow(result);
}

/** What a runner leaves out it does not know: null, so that a report that is repeated by another version is the same report. */
function reportOf(request: FinishRequest): FinishReport {
	return {
		outcome: request.outcome,
		exitCode: request.exitCode ?? null,
		signal: request.signal ?? null,
		reason: request.reason ?? null,
		platformFault: request.platformFault ?? null,
		steps: (request.steps ?? []).map(readStep),
		logLength: request.logLength,
		logSha256: request.logSha256 ?? null,
		retryAfterSeconds: request.retryAfterSeconds ?? null,
		commit: request.commit ?? null,
	};
}
