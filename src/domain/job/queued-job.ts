// An unfinished job as the queue knows it: what is stored of it beside its document, and whose it is.
import type { Millis, RunId } from "../ids.ts";
import type { Job, JobState } from "./job.ts";
import { rank } from "./job.ts";
import { deadlineOf } from "./job-deadline.ts";
import { laneKey } from "../queue/queue.ts";

/** What is stored of an unfinished job beside its document: enough to find its place again. */
export interface QueuedJob {
	run: RunId;
	index: number;
	state: Exclude<JobState, "finished">;
	lane: string;
	ref: string | null;
	actor: string;
	/** The runner that was lost with it. */
	avoids: string | null;
	/** Null while it may not be claimed. */
	rank: number | null;
	since: Millis;
	deadline: Millis;
}

export interface PlacedJob extends QueuedJob {
	party: string;
}

export interface QueuedPlace {
	run: RunId;
	index: number;
}

/** Null for a finished job. */
export function queuedJobOf(job: Job): QueuedJob | null {
	const deadline = deadlineOf(job);
	if (job.state === "finished" || deadline === null) return null;
	const queued = job.state === "waiting" && job.notBefore === null;
	const since = job.state === "waiting" || job.state === "blocked" ? job.since : job.createdAt;
	const { run, index, state, ref, actor, avoids } = job;
	return {
		run,
		index,
		state,
		lane: laneKey(job),
		ref,
		actor,
		avoids,
		rank: queued ? rank(job) : null,
		since,
		deadline,
	};
}
