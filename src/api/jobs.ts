// Jobs: read, cancel, retry, reprioritise.
import type { Hono } from "hono";
import { cancelJobRequest, job as jobSchema, patchJobRequest, retryJobRequest } from "../contracts/http/run.ts";
import type { Job } from "../contracts/http/run.ts";
import { viewStep } from "../contracts/wire/view.ts";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import { orThrow, sayReplayed } from "./answer.ts";
import { readJob } from "./archived-run.ts";
import { noteAct } from "./audit.ts";
import { authorizeRepository } from "./auth.ts";
import type { ApiEnv } from "./context.ts";
import { documentJob, idempotencyHeader } from "./document.ts";
import { readBody, readIdempotencyKey } from "./request.ts";
import { belowJob, jobPaths, readJobId } from "./run-place.ts";
import type { Services } from "./services.ts";

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
		const repository = authorizeRepository(c, "read");
		const services = c.get("services");
		const job = orThrow(await readJob(services, repository, await readJobId(c, repository)));
		return c.json(await withLiveSteps(services, repository, job));
	});

	app.on("PATCH", jobPaths, async (c) => {
		const { caller, ...repository } = authorizeRepository(c, "write");
		const { priority } = await readBody(c, patchJobRequest);
		const subject = await readJobId(c, repository);
		const job = orThrow(await c.get("services").repo(repository).reprioritise({ job: subject, priority }));
		noteAct(c, caller, { action: "job-prioritise", ...repository, subject, details: { priority } });
		return c.json(job);
	});

	app.on("POST", belowJob("/cancel"), async (c) => {
		const { caller, ...repository } = authorizeRepository(c, "write");
		const { reason, force } = await readBody(c, cancelJobRequest);
		const call = {
			job: await readJobId(c, repository),
			actor: caller.name,
			reason: reason ?? null,
			force: force ?? false,
		};
		const job = orThrow(await c.get("services").repo(repository).cancelJob(call));
		const details = { force: call.force };
		noteAct(c, caller, { action: "job-cancel", ...repository, subject: call.job, reason, details });
		return c.json(job, 202);
	});

	app.on("POST", belowJob("/retry"), async (c) => {
		const { caller, ...repository } = authorizeRepository(c, "write");
		const key = readIdempotencyKey(c);
		const { reason } = await readBody(c, retryJobRequest);
		const call = { job: await readJobId(c, repository), key, actor: caller.name, reason: reason ?? null };
		const { job, replayed } = orThrow(await c.get("services").repo(repository).retryJob(call));
		if (replayed) sayReplayed(c);
		else noteAct(c, caller, { action: "job-retry", ...repository, subject: call.job, reason });
		return c.json(job, replayed ? 200 : 202);
	});
}

/** Steps in progress and the bytes so far are the log object's; while it does not answer, the job is shown without them. */
async function withLiveSteps(services: Services, repository: RepositoryName, job: Job): Promise<Job> {
	const open = job.attempts.at(-1);
	// What has ended gets its steps when its log is sealed, unless its end named them.
	if (!open || (open.outcome !== null && (open.log.state !== "sealing" || open.steps.length > 0))) return job;
	const name = { owner: repository.owner, repo: repository.repo, job: job.id, attempt: open.number };
	const status = await services
		.log(name)
		.status()
		.catch(() => null);
	if (status === null) return job;
	const log = open.outcome === null ? { ...open.log, length: status.length } : open.log;
	const live = { ...open, steps: status.steps.map(viewStep), log };
	return { ...job, attempts: [...job.attempts.slice(0, -1), live] };
}
