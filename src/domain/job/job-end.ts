// The moves that end an attempt, or ask it to end, and what each makes of its job: finished, or waiting for another attempt.
// There are four faults: the job's own, which its rules decide about; a runner that was lost, which reports nothing any
// more; a runner that stopped the job for reasons of its own, and says so; and a machine that could not run the job.
import type { Millis } from "../ids.ts";
import type {
	Cancel,
	CancelingJob,
	FinishedAttempt,
	FinishedJob,
	FinishReport,
	HeldJob,
	LogRecord,
	Move,
	OpenJob,
	PlatformFault,
	RunningJob,
	StepRecord,
	WaitingJob,
} from "./job.ts";
import { baseOf, end, noFaults, wait } from "./job.ts";
import { cancelMarginMs, exclusiveMarginMs, graceSeconds, stopAfterSeconds } from "../limits.ts";
import { reportDigest } from "./report-digest.ts";
import type { Next } from "./retry.ts";
import { decideAfterInterruption, decideAfterLoss, decideAfterMachineFault, decideRetry } from "./retry.ts";
import type { Cause } from "./submission.ts";

/**
 * [J5] A job that passes before a cancel reaches it has `passed`; whatever else a canceling job reports, it is `canceled`
 * and not retried. [J6] A failed attempt runs again when its rules say so. `random` is in [0, 1).
 */
export function finish(
	job: HeldJob,
	report: FinishReport,
	now: Millis,
	random: number,
): Move<WaitingJob | FinishedJob> {
	const { platformFault = null } = report;
	if (platformFault !== null && job.state === "running" && report.outcome !== "passed") {
		return platformFault === "machine-fault"
			? failMachine(job, { ...report, platformFault }, now)
			: interrupt(job, { ...report, platformFault }, now);
	}
	const outcome = job.state === "canceling" && report.outcome !== "passed" ? "canceled" : report.outcome;
	const used = job.used + 1;
	const next = nextOf({ ...report, outcome }, job, { used, now, random });
	const attempt = { ...close(job, { ...report, outcome, next }, now), ...digestOf(report) };
	const base = { ...baseOf(job), used, ...noFaults, avoids: null };
	if (next !== null && "at" in next) {
		const cause: Cause = { by: "rule", actor: null, reason: failureText(report), at: now };
		return { before: job, after: wait({ ...base, cause }, now, next.at), attempt };
	}
	const reason = outcome === "canceled" ? cancelReason(job, report.reason) : report.reason;
	return { before: job, after: end(base, outcome, reason, now), attempt };
}

function nextOf(report: FinishReport, job: HeldJob, context: { used: number; now: Millis; random: number }): Next {
	switch (report.outcome) {
		case "passed":
			return null;
		case "canceled":
			return { withheld: "canceled" };
		case "failed":
		case "timed-out":
		case "refused":
			return decideRetry(job.spec.retry, { ...report, outcome: report.outcome }, context);
	}
}

const interruptionText: Record<Interruption, string> = {
	drained: "its runner was drained",
	"cut-off": "its runner was cut off from the server",
};

type Interruption = Exclude<PlatformFault, "lost" | "machine-fault">;

/**
 * [J16] The job did nothing wrong and its runner is not lost: it stopped the job and says why. No attempt is used up, another
 * runner is preferred, and a row of losses is neither ended nor prolonged by it. An exclusive job's slot is free at once,
 * since its runner itself says that nothing runs any more.
 */
function interrupt(
	job: RunningJob,
	report: FinishReport & { platformFault: Interruption },
	now: Millis,
): Move<WaitingJob | FinishedJob> {
	// What was stored before there were interruptions has no such field.
	const interruptions = (job.interruptions ?? 0) + 1;
	const next = decideAfterInterruption(job.spec.onLost, interruptions, now);
	const reason = "at" in next ? null : report.reason;
	const words = reason ?? interruptionText[report.platformFault];
	return endByPlatform(job, { report, next, reason: words, patch: { interruptions } }, now);
}

