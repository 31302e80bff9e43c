// What a repository's object tells the FeedObject of one run, and how a run and a job look in it.
import type { Millis } from "../../domain/ids.ts";
import { watchedAttemptsMax } from "../../domain/limits.ts";
import type { WatchedRun } from "../http/streams/run-events.ts";
import type { Job, Run } from "../http/run.ts";

/** One change of a run, as its repository sends it directly to the run's FeedObject. */
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
 * One run's changes for whoever watches it, named `owner/repo/run`. Both calls answer until when the feed wants changes; null:
 * it has no watcher.
 */
export interface FeedCalls {
	/** Directly from the repository: late, double or lost ones cost time and nothing else. Nobody watching: nothing happens. */
	changed(updates: RunUpdate[]): Promise<Millis | null>;
	/** There is this version, says the queue: whoever has an older one looks. 0: nothing is said, only asked. */
	heard(version: number): Promise<Millis | null>;
	/** The WebSocket of a watcher: `?after=` is the place to go on from. */
	fetch(request: Request): Promise<Response>;
}

export function watchedRunOf({ jobs = [], ...run }: Run): { run: WatchedRun; jobs: Job[] } {
	return { run, jobs: jobs.map(watchedJobOf) };
}

export function watchedJobOf(job: Job): Job {
	return job.attempts.length <= watchedAttemptsMax
		? job
		: { ...job, attempts: job.attempts.slice(-watchedAttemptsMax) };
}
