// What each command does to a run and its jobs: plain data in, moves out. A `RunView` reads the bounded part of a run that a
// command needs, synchronously; whoever implements it writes all moves of a decision in one transaction or none.

import type { Node } from "./graph.ts";
import { carryOn, nodeReadiness, reopened, skipReason } from "./graph.ts";
import type { JobId, Millis, RunId } from "../ids.ts";
import type { BlockedJob, Cancel, FinishedAttempt, FinishReport, HeldJob, Job, Move } from "../job/job.ts";
import { lapse, ready, reprioritise, retry, skip, start } from "../job/job.ts";
import { timeUp } from "../job/job-deadline.ts";
import { abandon, cancel, finish, isAutomaticRetry, lose, suspect, withhold } from "../job/job-end.ts";
import { reportDigest } from "../job/report-digest.ts";
import type { Result } from "../refusal.ts";
import { accept, assert, refuse } from "../refusal.ts";
import type { Run } from "./run.ts";
import { tally } from "./run.ts";
import type { Cause } from "../job/submission.ts";

export interface RunView {
	run: Run;
	/** Null where the run has no such place. */
	job(index: number): Job | null;
	attempt(index: number, number: number): FinishedAttempt | null;
	/** The whole run's graph, each call a fresh copy. */
	nodes(): Map<number, Node>;
	/** Keys and their places. */
	keys(): Map<string, number>;
	jobs(which: "unfinished" | "finished"): Job[];
}

export interface Decision {
	run: Run;
	moves: Move[];
}

/** A lease as its holder names it. */
export interface LeaseName {
	job: JobId;
	attempt: number;
	epoch: number;
}

/** What a decision is given beside its subject, since it has neither clock nor chance of its own [T2]. */
export interface Circumstances {
	now: Millis;
	/** In [0, 1). */
	random: number;
	/** How many more automatic retries the repository's budget allows; absent: any number. */
	retriesLeft?: number;
}

/** [R7] When the repository's budget for automatic retries is spent, the attempt stands and the job ends as it did. */
function withinBudget(move: Move, retriesLeft: number, now: Millis): Move {
	return isAutomaticRetry(move) && retriesLeft < 1 ? withhold(move, now) : move;
}

/** [D3] Nothing may run before this is answered. Asked again by the same lease, it changes nothing. */
export function decideStart(view: RunView, lease: LeaseName, now: Millis): Result<Decision> {
	const job = view.job(indexOf(lease.job));
	if (job === null) return refuse({ code: "job-unknown" });
	if (job.epoch !== lease.epoch) return refuse({ code: "lease-stale" });
	if (job.state === "leased" && isUnstarted(job, lease)) return accept(settle(view, [start(job, now)], now));
	return holds(job, lease) ? accept(unchanged(view)) : refuse({ code: "lease-stale" });
}

/** [D4] A lease reports once; the same report again changes nothing. Another report, or one by a lease that ended otherwise, is stale. */
export function decideFinish(
	view: RunView,
	lease: LeaseName,
	report: FinishReport,
	{ now, random, retriesLeft = Number.POSITIVE_INFINITY }: Circumstances,
): Result<Decision> {
	const index = indexOf(lease.job);
	const job = view.job(index);
	if (job === null) return refuse({ code: "job-unknown" });
	if (holds(job, lease)) {
		const move = withinBudget(finish(job, report, now, random), retriesLeft, now);
		return accept(settle(view, [move], now));
	}
	if (isUnstarted(job, lease)) return refuse({ code: "lease-not-started" });
	const earlier = view.attempt(index, lease.attempt);
	const isSame =
		earlier?.epoch === lease.epoch &&
		earlier.reported &&
		(earlier.report ?? reportDigest(report)) === reportDigest(report);
	return isSame ? accept(unchanged(view)) : refuse({ code: "lease-stale" });
}

/** [D5] Nobody renewed the lease: what was not started waits again, what ran is lost; an exclusive job's slot is held a while. */
export function decideExpire(
	view: RunView,
	lease: LeaseName,
	{ quietMs, now, isPutOut = false }: { quietMs: number; now: Millis; isPutOut?: boolean },
): Decision {
	const job = view.job(indexOf(lease.job));
	// [N212] A grant lapses by itself, within seconds: whoever was put out must not begin it in these.
	if (isPutOut && job?.state === "leased" && isUnstarted(job, lease)) return settle(view, [lapse(job, now)], now);
	if (job === null || job.epoch !== lease.epoch || !isHeld(job) || job.losesAt !== null) return unchanged(view);
	const move = job.spec.exclusive ? suspect(job, { quietMs, now }) : lose(job, "its runner was lost", now);
	return settle(view, [move], now);
}

