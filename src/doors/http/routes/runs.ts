// Runs over HTTP: submit, list, read, add jobs, cancel, retry.
import type { Context, Hono } from "hono";
import type { RepositoryName, Submitted } from "../../../contracts/objects/objects.ts";
import {
	cancelRunRequest,
	job as jobSchema,
	jobsRequest,
	retryRunRequest,
	run as runSchema,
	runRequest,
} from "../../../contracts/http/run.ts";
import type { RunFilter } from "../../../contracts/http/page.ts";
import {
	addJobs,
	cancelRun,
	getRun,
	listJobs,
	listRuns,
	mayAddJobs,
	maySubmit,
	retryRun,
	submitRun,
} from "../../../operations/runs/runs.ts";
import type { JobAdder } from "../../../operations/runs/runs.ts";
import type { Accepted, Arrival } from "../../../operations/spill/spill.ts";
import { answerPage, answerPresentPage, answerSeen, sayAge } from "../aged-answer.ts";
import { orThrow, sayReplayed } from "../answer.ts";
import { admitToRepository, findLease } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document, idempotencyHeader, pageOf, pageQuery } from "../document/document.ts";
import { checkQuery } from "../requests/query.ts";
import { badQuery, readBody, readIdempotencyKey, readPage } from "../requests/request.ts";
import { readRunName } from "../requests/run-place.ts";

const path = "/v1/repos/{owner}/{repo}/runs";
/** The instant of acceptance and the id: runs that were accepted in one millisecond stand in the order of their ids. */
const runCursorPattern = /^[0-9]{1,15} r[a-z2-7]{24}$/;
const jobCursorPattern = /^[0-9]{1,5}$/;

document({
	id: "submitRun",
	method: "post",
	path,
	summary: "Submit a run",
	headers: idempotencyHeader,
	body: runRequest,
	answers: { 201: runSchema, 200: runSchema, 202: runSchema },
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
		const { repository, caller } = admitToRepository(c, "submitRun");
		// Before key and body are read: while the operator takes no runs, a burst of them should cost as little as may be.
		orThrow(maySubmit(c.get("services"), caller, repository));
		const key = readIdempotencyKey(c);
		const request = await readBody(c, runRequest);
		const arrival = arrivalOf(c);
		const call = { repository, request, key, arrival };
		return answerSubmitted(c, orThrow(await submitRun(c.get("services"), caller, call)));
	});

	app.get("/v1/repos/:owner/:repo/runs", async (c) => {
		const { repository, caller } = admitToRepository(c, "listRuns");
		const call = { repository, filter: readFilter(c), ...readPage(c, runCursorPattern) };
		const page = orThrow(await listRuns(c.get("services"), caller, call));
		return answerPage(c, page);
	});

	app.get("/v1/repos/:owner/:repo/runs/:run", async (c) => {
		const { repository, caller } = admitToRepository(c, "getRun");
		return answerSeen(c, orThrow(await getRun(c.get("services"), caller, { repository, run: readRunName(c) })));
	});

	app.get("/v1/repos/:owner/:repo/runs/:run/jobs", async (c) => {
		const { repository, caller } = admitToRepository(c, "listJobs");
		const { limit, cursor } = readPage(c, jobCursorPattern);
		const services = c.get("services");
		// The cursor is the index of a job. Jobs are added at the end alone, so none is on two pages, or on none.
		const call = { repository, run: readRunName(c), from: Number(cursor ?? 0), limit };
		const { items, next } = orThrow(await listJobs(services, caller, call));
		// Unlike the list of runs never stale: jobs come from the repository, the intake or the archive, or there is no
		// answer.
		return answerPresentPage(c, { items, next: next === null ? null : String(next) });
	});

	app.post("/v1/repos/:owner/:repo/runs/:run/jobs", async (c) => {
		const { repository, adder } = admitAdder(c);
		const run = readRunName(c);
		const key = readIdempotencyKey(c);
		const { jobs } = await readBody(c, jobsRequest);
		return answerSubmitted(c, orThrow(await addJobs(c.get("services"), adder, { repository, run, jobs, key })));
	});

	app.post("/v1/repos/:owner/:repo/runs/:run/cancel", async (c) => {
		const { repository, caller } = admitToRepository(c, "cancelRun");
		// 202 also where all was finished already: a cancel says what is wanted, and the answer how the run stands.
		const { reason = null } = await readBody(c, cancelRunRequest);
		return c.json(
			orThrow(await cancelRun(c.get("services"), caller, { repository, run: readRunName(c), reason })),
			202,
		);
	});

	app.post("/v1/repos/:owner/:repo/runs/:run/retry", async (c) => {
		const { repository, caller } = admitToRepository(c, "retryRun");
		// 202 for a retry that was taken; 200 says that the same key has made it before, and shows how that stands now.
		const key = readIdempotencyKey(c);
		const { only, reason = null } = await readBody(c, retryRunRequest);
		const call = { repository, run: readRunName(c), only, key, reason };
		const { run, replayed } = orThrow(await retryRun(c.get("services"), caller, call));
		if (replayed) sayReplayed(c);
		return c.json(run, replayed ? 200 : 202);
	});
}

/** The lease in the header where there is one, else the caller. */
function admitAdder(c: Context<ApiEnv>): { repository: RepositoryName; adder: JobAdder } {
	const lease = findLease(c);
	if (lease === null) {
		const { repository, caller } = admitToRepository(c, "addJobs");
		return { repository, adder: caller };
	}
	checkQuery(c);
	// Read as it is: what is not the lease's own repository is unknown to it, whatever its name looks like.
	const repository = { owner: c.req.param("owner") ?? "", repo: c.req.param("repo") ?? "" };
	orThrow(mayAddJobs(lease, repository));
	return { repository, adder: lease };
}

/** Its time runs since it came to the gate, however long its body took before that. */
function arrivalOf(c: Context<ApiEnv>): Arrival {
	const { enteredAt = null, isShed = false } = c.get("passage") ?? {};
	return enteredAt === null ? { isShed } : { enteredAt, isShed };
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

function answerSubmitted(
	c: Context<ApiEnv>,
	{ run, replayed, isSpilled = false, asOf = null }: Submitted & Partial<Accepted>,
): Response {
	if (replayed) sayReplayed(c);
	sayAge(c, asOf);
	// Relative to what was called: a proxy may have put that under another name and path.
	c.header("Location", c.req.path.endsWith("/jobs") ? "jobs" : `runs/${run.id}`);
	return c.json(run, isSpilled ? 202 : replayed ? 200 : 201);
}
