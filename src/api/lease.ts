// The calls of a runner while it holds a job. Below the wire they are plain operations of the repository and the log, so that
// another runner's protocol can be mounted beside this one. Every answer says how the lease stands, and renews it.
import type { Context, Hono, MiddlewareHandler } from "hono";
import type { LeaseClaim } from "../contracts/objects/objects.ts";
import { finishRequest, startRequest, stepsRequest } from "../contracts/http/lease.ts";
import {
	leaseStateHeader,
	uploadIntervalHeader,
	uploadLeftHeader,
	uploadOffsetHeader,
} from "../contracts/wire/lease-headers.ts";
import type { FinishRequest } from "../contracts/http/lease.ts";
import { leaseReply } from "../contracts/http/runner.ts";
import type { LeaseState } from "../contracts/http/runner.ts";
import { readStep } from "../contracts/wire/view.ts";
import { leaseIdFrom } from "../domain/ids.ts";
import type { FinishReport } from "../domain/job/job.ts";
import { appendBytesMax, heartbeatSeconds } from "../domain/limits.ts";
import type { AppendKind } from "../domain/log/log.ts";
import type { Result } from "../domain/refusal.ts";
import { orThrow, ProblemAnswer } from "./answer.ts";
import { readBytes } from "./body.ts";
import { findLease, readLease } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document } from "./document.ts";
import { malformed, readBody } from "./request.ts";
import type { Services } from "./services.ts";

/** Characters of a finish's reason that are kept. */
const reasonMax = 500;

const states = `Header ${leaseStateHeader}: ok, canceling or lost`;

document({
	id: "startLease",
	method: "post",
	path: "/v1/lease/start",
	summary: "Begin the attempt; nothing may run before",
	auth: "lease",
	body: startRequest,
	answers: { 200: leaseReply },
});
document({
	id: "appendLog",
	method: "patch",
	path: "/v1/lease/log",
	summary: "Append to the log at an offset",
	auth: "lease",
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
	auth: "lease",
	body: stepsRequest,
	answers: { 204: `Noted. ${states}` },
});
document({
	id: "finishLease",
	method: "post",
	path: "/v1/lease/finish",
	summary: "Report the end",
	auth: "lease",
	body: finishRequest,
	answers: { 200: leaseReply },
});

/**
 * For an answer that nobody gave the state to, as a body too large or malformed: its runner must hear of a cancel all the
 * same. Without a good token, or while the repository does not answer, there is no state to tell.
 */
export const sayStateAnyway: MiddlewareHandler<ApiEnv> = async (c, next) => {
	await next();
	const claim = c.res.headers.has(leaseStateHeader) ? null : findLease(c);
	if (claim === null) return;
	const lease = c.get("services").repo(claim).lease(claim);
	const state = await lease.catch(() => null);
	if (state !== null) sayState(c, claim, state);
};

