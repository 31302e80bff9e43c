// A job by state, and one function per legal move. A move takes the state it starts from, so an illegal one does not compile.
// The moves that end an attempt stand in job-end.ts, those that time alone makes in job-deadline.ts.
//
//   blocked ──ready──► waiting ──grant──► leased ──start──► running ──cancel──► canceling
//      │ skip            │  ▲ ▲             │                 │  │                 │
//      │                 │  │ └────lapse────┘                 │  │                 │
//      ▼                 ▼  └──────────finish, lose (again)───┘  ▼                 ▼
//   finished ◄──expire, cancel──────────────────────────────── finish, lose, overrun
//      └──retry──► waiting or blocked

import type { JobId, LeaseId, Millis, RunId } from "../ids.ts";
import { jobIdFrom, leaseIdFrom } from "../ids.ts";
import {
	agingMs,
	blockedMaxMs,
	lapseBackoffMaxMs,
	lapseBackoffMs,
	overrunMarginMs,
	startBySeconds,
	startMarginMs,
} from "../limits.ts";
import type { Next } from "./retry.ts";
import type { Cause, JobSpec } from "./submission.ts";

export type Outcome = "passed" | "failed" | "canceled" | "timed-out" | "lost" | "refused" | "skipped" | "expired";
/**
 * What befell an attempt through no fault of its own: its runner was not heard of any more; or it stopped the job, since it
 * was drained itself, or since it could not reach the server and the job is exclusive; or its machine could not run the job.
 */
export type PlatformFault = "lost" | "drained" | "cut-off" | "machine-fault";
export type ReportedOutcome = "passed" | "failed" | "timed-out" | "canceled" | "refused";

export interface RunnerName {
	id: string;
	name: string;
}

export interface StepRecord {
	name: string;
	exitCode: number | null;
	startedAt: Millis | null;
	finishedAt: Millis | null;
	logStart: number | null;
	logEnd: number | null;
}

export type LogState = "live" | "sealing" | "sealed" | "partial" | "mismatch" | "deleted";

/** `missing` are ranges [from, to) that were declared and never came; `to` is null where nobody knows the end. */
export interface LogRecord {
	state: LogState;
	length: number | null;
	sha256: string | null;
	missing: { from: number; to: number | null }[];
	/** Until when its archive is kept; absent: for ever, or it is not there yet. */
	expiresAt?: Millis;
}

/** An attempt exists once started. While it is open it lives inside its job; finished, it is written once and stands. */
export interface OpenAttempt {
	number: number;
	startedAt: Millis;
	cause: Cause;
}

export interface FinishedAttempt extends OpenAttempt {
	job: JobId;
	epoch: number;
	runner: RunnerName;
	/** Whether the runner itself reported the end; else the object gave it up, and a late report is stale. */
	reported: boolean;
	/** Digest of its report; absent where it reported nothing, and in attempts that were stored before it was kept. */
	report?: string;
	commit: string | null;
	outcome: ReportedOutcome | "lost";
	/** Exactly where it was `lost`; absent in what was stored before there was more than one. */
	platformFault?: PlatformFault | null;
	exitCode: number | null;
	signal: string | null;
	reason: string | null;
	finishedAt: Millis;
	steps: StepRecord[];
	log: LogRecord;
	/** The digest that its runner declared of the log, for whoever seals it; absent in what was stored before it was kept. */
	logSha256?: string | null;
	next: Next;
}

interface JobBase {
	id: JobId;
	run: RunId;
	index: number;
	spec: JobSpec;
	createdAt: Millis;
	/** Places in the run of the jobs this one needs. */
	needs: number[];
	/** Whether a later job needs this one: only then must its end be carried on. */
	needed: boolean;
	priority: number;
	/** The last lease's epoch; 0 before the first grant. */
	epoch: number;
	/** Attempts started, those of them that count against `maxAttempts`; in a row, runners lost, and runners that stopped it. */
	attempts: number;
	used: number;
	losses: number;
	interruptions: number;
	/** Machines in a row that could not run it; absent in what was stored before they were counted. */
	machineFaults?: number;
	/** Whose it is, for fairness: the branch of its run and who asked for it. */
	ref: string | null;
	actor: string;
	/** The runner that was lost with its last attempt, or stopped it: another is preferred. */
	avoids: RunnerName["id"] | null;
	/** No attempt begins before it, whatever else is ready; null: at once. */
	startsAt: Millis | null;
	/** Why the next (or the open) attempt runs. */
	cause: Cause;
}

/** The scheduler moves it out when its needs are finished; the alarm at `expiresAt`; a cancel. */
export interface BlockedJob extends JobBase {
	state: "blocked";
	since: Millis;
	expiresAt: Millis;
}

