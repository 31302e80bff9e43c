// Runs: submit, list, read, add jobs, cancel, retry.
import { hash, randomUUID } from "node:crypto";
import type { Context, Hono } from "hono";
import type { Submission } from "../domain/job/submission.ts";
import { parseJobId, runIdFrom } from "../domain/ids.ts";
import {
	cancelRunRequest,
	job as jobSchema,
	jobsRequest,
	retryRunRequest,
	run as runSchema,
	runRequest,
} from "../contracts/http/run.ts";
import type { RunRequest } from "../contracts/http/run.ts";
import { readJobRequest } from "../contracts/wire/view.ts";
import type { LeaseClaim, RepositoryName, Submitted } from "../contracts/objects/objects.ts";
import { orThrow, ProblemAnswer, sayReplayed } from "./answer.ts";
import { readJobs, readRun } from "./archived-run.ts";
import { noteAct } from "./audit.ts";
import { authorizeRepository, findLease } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { document, idempotencyHeader, pageOf, pageQuery } from "./document.ts";
import { checkQuery } from "./query.ts";
import { badQuery, readBody, readIdempotencyKey, readPage, writeCursor } from "./request.ts";
import { readRunId } from "./run-place.ts";
import type { RunFilter } from "./services.ts";

const path = "/v1/repos/{owner}/{repo}/runs";
const refusedRetryAfterSeconds = 30;
const runCursorPattern = /^[0-9]{1,15} r[a-z2-7]{24}$/;
const jobCursorPattern = /^[0-9]{1,5}$/;

document({
	id: "submitRun",
	method: "post",
	path,
	summary: "Submit a run",
	headers: idempotencyHeader,
	body: runRequest,
	answers: { 201: runSchema, 200: runSchema },
});
document({
	id: "listRuns",
	method: "get",
	path,
	summary: "Runs, newest first, from the read model",
	query: {
		state: "accepted, running or finished",
		outcome: "passed, failed, canceled or refused",
		ref: "exactly",
		actor: "exactly",
		...pageQuery,
	},
	answers: { 200: pageOf(runSchema) },
});
document({
	id: "getRun",
	method: "get",
	path: `${path}/{run}`,
	summary: "A run with its first 1,000 jobs",
	answers: { 200: runSchema },
});
document({
	id: "listJobs",
	method: "get",
	path: `${path}/{run}/jobs`,
	summary: "All jobs of a run",
	query: pageQuery,
	answers: { 200: pageOf(jobSchema) },
});
document({
	id: "addJobs",
	method: "post",
	path: `${path}/{run}/jobs`,
	summary: "Add jobs to an unfinished run; also with the lease token of one of its jobs",
	auth: ["access", "lease"],
	headers: idempotencyHeader,
	body: jobsRequest,
	answers: { 201: runSchema, 200: runSchema },
});
document({
	id: "cancelRun",
	method: "post",
	path: `${path}/{run}/cancel`,
	summary: "Cancel all that is not finished",
	body: cancelRunRequest,
	answers: { 202: runSchema },
});
document({
	id: "retryRun",
	method: "post",
	path: `${path}/{run}/retry`,
	summary: "Run the failed jobs again, or all",
	headers: idempotencyHeader,
	body: retryRunRequest,
	answers: { 202: runSchema, 200: runSchema },
});