export function addLeaseRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/lease/start", async (c) => {
		const claim = readLease(c);
		await readBody(c, startRequest);
		const { job, lease } = answered(c, claim, await c.get("services").repo(claim).start(claim));
		// The grant itself counts as a renewal, and the start follows it within seconds.
		const id = leaseIdFrom(claim.job, claim.epoch);
		const at = c.get("services").now();
		noteRenewed(id, at);
		noteState(id, { at, isCanceling: lease === "canceling" });
		sayState(c, claim, lease);
		return c.json({ job });
	});

	app.patch("/v1/lease/log", async (c) => {
		const claim = readLease(c);
		const offset = readOffset(c);
		const kind = readKind(c);
		const bytes = await readBytes(c.req.raw);
		if (bytes.length > appendBytesMax) {
			throw new ProblemAnswer({
				status: 413,
				code: "too-large",
				detail: `Append at most ${appendBytesMax} bytes at a time.`,
			});
		}
		const services = c.get("services");
		const [appended, isCanceling] = await Promise.all([
			services.log(claim).append(claim, offset, bytes, kind),
			isCanceled(services, claim),
		]);
		const { length, lease, intervalSeconds } = answered(c, claim, appended);
		const state = isCanceling && lease !== "lost" ? "canceling" : lease;
		if (kind === "live") sayState(c, claim, state);
		else c.header(leaseStateHeader, state);
		c.header(uploadOffsetHeader, String(length));
		c.header(uploadIntervalHeader, String(intervalSeconds));
		return c.body(null, 204);
	});

	app.post("/v1/lease/steps", async (c) => {
		const claim = readLease(c);
		const { steps } = await readBody(c, stepsRequest);
		const services = c.get("services");
		const [noted, isCanceling] = await Promise.all([
			services.log(claim).steps(claim, steps.map(readStep)),
			isCanceled(services, claim),
		]);
		const { lease } = answered(c, claim, noted);
		sayState(c, claim, isCanceling && lease !== "lost" ? "canceling" : lease);
		return c.body(null, 204);
	});

	app.post("/v1/lease/finish", async (c) => {
		const claim = readLease(c);
		const report = reportOf(await readBody(c, finishRequest));
		const { job } = answered(c, claim, await c.get("services").repo(claim).finish(claim, report));
		// An accepted report ends the lease as it should: to its holder that is no loss.
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

/** A refusal says `lost` where the lease itself is over; a gap in the log is no reason to stop, and `sayStateAnyway` asks. */
function answered<T>(c: Context<ApiEnv>, claim: LeaseClaim, result: Result<T>): T {
	if (!result.ok && result.refusal.code === "lease-stale") sayState(c, claim, "lost");
	return orThrow(result);
}

function sayState(c: Context<ApiEnv>, claim: LeaseClaim, state: LeaseState): void {
	c.header(leaseStateHeader, state);
	if (state !== "lost") renewLater(c.get("services"), claim);
}

/** How old a repository's word about a lease may be: what a cancel waits for at most, without an upload a second asking it. */
const stateKeptMs = 5_000;
const asked = new Map<string, { at: number; isCanceling: boolean }>();
const askedMax = 10_000;

/** The log learns of no cancel, and only hears of the lease when it is opened: the repository knows. */
async function isCanceled(services: Services, claim: LeaseClaim): Promise<boolean> {
	const id = leaseIdFrom(claim.job, claim.epoch);
	const at = services.now();
	const known = asked.get(id);
	if (known && (known.isCanceling || at - known.at < stateKeptMs)) return known.isCanceling;
	const lease = services.repo(claim).lease(claim);
	const isCanceling = (await lease.catch(() => null)) === "canceling";
	noteState(id, { at, isCanceling });
	return isCanceling;
}

function noteState(id: string, state: { at: number; isCanceling: boolean }): void {
	if (asked.size >= askedMax) asked.clear();
	asked.set(id, state);
}

/** When this isolate last renewed each lease at its pool. Only saves calls: forgetting it costs one more. */
const renewed = new Map<string, number>();
const renewedMax = 10_000;

function noteRenewed(id: string, now: number): void {
	if (renewed.size >= renewedMax) renewed.clear();
	renewed.set(id, now);
}

/** A lease that this isolate has not seen yet is renewed: who knows how long ago another one did. */
function renewLater(services: Services, claim: LeaseClaim): void {
	const id = leaseIdFrom(claim.job, claim.epoch);
	const now = services.now();
	if (now - (renewed.get(id) ?? Number.NEGATIVE_INFINITY) < heartbeatSeconds * 1_000) return;
	noteRenewed(id, now);
	const renewal = services.pool(claim).renew(id);
	services.later(renewal.catch(() => undefined));
}

function reportOf(request: FinishRequest): FinishReport {
	return {
		outcome: request.outcome,
		exitCode: request.exitCode ?? null,
		signal: request.signal ?? null,
		reason: request.reason?.slice(0, reasonMax).toWellFormed() ?? null,
		platformFault: request.platformFault ?? null,
		steps: (request.steps ?? []).map(readStep),
		logLength: request.logLength,
		logSha256: request.logSha256 ?? null,
		retryAfterSeconds: request.retryAfterSeconds ?? null,
		commit: request.commit ?? null,
	};
}
