// Runs, jobs and attempts on the wire, and what a submission may say.
import { z } from "@hono/zod-openapi";
import { jobStepsMax, requestJobsMax } from "../../domain/limits.ts";
import { variablePattern } from "../../domain/text/names.ts";
import type { JobRequest } from "../../domain/job/submission.ts";
import {
	cloneUrl,
	commitId,
	instant,
	jobKey,
	labels,
	mapOf,
	poolName,
	queueTimeoutSeconds,
	refName,
	secretName,
	shortText,
	time,
	timeoutSeconds,
	withoutNul,
} from "./fields.ts";

const attemptsMax = 20;
/** Each lost runner costs up to a minute of backoff, and perhaps a machine. */
const lossesInRowMax = 10;

const retryRule = z.strictObject({
	outcome: z.enum(["failed", "timed-out", "refused"]).optional(),
	exitCodes: z.array(z.int().min(0).max(255)).min(1).max(50).optional(),
	signal: z
		.string()
		.regex(/^SIG[A-Z0-9+]{1,12}$/)
		.optional(),
	maxAttempts: z.int().min(1).max(attemptsMax).optional(),
});

export const retryRequest = z
	.strictObject({
		maxAttempts: z.int().min(1).max(attemptsMax).optional(),
		maxLosses: z.int().min(1).max(lossesInRowMax).optional().openapi({
			description: "lost runners in a row after which it is not given to another; 3 unless said",
		}),
		on: z.array(retryRule).max(20).optional(),
		backoff: z
			.strictObject({
				initialSeconds: z.number().min(0).max(3_600).optional(),
				factor: z.number().min(1).max(10).optional(),
				maxSeconds: z.number().min(0).max(86_400).optional(),
				jitter: z.enum(["full", "equal", "none"]).optional(),
			})
			.optional(),
	})
	.openapi("Retry");

const script = withoutNul(z.string().min(1).max(262_144));

export const jobRequest = z
	.strictObject({
		key: jobKey,
		name: z.string().min(1).max(200).optional(),
		needs: z.array(jobKey).max(requestJobsMax).optional(),
		when: z.enum(["success", "failure", "always"]).optional(),
		steps: z
			.array(z.strictObject({ name: z.string().min(1).max(200).optional(), run: script }))
			.min(1)
			.max(jobStepsMax)
			.optional(),
		run: script.optional(),
		env: mapOf(z.string().regex(variablePattern), withoutNul(z.string().max(32_768))).optional(),
		secrets: z.array(secretName).max(100).optional(),
		pool: poolName.optional(),
		labels: labels.optional(),
		priority: z.int().min(-1_000).max(1_000).optional(),
		timeoutSeconds: timeoutSeconds.optional(),
		queueTimeoutSeconds: queueTimeoutSeconds.optional(),
		allowFailure: z.boolean().optional(),
		concurrencyGroup: jobKey.nullable().optional(),
		exclusive: z.boolean().optional(),
		onLost: z.enum(["retry", "fail"]).optional(),
		retry: retryRequest.optional(),
		notBefore: instant.optional(),
	})
	.refine((job) => (job.steps === undefined) !== (job.run === undefined), {
		message: "needs either `steps` or `run`, not both",
		path: ["steps"],
	})
	.openapi("JobRequest") satisfies z.ZodType<Omit<JobRequest, "notBefore">>;

const jobs = z.array(jobRequest).min(1).max(requestJobsMax);

export const sourceRequest = z.strictObject({
	cloneUrl: cloneUrl.optional(),
	ref: refName.optional(),
	commit: commitId.optional(),
});

export const runRequest = z
	.strictObject({
		source: sourceRequest.nullable().optional(),
		title: z.string().max(500).optional(),
		trigger: z.enum(["api", "push", "pull_request", "schedule", "manual"]).optional(),
		fork: z.boolean().optional(),
		actor: z.string().min(1).max(200).optional(),
		cancelSuperseded: z.boolean().optional(),
		jobs,
	})
	.openapi("RunRequest");
export type RunRequest = z.infer<typeof runRequest>;

export const jobsRequest = z.strictObject({ jobs }).openapi("JobsRequest");
export const cancelRunRequest = z.strictObject({ reason: shortText.optional() }).openapi("CancelRunRequest");
export const cancelJobRequest = z
	.strictObject({ reason: shortText.optional(), force: z.boolean().optional() })
	.openapi("CancelJobRequest");
export const retryRunRequest = z
	.strictObject({ only: z.enum(["failed", "all"]), reason: shortText.optional() })
	.openapi("RetryRunRequest");
