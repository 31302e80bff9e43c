// What a run's feed sends to a watcher, one JSON object each, over WebSocket and SSE alike: its state first, then every change.
import { z } from "@hono/zod-openapi";
import { watchedAttemptsMax } from "../../../domain/limits.ts";
import { time } from "../fields.ts";
import { job as jobSchema, run as runSchema } from "../run.ts";

const watchedRun = runSchema.omit({ jobs: true }).openapi("WatchedRun");
const wholeRun = runSchema.required({ jobs: true }).openapi("WholeRun");
export type WatchedRun = z.infer<typeof watchedRun>;

const seq = z.int().openapi({ description: "grows; `?after=` and `Last-Event-ID` resume behind it" });

const snapshot = z
	.object({ type: z.literal("snapshot"), seq, run: wholeRun })
	.openapi("RunSnapshot", { description: "the state to begin with; `jobs` holds the first 1,000, like a run's own" });
const runChanged = z.object({ type: z.literal("run"), seq, at: time, run: watchedRun }).openapi("RunChanged");
const jobChanged = z.object({ type: z.literal("job"), seq, at: time, job: jobSchema }).openapi("JobChanged", {
	description:
		`the job as \`GET …/jobs/{job}\` shows it, with its last ${watchedAttemptsMax} attempts at most. Its \`waiting\` is as it was ` +
		"when the job changed, and has no `position`: what else happens in the queue changes both, and is no change of the job. " +
		"That, and what becomes of an attempt's log, is told within a minute while the run is unfinished. After a failure of " +
		"the platform changes that followed each other closely may come as one",
});

export const runEvent = z.discriminatedUnion("type", [snapshot, runChanged, jobChanged]).openapi("RunEvent");
export type RunEvent = z.infer<typeof runEvent>;
export type RunChange = Exclude<RunEvent, { type: "snapshot" }>;