/** [D6] The alarm: each job whose deadline has passed moves on. */
export function decideTimeUp(
	view: RunView,
	indexes: number[],
	{ now, random, retriesLeft = Number.POSITIVE_INFINITY }: Circumstances,
): Decision {
	const moves: Move[] = [];
	let left = retriesLeft;
	for (const index of indexes) {
		const job = view.job(index);
		const timed = job && timeUp(job, now, random);
		if (!timed) continue;
		const move = withinBudget(timed, left, now);
		if (isAutomaticRetry(move)) left--;
		moves.push(move);
	}
	return settle(view, moves, now);
}

/** [D7] All that is not finished is canceled; jobs that run are asked to stop. Again, or after everything ended by it: no change. */
export function decideCancelRun(view: RunView, wish: Cancel, supersededBy: RunId | null = null): Result<Decision> {
	const { run } = view;
	if (run.state === "finished") {
		return run.outcome === "canceled" ? accept(unchanged(view)) : refuse({ code: "run-finished" });
	}
	const moves: Move[] = [];
	for (const job of view.jobs("unfinished")) {
		if (job.state !== "finished" && job.state !== "canceling") moves.push(cancel(job, { ...wish, force: false }));
	}
	const patch = { cancel: run.cancel ?? wish, supersededBy: supersededBy ?? run.supersededBy };
	const isNew = moves.length > 0 || patch.cancel !== run.cancel || patch.supersededBy !== run.supersededBy;
	return accept(isNew ? settle(view, moves, wish.at, patch) : unchanged(view));
}

/** [B19] Several jobs of a run at once; those that have ended, or are being canceled, are left alone. */
export function decideCancelJobs(view: RunView, indexes: number[], wish: Cancel): Decision {
	const moves = indexes.flatMap((index): Move[] => {
		const job = view.job(index);
		const isOpen = job !== null && job.state !== "finished" && job.state !== "canceling";
		return isOpen ? [cancel(job, { ...wish, force: false })] : [];
	});
	return settle(view, moves, wish.at);
}

export function decideCancelJob(view: RunView, index: number, wish: Cancel & { force: boolean }): Result<Decision> {
	const job = view.job(index);
	if (job === null) return refuse({ code: "job-unknown" });
	if (job.state === "finished") {
		return job.outcome === "canceled" ? accept(unchanged(view)) : refuse({ code: "job-finished" });
	}
	if (job.state === "canceling" && !wish.force) return accept(unchanged(view));
	const move = job.state === "canceling" ? abandon(job, "freed by force", wish.at) : cancel(job, wish);
	return accept(settle(view, [move], wish.at));
}

/**
 * [D8] One more attempt of a finished job, also while its siblings run; dependants that were skipped wait again. [D14] Whoever
 * names a job overrules its `when`: that one of its needs failed is known, and it runs all the same.
 */
export function decideRetryJob(view: RunView, index: number, cause: Cause): Result<Decision> {
	const job = view.job(index);
	if (job === null) return refuse({ code: "job-unknown" });
	if (job.state !== "finished") return refuse({ code: "job-not-finished", state: job.state });
	return accept(again(view, [index], cause));
}

/** [B1] Several finished jobs of a run in one round; they are known to be finished. */
export function decideRetryJobs(view: RunView, indexes: number[], cause: Cause): Result<Decision> {
	return accept(again(view, indexes, cause));
}

/** [D9] The failed jobs of a run, or all; what still runs is left alone. */
export function decideRetryRun(view: RunView, only: "failed" | "all", cause: Cause): Result<Decision> {
	const indexes = view
		.jobs("finished")
		.filter((job) => only === "all" || (job.state === "finished" && isFailure[job.outcome]))
		.map((job) => job.index);
	return indexes.length === 0 ? refuse({ code: "run-nothing-to-retry", only }) : accept(again(view, indexes, cause));
}

const isFailure: Record<(Job & { state: "finished" })["outcome"], boolean> = {
	passed: false,
	skipped: false,
	failed: true,
	canceled: true,
	"timed-out": true,
	lost: true,
	refused: true,
	expired: true,
};

