// A run as the sum of its jobs: accepted with them, moved by their moves, finished with the last.
import { meaningOf } from "./graph.ts";
import type { Millis, RunId } from "../ids.ts";
import type { Cancel, Job, JobState, Move } from "../job/job.ts";
import { assert } from "../refusal.ts";
import type { Cause, Source, Submission, Trigger } from "../job/submission.ts";

export type RunState = "accepted" | "running" | "finished";
export type RunOutcome = "passed" | "failed" | "canceled" | "refused";
export type Counts = Record<JobState, number>;

export interface Run {
	id: RunId;
	number: number;
	round: number;
	state: RunState;
	outcome: RunOutcome | null;
	title: string | null;
	source: Source | null;
	trigger: Trigger;
	/** Whether it is a fork's, so that most secrets are not for it. Absent in what was stored before it was kept. */
	fork?: boolean;
	actor: string;
	counts: Counts;
	/** Jobs that ended otherwise than well, by what they mean for the run. Those that may fail are not in it. */
	bad: { failed: number; canceled: number };
	jobs: number;
	/** Grows with every change anybody can see: the read model keeps the highest. Never behind the clock in milliseconds. */
	version: number;
	createdAt: Millis;
	startedAt: Millis | null;
	finishedAt: Millis | null;
	cancel: Cancel | null;
	/** Who began the present round, and why; null in the first. Absent in what was stored before it was kept. */
	retried?: Omit<Cause, "by"> | null;
	supersededBy: RunId | null;
	/** [Y4] Why nothing of it was run, though it had been accepted. Absent: it could be run, or was retried since. */
	refusal?: string | null;
}

const noCounts: Counts = { blocked: 0, waiting: 0, leased: 0, running: 0, canceling: 0, finished: 0 };

/** Without jobs yet: its version and counts come with the moves that add them, by `tally`. */
export function createRun(id: RunId, number: number, submission: Submission & { fork: boolean }, now: Millis): Run {
	const { source, title, trigger, fork, actor } = submission;
	return {
		id,
		number,
		round: 1,
		state: "accepted",
		outcome: null,
		title,
		source: source ?? null,
		trigger,
		fork,
		actor,
		counts: noCounts,
		bad: { failed: 0, canceled: 0 },
		jobs: 0,
		version: 0,
		createdAt: now,
		startedAt: null,
		finishedAt: null,
		cancel: null,
		retried: null,
		supersededBy: null,
	};
}

/**
 * [U1] The run after its jobs' moves: counts, state, outcome, a higher version. The version also keeps up with the clock, so
 * that one which was never stored is not used again after a crash.
 */
export function tally(run: Run, moves: readonly Move[], now: Millis): Run {
	const counts = { ...run.counts };
	const bad = { ...run.bad };
	let { jobs } = run;
	for (const { before, after } of moves) {
		if (before === null) jobs++;
		else {
			counts[before.state]--;
			weigh(bad, before, -1);
		}
		counts[after.state]++;
		weigh(bad, after, 1);
	}
	assert(jobs === Object.values(counts).reduce((sum, count) => sum + count, 0), "a run's counts are its jobs");
	// Without a job it would be finished before its first one is added.
	const finished = jobs > 0 && counts.finished === jobs;
	// A run that is retried before anything ran is accepted again; once started it stays so [U3].
	const started = run.startedAt !== null || counts.running + counts.canceling > 0;
	return {
		...run,
		counts,
		bad,
		jobs,
		version: Math.max(run.version + 1, now),
		state: finished ? "finished" : started ? "running" : "accepted",
		outcome: finished ? outcomeOf(run, bad) : null,
		startedAt: run.startedAt ?? (started ? now : null),
		finishedAt: finished ? (run.finishedAt ?? now) : null,
	};
}

/** [U2] A cancel names the outcome if it stopped any job; else one bad end fails the run; else it passed. */
function outcomeOf(run: Run, bad: Run["bad"]): RunOutcome {
	if (run.refusal) return "refused";
	if (run.cancel !== null && bad.canceled > 0) return "canceled";
	if (bad.failed > 0) return "failed";
	return bad.canceled > 0 ? "canceled" : "passed";
}

function weigh(bad: Run["bad"], job: Job, by: 1 | -1): void {
	const weight = weightOf(job);
	if (weight !== null) bad[weight] += by;
}

/** What a job's end means for its run; null while it is unfinished, ended well or may fail. */
export function weightOf(job: Job): keyof Run["bad"] | null {
	if (job.state !== "finished") return null;
	const meaning = meaningOf[job.outcome];
	return meaning === "canceled" || (meaning === "failed" && !job.spec.allowFailure) ? meaning : null;
}

/** Whether a change must be stored with the run itself: counts are summed up from its jobs, and a version outlives no crash. */
export function needsRow(before: Run | null, after: Run): boolean {
	if (before === null) return true;
	return (["state", "outcome", "round", "startedAt", "finishedAt", "cancel", "supersededBy"] as const).some(
		(field) => before[field] !== after[field],
	);
}