/**
 * [J18] The machine could not run the job: a full disk, a hook, a program that is not there. No attempt is used up, and a row of
 * losses or stops goes on. `onLost` protects what began: where the report says that no step of the job's own did, it is not asked.
 */
function failMachine(
	job: RunningJob,
	report: FinishReport & { platformFault: "machine-fault" },
	now: Millis,
): Move<WaitingJob | FinishedJob> {
	const machineFaults = (job.machineFaults ?? 0) + 1;
	const onLost = mayHaveBegun(job, report.steps) ? job.spec.onLost : "retry";
	const next = decideAfterMachineFault(onLost, machineFaults, now);
	const said = report.reason === null ? "" : `: ${report.reason}`;
	const isPoison = "withheld" in next && next.withheld === "poison";
	const who = isPoison ? `${machineFaults} runners in a row could not run it, the last` : "its runner could not run it";
	return endByPlatform(job, { report, next, reason: `${who}${said}`, patch: { machineFaults } }, now);
}

/** The job's own steps are the last of those that are reported; the runner's, as a checkout, come before them. None reported: it is unknown. */
function mayHaveBegun({ spec }: RunningJob, steps: readonly StepRecord[]): boolean {
	if (steps.length < spec.steps.length) return true;
	return steps.slice(-spec.steps.length).some(({ startedAt }) => startedAt !== null);
}

function endByPlatform(
	job: RunningJob,
	ending: {
		report: FinishReport & { platformFault: Exclude<PlatformFault, "lost"> };
		next: Exclude<Next, null>;
		reason: string;
		patch: Partial<RunningJob>;
	},
	now: Millis,
): Move<WaitingJob | FinishedJob> {
	const { report, next, reason, patch } = ending;
	const attempt = { ...close(job, { ...report, outcome: "lost", next }, now), ...digestOf(report) };
	const base = { ...baseOf({ ...job, ...patch }), avoids: job.lease.runner.id };
	if ("at" in next) {
		const cause: Cause = { by: "platform", actor: null, reason, at: now };
		return { before: job, after: wait({ ...base, cause }, now, next.at), attempt };
	}
	return { before: job, after: end(base, "lost", reason, now), attempt };
}

/** Whether a move makes a job wait for another attempt because its own rule says so. */
export function isAutomaticRetry(move: Move): move is Move<WaitingJob> & { attempt: FinishedAttempt } {
	return move.attempt !== undefined && move.after.state === "waiting" && move.after.cause.by === "rule";
}

/** The retry is not granted: the job ends as its attempt did. */
export function withhold(move: Move<WaitingJob> & { attempt: FinishedAttempt }, now: Millis): Move<FinishedJob> {
	const attempt: FinishedAttempt = { ...move.attempt, next: { withheld: "budget" } };
	return { ...move, after: end(move.after, attempt.outcome, attempt.reason, now), attempt };
}

/**
 * [J7] The runner was lost after it had been quiet for `quietMs` at least. An exclusive job's slot is held until its runner
 * must have stopped it; only then it moves on.
 */
export function suspect(job: HeldJob, { quietMs, now }: { quietMs: number; now: Millis }): Move<HeldJob> {
	const stopsInMs = Math.max(0, stopAfterSeconds * 1_000 - quietMs);
	return { before: job, after: { ...job, losesAt: now + stopsInMs + exclusiveMarginMs } };
}

/** [J8] A lost attempt is a platform fault: it uses up no attempt and has its own bound. A canceling job is `canceled`. */
export function lose(job: HeldJob, reason: string, now: Millis): Move<WaitingJob | FinishedJob> {
	if (job.state === "canceling") return abandon(job, reason, now);
	const losses = job.losses + 1;
	const next = decideAfterLoss(job.spec, losses, now);
	const attempt = close(job, { ...silence, platformFault: "lost", outcome: "lost", reason, next }, now);
	const base = { ...baseOf(job), losses, avoids: job.lease.runner.id };
	if ("at" in next) {
		const cause: Cause = { by: "platform", actor: null, reason, at: now };
		return { before: job, after: wait({ ...base, cause }, now, next.at), attempt };
	}
	return { before: job, after: end(base, "lost", reason, now), attempt };
}