/** A claim moves it out; the alarm at `expiresAt`; a cancel. `notBefore` is null once it may be claimed. */
export interface WaitingJob extends JobBase {
	state: "waiting";
	since: Millis;
	expiresAt: Millis;
	notBefore: Millis | null;
	/** Grants in a row that nobody started. */
	lapses: number;
	/** Why it is held back until `notBefore`; absent: it is not. */
	heldBack?: string;
}

export interface Lease {
	id: LeaseId;
	runner: RunnerName;
	pool: string;
	shard: number;
	grantedAt: Millis;
}

/** The runner's start moves it out; the alarm at `lapsesAt`; a cancel. */
export interface LeasedJob extends JobBase {
	state: "leased";
	lease: Lease;
	lapsesAt: Millis;
	lapses: number;
	expiresAt: Millis;
}

/** The runner's finish moves it out; its loss; the alarm at `overrunsAt`; a cancel. `losesAt` is set while the slot of a lost exclusive job is still held. */
export interface RunningJob extends JobBase {
	state: "running";
	lease: Lease;
	attempt: OpenAttempt;
	overrunsAt: Millis;
	losesAt: Millis | null;
}

/** The runner's finish moves it out; its loss; the alarm at `killedAt`. */
export interface CancelingJob extends JobBase {
	state: "canceling";
	lease: Lease;
	attempt: OpenAttempt;
	cancel: Cancel;
	killedAt: Millis;
	losesAt: Millis | null;
}

/** Only an explicit retry moves it out. */
export interface FinishedJob extends JobBase {
	state: "finished";
	outcome: Outcome;
	reason: string | null;
	finishedAt: Millis;
}

export interface Cancel {
	actor: string | null;
	reason: string | null;
	at: Millis;
}

export type HeldJob = RunningJob | CancelingJob;
export type OpenJob = BlockedJob | WaitingJob | LeasedJob | HeldJob;
export type Job = OpenJob | FinishedJob;
export type JobState = Job["state"];

/** What one move did. `attempt` is the one that it finished. */
export interface Move<J extends Job = Job> {
	before: Job | null;
	after: J;
	attempt?: FinishedAttempt;
}

export interface NewJob {
	run: RunId;
	index: number;
	spec: JobSpec;
	needs: number[];
	needed: boolean;
	ref: string | null;
	actor: string;
	cause: Cause;
}

/** A job without needs waits at once. */
export function create(job: NewJob, now: Millis): BlockedJob | WaitingJob {
	const base: JobBase = {
		...job,
		id: jobIdFrom(job.run, job.index),
		createdAt: now,
		priority: job.spec.priority,
		epoch: 0,
		attempts: 0,
		used: 0,
		...noFaults,
		avoids: null,
		startsAt: job.spec.notBefore,
	};
	return job.needs.length > 0 ? block(base, now) : wait(base, now, null);
}

/** [Q1] Static, so that the queue never needs sorting again: lower goes first. */
export function rank(job: { createdAt: Millis; priority: number }): number {
	return job.createdAt - job.priority * agingMs;
}

export function ready(job: BlockedJob, now: Millis): Move<WaitingJob> {
	return { before: job, after: wait(baseOf(job), now, null) };
}

export function skip(job: BlockedJob, reason: string, now: Millis): Move<FinishedJob> {
	return { before: job, after: end(job, "skipped", reason, now) };
}

/** [J2] Each grant raises the epoch; whatever an earlier lease says from then on is stale. */
export function grant(
	job: WaitingJob,
	{ runner, pool, shard }: { runner: RunnerName; pool: string; shard: number },
	now: Millis,
): Move<LeasedJob> {
	const epoch = job.epoch + 1;
	const { notBefore: _, since: __, heldBack: ___, ...rest } = job;
	const lease: Lease = { id: leaseIdFrom(job.id, epoch), runner, pool, shard, grantedAt: now };
	const lapsesAt = now + startBySeconds * 1_000 + startMarginMs;
	return { before: job, after: { ...rest, state: "leased", epoch, lease, lapsesAt } };
}

/** [J3] A grant nobody started lapses: the job waits again, with backoff, and no attempt is used up. */
export function lapse(job: LeasedJob, now: Millis): Move<WaitingJob | FinishedJob> {
	if (now >= job.expiresAt) return { before: job, after: end(job, "expired", "waited past its queue timeout", now) };
	const backoff = Math.min(lapseBackoffMs * 2 ** job.lapses, lapseBackoffMaxMs);
	const waiting: WaitingJob = {
		...baseOf(job),
		state: "waiting",
		since: now,
		expiresAt: job.expiresAt,
		notBefore: now + backoff,
		lapses: job.lapses + 1,
	};
	return { before: job, after: waiting };
}