export function addRunRoutes(app: Hono<ApiEnv>): void {
	app.post("/v1/repos/:owner/:repo/runs", async (c) => {
		const { owner, repo, caller } = authorizeRepository(c, "write");
		const services = c.get("services");
		if (!services.switches.current().acceptRuns) {
			throw new ProblemAnswer({
				status: 503,
				code: "runs-refused",
				detail: "The operator has stopped taking new runs; nothing was accepted.",
				retryAfterSeconds: refusedRetryAfterSeconds,
			});
		}
		const key = readIdempotencyKey(c);
		const request = await readBody(c, runRequest);
		const digest = hash("sha256", JSON.stringify(request), "hex");
		const run = runIdFrom(hash("sha256", `${owner}/${repo}\n${key ?? randomUUID()}\n${digest}`, "buffer"));
		const submission = submissionOf(request, caller.name);
		const submitted = orThrow(await services.repo({ owner, repo }).submit({ run, key, digest, submission }));
		return answerSubmitted(c, submitted);
	});

	app.get("/v1/repos/:owner/:repo/runs", async (c) => {
		const { owner, repo } = authorizeRepository(c, "read");
		const call = { owner, repo, filter: readFilter(c), ...readPage(c, runCursorPattern) };
		const page = await c.get("services").readModel.runs(call);
		return c.json({ ...page, nextCursor: writeCursor(page.nextCursor) });
	});

	app.get("/v1/repos/:owner/:repo/runs/:run", async (c) => {
		const repository = authorizeRepository(c, "read");
		return c.json(orThrow(await readRun(c.get("services"), repository, { run: await readRunId(c, repository) })));
	});

	app.get("/v1/repos/:owner/:repo/runs/:run/jobs", async (c) => {
		const repository = authorizeRepository(c, "read");
		const { limit, cursor } = readPage(c, jobCursorPattern);
		const services = c.get("services");
		const call = { run: await readRunId(c, repository), from: Number(cursor ?? 0), limit };
		const { items, next } = orThrow(await readJobs(services, repository, call));
		const asOf = new Date(services.now()).toISOString();
		return c.json({ items, nextCursor: writeCursor(next === null ? null : String(next)), asOf, stale: false });
	});

	app.post("/v1/repos/:owner/:repo/runs/:run/jobs", async (c) => {
		const { owner, repo, actor, ...by } = await authorizeAdding(c);
		const run = await readRunId(c, { owner, repo });
		const key = readIdempotencyKey(c);
		const { jobs } = await readBody(c, jobsRequest);
		const digest = hash("sha256", `${run}\n${JSON.stringify(jobs)}`, "hex");
		const call = { run, jobs: jobs.map(readJobRequest), key, digest, actor, reason: null, ...by };
		return answerSubmitted(c, orThrow(await c.get("services").repo({ owner, repo }).addJobs(call)));
	});

	app.post("/v1/repos/:owner/:repo/runs/:run/cancel", async (c) => {
		const { caller, ...repository } = authorizeRepository(c, "write");
		const { reason } = await readBody(c, cancelRunRequest);
		const call = { run: await readRunId(c, repository), actor: caller.name, reason: reason ?? null };
		const run = orThrow(await c.get("services").repo(repository).cancelRun(call));
		noteAct(c, caller, { action: "run-cancel", ...repository, subject: call.run, reason });
		return c.json(run, 202);
	});

	app.post("/v1/repos/:owner/:repo/runs/:run/retry", async (c) => {
		const { caller, ...repository } = authorizeRepository(c, "write");
		const key = readIdempotencyKey(c);
		const { only, reason } = await readBody(c, retryRunRequest);
		const call = { run: await readRunId(c, repository), only, key, actor: caller.name, reason: reason ?? null };
		const { run, replayed } = orThrow(await c.get("services").repo(repository).retryRun(call));
		if (replayed) sayReplayed(c);
		else noteAct(c, caller, { action: "run-retry", ...repository, subject: call.run, reason, details: { only } });
		return c.json(run, replayed ? 200 : 202);
	});
}

/** [B5] A job that runs may add jobs to its own run with its lease, which its repository looks at; anybody else needs `write`. */
async function authorizeAdding(c: Context<ApiEnv>): Promise<RepositoryName & { actor: string; lease?: LeaseClaim }> {
	const lease = findLease(c);
	if (lease === null) {
		const { owner, repo, caller } = authorizeRepository(c, "write");
		return { owner, repo, actor: caller.name };
	}
	checkQuery(c);
	const { owner, repo, job } = lease;
	const isOwnRepository = c.req.param("owner") === owner && c.req.param("repo") === repo;
	const isOwn = isOwnRepository && parseJobId(job)?.run === (await readRunId(c, lease));
	if (!isOwn) throw new ProblemAnswer({ status: 404, code: "unknown", detail: "Unknown, or not yours to know." });
	return { owner, repo, actor: `job ${job}`, lease };
}

/** A filter that no run can fit is a typo; an empty one is none. */
function readFilter(c: Context<ApiEnv>): RunFilter {
	const { state, outcome } = runSchema.shape;
	const oneOf = (name: string, words: readonly string[]) => {
		const word = c.req.query(name) || undefined;
		if (word === undefined || words.includes(word)) return word;
		throw badQuery(name, `must be one of ${words.join(", ")}`);
	};
	return {
		state: oneOf("state", state.options),
		outcome: oneOf("outcome", outcome.unwrap().options),
		ref: c.req.query("ref") || undefined,
		actor: c.req.query("actor") || undefined,
	};
}

function answerSubmitted(c: Context<ApiEnv>, { run, replayed }: Submitted): Response {
	if (replayed) sayReplayed(c);
	// Relative to what was called: a proxy may have put that under another name and path.
	c.header("Location", c.req.path.endsWith("/jobs") ? "jobs" : `runs/${run.id}`);
	return c.json(run, replayed ? 200 : 201);
}

function submissionOf(request: RunRequest, actor: string): Submission {
	const { source } = request;
	return {
		source: source && { cloneUrl: source.cloneUrl ?? "", ref: source.ref ?? null, commit: source.commit ?? null },
		title: request.title ?? null,
		trigger: request.trigger ?? "api",
		actor: request.actor ?? actor,
		cancelSuperseded: request.cancelSuperseded ?? false,
		jobs: request.jobs.map(readJobRequest),
	};
}