/** [J9] The runner should have ended it by itself; the object does, a little later. */
export function overrun(job: RunningJob, now: Millis, random: number): Move<WaitingJob | FinishedJob> {
	const reason = `ran past its timeout of ${job.spec.timeoutSeconds} s, and its runner did not end it`;
	return finish(job, { ...silence, outcome: "timed-out", reason, logLength: -1 }, now, random);
}

/** Freed without waiting for the runner: its grace is over, it was lost, or somebody forced it. */
export function abandon(job: CancelingJob, reason: string | null, now: Millis): Move<FinishedJob> {
	const attempt = close(job, { ...silence, outcome: "canceled", reason, next: { withheld: "canceled" } }, now);
	return {
		before: job,
		after: end({ ...baseOf(job), ...noFaults }, "canceled", cancelReason(job, reason), now),
		attempt,
	};
}

/** [J10] What does not run yet is canceled at once; what runs is asked to stop, unless `force` frees it now. */
export function cancel(job: OpenJob, request: Cancel & { force: boolean }): Move<CancelingJob | FinishedJob> {
	const { force, ...wish } = request;
	switch (job.state) {
		case "blocked":
		case "waiting":
		case "leased":
			return { before: job, after: end(job, "canceled", wish.reason, wish.at) };
		case "running":
		case "canceling": {
			const canceling: CancelingJob = {
				...baseOf(job),
				state: "canceling",
				lease: job.lease,
				attempt: job.attempt,
				cancel: job.state === "canceling" ? job.cancel : wish,
				killedAt: job.state === "canceling" ? job.killedAt : wish.at + graceSeconds * 1_000 + cancelMarginMs,
				losesAt: job.losesAt,
			};
			if (force) return { ...abandon(canceling, "freed by force", wish.at), before: job };
			return { before: job, after: canceling };
		}
	}
}

/** The report of a runner that says nothing any more. */
const silence: Omit<FinishReport, "outcome"> = {
	exitCode: null,
	signal: null,
	reason: null,
	steps: [],
	logLength: -1,
	logSha256: null,
	retryAfterSeconds: null,
};

function close(
	job: HeldJob,
	report: Omit<FinishReport, "outcome" | "platformFault"> & Pick<FinishedAttempt, "outcome" | "platformFault" | "next">,
	now: Millis,
): FinishedAttempt {
	const { outcome, exitCode, signal, reason, steps, logLength, logSha256, next } = report;
	return {
		...job.attempt,
		job: job.id,
		epoch: job.epoch,
		runner: job.lease.runner,
		reported: logLength >= 0,
		commit: report.commit ?? null,
		outcome,
		platformFault: outcome === "lost" ? (report.platformFault ?? null) : null,
		exitCode,
		signal,
		reason,
		finishedAt: now,
		steps,
		log: { state: "sealing", length: logLength < 0 ? null : logLength, sha256: null, missing: [] },
		logSha256,
		next,
	};
}

function digestOf(report: FinishReport): Pick<FinishedAttempt, "report"> {
	return report.logLength < 0 ? {} : { report: reportDigest(report) };
}

/**
 * The attempt once its log is sealed, or deleted. [D16] If its end named no steps, because no runner reported one or it came without them,
 * it takes the steps that its runner had reported last; one that had not ended stays as it was.
 */
export function seal(attempt: FinishedAttempt, log: LogRecord, reportedSteps: StepRecord[]): FinishedAttempt {
	return { ...attempt, log, steps: attempt.steps.length > 0 ? attempt.steps : reportedSteps };
}

function cancelReason(job: HeldJob, otherwise: string | null): string | null {
	return job.state === "canceling" ? (job.cancel.reason ?? otherwise) : otherwise;
}

function failureText(report: FinishReport): string {
	if (report.exitCode !== null) return `${report.outcome} with exit code ${report.exitCode}`;
	return report.signal === null ? report.outcome : `${report.outcome} by signal ${report.signal}`;
}
