// Jobs over HTTP: read, cancel, retry, reprioritise.
import type { Hono } from "hono";
import { cancelJobRequest, job as jobSchema, patchJobRequest, retryJobRequest } from "../../../contracts/http/run.ts";
import { cancelJob, getJob, prioritiseJob, retryJob } from "../../../operations/runs/jobs.ts";
import { orThrow, sayReplayed } from "../answer.ts";
import { admitToRepository } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { documentJob, idempotencyHeader } from "../document/document.ts";
import { readBody, readIdempotencyKey } from "../requests/request.ts";
import { belowJob, jobPaths, readJobName } from "../requests/run-place.ts";

documentJob({
	id: "getJob",
	method: "get",
	below: "",
	summary: "A job with its attempts, and why it waits",
	answers: { 200: jobSchema },
});
documentJob({
	id: "prioritiseJob",
	method: "patch",
	below: "",
	summary: "Change the priority of a job that waits",
	body: patchJobRequest,
	answers: { 200: jobSchema },
});
documentJob({
	id: "cancelJob",
	method: "post",
	below: "/cancel",
	summary: "Cancel a job",
	body: cancelJobRequest,
	answers: { 202: jobSchema },
});
documentJob({
	id: "retryJob",
	method: "post",
	below: "/retry",
	summary: "One more attempt of a finished job",
	headers: idempotencyHeader,
	body: retryJobRequest,
	answers: { 202: jobSchema, 200: jobSchema },
});

export function addJobRoutes(app: Hono<ApiEnv>): void {
	app.on("GET", jobPaths, async (c) => {
		const { repository, caller } = admitToRepository(c, "getJob");
		return c.json(orThrow(await getJob(c.get("services"), caller, { repository, name: readJobName(c) })));
	});

	app.on("PATCH", jobPaths, async (c) => {
		const { repository, caller } = admitToRepository(c, "prioritiseJob");
		const { priority } = await readBody(c, patchJobRequest);
		const call = { repository, name: readJobName(c), priority };
		return c.json(orThrow(await prioritiseJob(c.get("services"), caller, call)));
	});

	app.on("POST", belowJob("/cancel"), async (c) => {
		const { repository, caller } = admitToRepository(c, "cancelJob");
		const { reason = null, force = false } = await readBody(c, cancelJobRequest);
		const call = { repository, name: readJobName(c), reason, force };
		// 202: a job that runs is `canceling` until its runner says that it has stopped, or must have.
		return c.json(orThrow(await cancelJob(c.get("services"), caller, call)), 202);
	});

	app.on("POST", belowJob("/retry"), async (c) => {
		const { repository, caller } = admitToRepository(c, "retryJob");
		const key = readIdempotencyKey(c);
		const { reason = null } = await readBody(c, retryJobRequest);
		const call = { repository, name: readJobName(c), key, reason };
		const { job, replayed } = orThrow(await retryJob(c.get("services"), caller, call));
		if (replayed) sayReplayed(c);
		// 202: the new attempt waits. 200 where it had been asked for before: then the job is as that call, and time, have
		// left it.
		return c.json(job, replayed ? 200 : 202);
	});
}