function again(view: RunView, indexes: number[], cause: Cause): Decision {
	const nodes = view.nodes();
	const waking = [...new Set([...indexes, ...reopened(nodes, indexes)])].sort((a, b) => a - b);
	for (const index of waking) {
		const node = nodes.get(index);
		if (node) node.outcome = null;
	}
	const moves = waking.map((index): Move => {
		const job = view.job(index);
		const node = nodes.get(index);
		assert(job?.state === "finished" && node, `job ${index} is finished`);
		return retry(job, cause, nodeReadiness(node, nodes) === "open");
	});
	const { run } = view;
	const { actor, reason, at } = cause;
	const base: Run = {
		...run,
		round: run.round + 1,
		retried: { actor, reason, at },
		cancel: null,
		supersededBy: null,
		...(run.refusal ? { refusal: null } : {}),
	};
	return { run: tally(base, moves, cause.at), moves };
}

/** [D10] A priority acts on what waits; what runs has none any more. */
export function decidePriority(view: RunView, index: number, priority: number, now: Millis): Result<Decision> {
	const job = view.job(index);
	if (job === null) return refuse({ code: "job-unknown" });
	if (job.state !== "blocked" && job.state !== "waiting") return refuse({ code: "job-not-waiting", state: job.state });
	return accept(job.priority === priority ? unchanged(view) : settle(view, [reprioritise(job, priority)], now));
}

/** [D11] Whatever ended is carried through the graph in the same decision, so no one ever sees a run half settled. */
export function settle(view: RunView, moves: Move[], now: Millis, patch: Partial<Run> = {}): Decision {
	const ended = moves.filter(({ after }) => after.state === "finished" && after.needed).map(({ after }) => after.index);
	const all = [...moves];
	if (ended.length > 0) {
		const nodes = view.nodes();
		for (const { after } of moves) nodes.set(after.index, nodeOf(after));
		for (const { index, readiness: found } of carryOn(nodes, ended)) {
			const job = view.job(index);
			assert(job?.state === "blocked", `job ${index} is blocked`);
			all.push(followed(job, found, { nodes, now }));
		}
	}
	if (all.length === 0 && Object.keys(patch).length === 0) return unchanged(view);
	return { run: tally({ ...view.run, ...patch }, all, now), moves: all };
}

/** A blocked job whose needs let it run, or not. */
export function followed(
	job: BlockedJob,
	found: "ready" | "skip",
	{ nodes, now }: { nodes: ReadonlyMap<number, Node>; now: Millis },
): Move {
	return found === "ready" ? ready(job, now) : skip(job, skipReason(nodeOf(job), nodes, job.spec.needs), now);
}

/** [D12] A lease as its holder should see it: `lost` once it is over, also while an exclusive job's slot is still held. */
export function leaseStateOf(job: Job | null, lease: LeaseName): "ok" | "canceling" | "lost" {
	if (job === null || job.epoch !== lease.epoch) return "lost";
	if (job.state === "leased") return "ok";
	if (!isHeld(job) || job.losesAt !== null) return "lost";
	return job.state === "canceling" ? "canceling" : "ok";
}

export function nodeOf(job: Job): Node {
	return {
		index: job.index,
		needs: job.needs,
		when: job.spec.when,
		allowFailure: job.spec.allowFailure,
		blocked: job.state === "blocked",
		outcome: job.state === "finished" ? job.outcome : null,
	};
}

function unchanged(view: RunView): Decision {
	return { run: view.run, moves: [] };
}

function isHeld(job: Job): job is HeldJob {
	return job.state === "running" || job.state === "canceling";
}

/** The lease is in order, and its attempt has not begun. */
export function isUnstarted(job: Job, lease: LeaseName): boolean {
	return job.state === "leased" && job.epoch === lease.epoch && job.attempts + 1 === lease.attempt;
}

/**
 * Whether what a lease's holder reports of its attempt is taken. [J17] So it is while the slot of a lost exclusive job is
 * held: its holder is asked to stop all the same.
 */
export function holds(job: Job, lease: LeaseName): job is HeldJob {
	return isHeld(job) && job.epoch === lease.epoch && job.attempt.number === lease.attempt;
}

function indexOf(job: JobId): number {
	return Number(job.slice(job.lastIndexOf("-") + 1));
}