/** The backoff is over, or the instant for which the job was meant has come. */
export function promote(job: WaitingJob): Move<WaitingJob> {
	const { heldBack: _, ...rest } = job;
	return { before: job, after: { ...rest, notBefore: null } };
}

/** [B36] What it needs cannot be had at present: it holds up no other job meanwhile. Its queue timeout goes on. */
export function holdBack(job: WaitingJob, { reason, until }: { reason: string; until: Millis }): Move<WaitingJob> {
	return { before: job, after: { ...job, notBefore: until, heldBack: reason } };
}

export function expireWait(job: BlockedJob | WaitingJob, now: Millis): Move<FinishedJob> {
	const reason = job.state === "blocked" ? "its needs did not finish in time" : "waited past its queue timeout";
	return { before: job, after: end(job, "expired", reason, now) };
}

/** What it needs is not there: it is not handed to a runner that could only fail it. */
export function refuseJob(job: WaitingJob, reason: string, now: Millis): Move<FinishedJob> {
	return { before: job, after: end(job, "refused", reason, now) };
}

/** [Y4] A new job of a run that was accepted and cannot be run any more: it ends where it begins, and a retry moves it. */
export function refuseNew(job: BlockedJob | WaitingJob, reason: string, now: Millis): Move<FinishedJob> {
	return { before: null, after: end(job, "refused", reason, now) };
}

/** [J4] The attempt begins here: its number is never used again. */
export function start(job: LeasedJob, now: Millis): Move<RunningJob> {
	const attempts = job.attempts + 1;
	const running: RunningJob = {
		...baseOf(job),
		state: "running",
		attempts,
		lease: job.lease,
		attempt: { number: attempts, startedAt: now, cause: job.cause },
		overrunsAt: now + job.spec.timeoutSeconds * 1_000 + overrunMarginMs,
		losesAt: null,
	};
	return { before: job, after: running };
}

export interface FinishReport {
	outcome: ReportedOutcome;
	exitCode: number | null;
	signal: string | null;
	reason: string | null;
	steps: StepRecord[];
	logLength: number;
	logSha256: string | null;
	retryAfterSeconds: number | null;
	/** What the runner checked out, where the run names a source. */
	commit?: string | null;
	/** That the runner stopped the job for reasons of its own, or could not run it. */
	platformFault?: Exclude<PlatformFault, "lost"> | null;
}

/** [J11] An explicit retry makes a new attempt. A job whose needs are open again is blocked again. */
export function retry(job: FinishedJob, cause: Cause, open: boolean): Move<BlockedJob | WaitingJob> {
	// One that was skipped waits again because of another: the instant for which it was meant still holds.
	const startsAt = job.outcome === "skipped" ? job.startsAt : null;
	const base: JobBase = { ...baseOf(job), ...noFaults, avoids: null, startsAt, cause };
	return { before: job, after: open ? block(base, cause.at) : wait(base, cause.at, null) };
}

export function reprioritise<J extends BlockedJob | WaitingJob>(job: J, priority: number): Move<J> {
	return { before: job, after: { ...job, priority } };
}

/** Rows of faults of the platform begin anew. */
export const noFaults = { losses: 0, interruptions: 0, machineFaults: 0 };

/** The fields every state has; what belonged to the state that a job leaves stays behind. */
export function baseOf(job: JobBase): JobBase {
	const { id, run, index, spec, createdAt, needs, needed, priority, ref, actor, startsAt } = job;
	const { epoch, attempts, used, losses, interruptions, machineFaults = 0, avoids, cause } = job;
	return {
		...{ id, run, index, spec, createdAt, needs, needed, priority, ref, actor, startsAt },
		...{ epoch, attempts, used, losses, interruptions, machineFaults, avoids, cause },
	};
}

function block(base: JobBase, now: Millis): BlockedJob {
	return { ...base, state: "blocked", since: now, expiresAt: now + blockedMaxMs };
}

/** The queue timeout begins anew whenever a job begins to wait: it bounds each wait, not their sum; a backoff comes on top. */
export function wait(base: JobBase, now: Millis, backoffUntil: Millis | null): WaitingJob {
	const latest = Math.max(backoffUntil ?? now, base.startsAt ?? now);
	const notBefore = latest > now || backoffUntil !== null ? latest : null;
	const expiresAt = latest + base.spec.queueTimeoutSeconds * 1_000;
	return { ...base, state: "waiting", since: now, expiresAt, notBefore, lapses: 0 };
}

export function end(base: JobBase, outcome: Outcome, reason: string | null, now: Millis): FinishedJob {
	return { ...baseOf(base), state: "finished", outcome, reason, finishedAt: now };
}
