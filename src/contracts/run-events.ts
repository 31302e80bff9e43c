// What a watcher of a run is told, one JSON object each, over WebSocket and SSE alike: its state first, then every change. And
// how a state follows the changes, which may come late, twice or not at all: each carries whole subjects and a version.
import { z } from "@hono/zod-openapi";
import type { ChangeEvent, JobSummary } from "./events.ts";
import { time, timeText } from "./fields.ts";
import type { Run } from "./run.ts";
import { job as jobSchema, run as runSchema } from "./run.ts";

/** What a change says of a job; the rest of it is one GET away. */
const watchedJob = jobSchema
	.pick({ id: true, key: true, name: true, run: true, state: true, outcome: true, createdAt: true, finishedAt: true })
	.extend({ attemptCount: z.int() })
	.openapi("WatchedJob");
export type WatchedJob = z.infer<typeof watchedJob>;

const watchedRun = runSchema.omit({ jobs: true });
export type WatchedRun = z.infer<typeof watchedRun>;

const seq = z.int().openapi({ description: "grows; `?after=` and `Last-Event-ID` resume behind it" });

/** `jobs` holds the first 1,000, like a run's own. */
const snapshot = z.object({
	type: z.literal("snapshot"),
	seq,
	run: watchedRun.extend({ jobs: z.array(watchedJob) }),
});
const runChanged = z.object({ type: z.literal("run"), seq, at: time, run: watchedRun });
const jobChanged = z.object({ type: z.literal("job"), seq, at: time, job: watchedJob });

export const runEvent = z.discriminatedUnion("type", [snapshot, runChanged, jobChanged]).openapi("RunEvent");
export type RunEvent = z.infer<typeof runEvent>;
export type RunChange = Exclude<RunEvent, { type: "snapshot" }>;

/** A run and its jobs at one version, each as JSON: comparing is all that is done with most of them. */
export interface WatchedState {
	version: number;
	run: string;
	jobs: Map<string, string>;
}

/** One subject that is not as it was. */
export type Changed = { type: "run"; run: WatchedRun } | { type: "job"; job: WatchedJob };

/**
 * What `event` changes: nothing if it is older than the state, `gap` if something before it is missing. One change may come
 * in several events of one version; what a double brings is as it was.
 */
export function decideChange({ version }: WatchedState, { run, since }: ChangeEvent): "apply" | "old" | "gap" {
	if (run === null || run.version < version) return "old";
	if (run.version === version) return "apply";
	return (since ?? run.version - 1) === version ? "apply" : "gap";
}

/** Changes the state; jobs before their run, so that a run that is seen finished has no open job. */
export function applyState(state: WatchedState, run: WatchedRun, jobs: readonly WatchedJob[]): Changed[] {
	const changed: Changed[] = [];
	for (const job of jobs) {
		const text = JSON.stringify(job);
		if (state.jobs.get(job.id) === text) continue;
		state.jobs.set(job.id, text);
		changed.push({ type: "job", job });
	}
	const text = JSON.stringify(run);
	if (state.run !== text) changed.push({ type: "run", run });
	state.run = text;
	state.version = run.version;
	return changed;
}

/** What a change that was told before had done to the state. */
export function replayChange(state: WatchedState, change: RunChange): void {
	if (change.type === "job") state.jobs.set(change.job.id, JSON.stringify(change.job));
	else {
		state.run = JSON.stringify(change.run);
		state.version = change.run.version;
	}
}

const snapshotJobsMax = 1_000;

export function snapshotOf({ run, jobs }: WatchedState, at: number): RunEvent {
	const shown = [...jobs.values()].slice(0, snapshotJobsMax).map((text) => JSON.parse(text) as WatchedJob);
	return { type: "snapshot", seq: at, run: { ...(JSON.parse(run) as WatchedRun), jobs: shown } };
}

export function watchRun({ jobs = [], ...run }: Run): { run: WatchedRun; jobs: WatchedJob[] } {
	const shown = jobs.map(({ id, key, name, run: of, state, outcome, createdAt, finishedAt, attempts }) => ({
		...{ id, key, name, run: of, state, outcome, createdAt, finishedAt, attemptCount: attempts.length },
	}));
	return { run, jobs: shown };
}

export function watchSummary(job: JobSummary): WatchedJob {
	const { id, key, name, run, state, outcome, createdAt, finishedAt, attempts } = job;
	const times = { createdAt: timeText(createdAt), finishedAt: timeText(finishedAt) };
	return { id, key, name, run, state, outcome, ...times, attemptCount: attempts };
}

/** One run's changes for whoever watches it, named `owner/repo/run`. */
export interface FeedCalls {
	/** From the queue or directly: late, double or lost ones cost time and nothing else. Nobody watching: nothing happens. */
	changed(events: ChangeEvent[]): Promise<void>;
	/** The WebSocket of a watcher: `?after=` is the place to go on from. */
	fetch(request: Request): Promise<Response>;
}