export const retryJobRequest = z.strictObject({ reason: shortText.optional() }).openapi("RetryJobRequest");
export const patchJobRequest = z.strictObject({ priority: z.int().min(-1_000).max(1_000) }).openapi("PatchJobRequest");

export const stepRecord = z.object({
	name: z.string(),
	exitCode: z.int().nullable(),
	startedAt: time.nullable(),
	finishedAt: time.nullable(),
	logStart: z.int().nullable(),
	logEnd: z.int().nullable(),
});

export const attempt = z
	.object({
		number: z.int(),
		outcome: z.enum(["passed", "failed", "canceled", "timed-out", "lost", "refused"]).nullable(),
		/** Why it was `lost`: its runner was not heard of any more, stopped it, or could not run it, and said so; else null. */
		platformFault: z.enum(["lost", "drained", "cut-off", "machine-fault"]).nullable(),
		exitCode: z.int().nullable(),
		signal: z.string().nullable(),
		reason: z.string().nullable(),
		runner: z.object({ id: z.string(), name: z.string() }),
		/** What was checked out; null without a source, while it runs, and from a runner that does not say. */
		commit: z.string().nullable(),
		startedAt: time,
		finishedAt: time.nullable(),
		steps: z.array(stepRecord),
		log: z.object({
			state: z.enum(["live", "sealing", "sealed", "partial", "mismatch", "deleted"]),
			length: z.int().nullable(),
			sha256: z.string().nullable(),
			missing: z.array(z.object({ from: z.int(), to: z.int().nullable() })),
		}),
		by: z.enum(["submit", "rule", "user", "platform"]),
		actor: z.string().nullable(),
		retryReason: z.string().nullable(),
		next: z
			.union([
				z.object({ at: time }),
				z.object({ withheld: z.enum(["attempts", "budget", "no-rule", "on-lost", "poison", "canceled"]) }),
			])
			.nullable(),
	})
	.openapi("Attempt");
export type Attempt = z.infer<typeof attempt>;

export const waiting = z.object({
	code: z.enum([
		"needs",
		"no-runner",
		"runners-busy",
		"repository-limit",
		"concurrency-group",
		"paused",
		"backing-off",
	]),
	detail: z.string(),
	position: z.int().nullable(),
	since: time,
	expectedStartAt: time.nullable(),
});
export type Waiting = z.infer<typeof waiting>;

export const job = z
	.object({
		id: z.string(),
		key: z.string(),
		name: z.string(),
		run: z.string(),
		state: z.enum(["blocked", "waiting", "leased", "running", "canceling", "finished"]),
		outcome: z.enum(["passed", "failed", "canceled", "timed-out", "lost", "refused", "skipped", "expired"]).nullable(),
		priority: z.int(),
		pool: z.string(),
		labels: z.array(z.string()),
		needs: z.array(z.string()),
		when: z.enum(["success", "failure", "always"]),
		allowFailure: z.boolean(),
		concurrencyGroup: z.string().nullable(),
		notBefore: time.nullable(),
		attempts: z.array(attempt),
		waiting: waiting.nullable(),
		reason: z.string().nullable(),
		createdAt: time,
		finishedAt: time.nullable(),
	})
	.openapi("Job");
export type Job = z.infer<typeof job>;

const count = z.int();

/** `jobs` holds the first 1,000; `…/runs/{run}/jobs` pages through all. A list of runs leaves them out. */
export const run = z
	.object({
		id: z.string(),
		number: z.int().nullable(),
		round: z.int(),
		state: z.enum(["accepted", "running", "finished"]),
		outcome: z.enum(["passed", "failed", "canceled", "refused"]).nullable(),
		spilled: z.boolean(),
		title: z.string().nullable(),
		source: z.object({ cloneUrl: z.string(), ref: z.string().nullable(), commit: z.string().nullable() }).nullable(),
		trigger: z.enum(["api", "push", "pull_request", "schedule", "manual"]),
		/** Absent in a list that an older build wrote. */
		fork: z.boolean().optional(),
		actor: z.string(),
		counts: z.object({
			blocked: count,
			waiting: count,
			leased: count,
			running: count,
			canceling: count,
			finished: count,
		}),
		jobs: z.array(job).optional(),
		version: z.int(),
		createdAt: time,
		startedAt: time.nullable(),
		finishedAt: time.nullable(),
		reason: z.string().nullable(),
		/** Who began the present round, and why; null in the first. */
		retried: z.object({ actor: z.string().nullable(), reason: z.string().nullable(), at: time }).nullable(),
		supersededBy: z.string().nullable(),
	})
	.openapi("Run");
export type Run = z.infer<typeof run>;
