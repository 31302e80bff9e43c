// What a watcher of a run is told, one JSON object each, over WebSocket and SSE alike: its state first, then every change. And
// how a state follows the changes, which may come late, twice or not at all: each carries whole subjects and a version.
import { z } from "@hono/zod-openapi";
import type { Millis } from "../../domain/ids.ts";
import { time } from "./fields.ts";
import type { Job, Run } from "./run.ts";
import { job as jobSchema, run as runSchema } from "./run.ts";

/** Attempts in an event; older ones are one GET away. Without a bound a job that people retry for years would fit no row. */
export const attemptsTold = 20;

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
		`the job as \`GET …/jobs/{job}\` shows it, with its last ${attemptsTold} attempts at most. Its \`waiting\` is as it was ` +
		"when the job changed, and has no `position`: what else happens in the queue changes both, and is no change of the job. " +
		"That, and what becomes of an attempt's log, is told within a minute while the run is unfinished. After a failure of " +
		"the platform changes that followed each other closely may come as one",
});

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
export type Changed = { type: "run"; run: WatchedRun } | { type: "job"; job: Job };

/** One change of a run, as its repository tells it directly to whoever follows it. */
export interface RunUpdate {
	at: Millis;
	run: WatchedRun;
	/** The run's version before: whoever has another one missed something. */
	since: number;
	jobs: Job[];
	/** More jobs of this change follow: only the last part reaches the run's version. */
	isPart?: boolean;
}

/**
 * What `news` changes: nothing if it is older than the state; `gap` if something before it is missing. `doubt`: its repository
 * forgot what it told last, since it slept, so that it cannot be seen whether something is. What a double brings is as it was.
 */
export function decideChange({ version }: WatchedState, { run, since }: RunUpdate): "apply" | "doubt" | "old" | "gap" {
	if (run.version < version) return "old";
	if (run.version === version || since === version) return "apply";
	return since < version ? "doubt" : "gap";
}

/** Changes the state; jobs before their run, so that a run that is seen finished has no open job. `run` null: jobs alone. */
export function applyState(state: WatchedState, run: WatchedRun | null, jobs: readonly Job[]): Changed[] {
	const changed: Changed[] = [];
	for (const job of jobs) {
		const text = JSON.stringify(job);
		if (state.jobs.get(job.id) === text) continue;
		state.jobs.set(job.id, text);
		changed.push({ type: "job", job });
	}
	if (run === null) return changed;
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
	const shown = [...jobs.values()].slice(0, snapshotJobsMax).map((text) => JSON.parse(text) as Job);
	return { type: "snapshot", seq: at, run: { ...(JSON.parse(run) as WatchedRun), jobs: shown } };
}

export function watchRun({ jobs = [], ...run }: Run): { run: WatchedRun; jobs: Job[] } {
	return { run, jobs: jobs.map(watchJob) };
}

export function watchJob(job: Job): Job {
	return job.attempts.length <= attemptsTold ? job : { ...job, attempts: job.attempts.slice(-attemptsTold) };
}

/** One run's changes for whoever watches it, named `owner/repo/run`. Both answer until when it wants to be told; null: nobody watches. */
export interface FeedCalls {
	/** Directly from the repository: late, double or lost ones cost time and nothing else. Nobody watching: nothing happens. */
	changed(news: RunUpdate[]): Promise<Millis | null>;
	/** There is this version, says the queue: whoever has an older one looks. 0: nothing is said, only asked. */
	heard(version: number): Promise<Millis | null>;
	/** The WebSocket of a watcher: `?after=` is the place to go on from. */
	fetch(request: Request): Promise<Response>;
}
