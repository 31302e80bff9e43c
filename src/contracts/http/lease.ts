// The bodies of the calls that a runner makes with a lease token while it holds a job.
import { z } from "@hono/zod-openapi";
import { jobStepsMax } from "../../domain/limits.ts";
import { commitId, instant } from "./fields.ts";

const offset = z.int().min(0);

const reportedStep = z.strictObject({
	name: z.string().max(200),
	exitCode: z.int().nullable().optional(),
	startedAt: instant.nullable().optional(),
	finishedAt: instant.nullable().optional(),
	logStart: offset.nullable().optional(),
	logEnd: offset.nullable().optional(),
});
export type ReportedStep = z.infer<typeof reportedStep>;

const steps = z.array(reportedStep).max(jobStepsMax + 10);

export const startRequest = z.strictObject({}).openapi("StartRequest");
export const stepsRequest = z.strictObject({ steps }).openapi("StepsRequest");

export const finishRequest = z
	.strictObject({
		outcome: z.enum(["passed", "failed", "timed-out", "canceled", "refused"]),
		exitCode: z.int().min(0).max(255).nullable().optional(),
		signal: z.string().max(20).nullable().optional(),
		/** What is longer than 500 characters is cut: an end must not be lost for its words. */
		reason: z.string().nullable().optional(),
		/**
		 * The runner stopped the job for reasons of its own, or its machine could not run it: no fault of the job, which runs
		 * elsewhere unless `onLost` forbids. It does not forbid after a `machine-fault` whose `steps` say that none had begun.
		 */
		platformFault: z.enum(["drained", "cut-off", "machine-fault"]).nullable().optional(),
		steps: steps.optional(),
		logLength: offset,
		logSha256: z
			.string()
			.regex(/^[0-9a-f]{64}$/)
			.nullable()
			.optional(),
		retryAfterSeconds: z.number().min(0).nullable().optional(),
		/** What was checked out; absent without a source. */
		commit: commitId.nullable().optional(),
	})
	.openapi("FinishRequest");
export type FinishRequest = z.infer<typeof finishRequest>;
