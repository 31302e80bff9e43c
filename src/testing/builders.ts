// The domain's things, ready for a test: every field has a plain value, and the test names only those that it is about.
import type { Millis, RunId } from "../domain/ids.ts";
import { jobIdFrom, leaseIdFrom } from "../domain/ids.ts";
import type {
	BlockedJob,
	CancelingJob,
	FinishedJob,
	FinishReport,
	Job,
	JobState,
	LeasedJob,
	Outcome,
	RunnerName,
	RunningJob,
	WaitingJob,
} from "../domain/job/job.ts";
import type { Run } from "../domain/run/run.ts";
import type { Cause, JobRequest, JobSpec, RepositorySettings, Submission } from "../domain/job/submission.ts";
import { resolveSpec, settingsDefaults } from "../domain/job/submission.ts";
import { noon } from "./clock.ts";

export interface JobByState {
	blocked: BlockedJob;
	waiting: WaitingJob;
	leased: LeasedJob;
	running: RunningJob;
	canceling: CancelingJob;
	finished: FinishedJob;
}

export const jobStates: readonly JobState[] = ["blocked", "waiting", "leased", "running", "canceling", "finished"];

export const outcomes: readonly Outcome[] = [
	"passed",
	"failed",
	"canceled",
	"timed-out",
	"lost",
	"refused",
	"skipped",
	"expired",
];

export function aRunId(name = "a"): RunId {
	return `r${name.padEnd(24, "a")}`;
}

export function aRunner(patch: Partial<RunnerName> = {}): RunnerName {
	return { id: "runner-1", name: "one", ...patch };
}

export function aCause(patch: Partial<Cause> = {}): Cause {
	return { by: "submit", actor: "dev@example.com", reason: null, at: noon, ...patch };
}

export function aSpec(request: Partial<JobRequest> = {}): JobSpec {
	return resolveSpec({ key: "test", run: "npm test", ...request }, settingsDefaults.defaults);
}

export function someSettings(patch: Partial<RepositorySettings> = {}): RepositorySettings {
	return { ...settingsDefaults, ...patch };
}

export function aSubmission(jobs: JobRequest[], patch: Partial<Submission> = {}): Submission {
	const rest = {
		source: null,
		title: null,
		trigger: "api",
		actor: "dev@example.com",
		cancelSuperseded: false,
	} as const;
	return { ...rest, jobs, ...patch };
}

/** A job in `state` as it stands a second after it came there; `finished` means `passed` unless the patch says otherwise. */
export function aJob<S extends JobState>(state: S, patch: Partial<JobByState[S]> = {}): JobByState[S] {
	return { ...jobIn[state](patch.epoch ?? 1), ...patch };
}

/** Of any state, for tables. */
export function anyJob(state: JobState): Job {
	return aJob(state);
}

const enteredAt: Millis = noon - 1_000;

const jobIn: { [S in JobState]: (epoch: number) => JobByState[S] } = {
	blocked: () => ({ ...base(0), state: "blocked", needs: [0], since: enteredAt, expiresAt: noon + 86_400_000 }),
	waiting: () => ({
		...base(0),
		state: "waiting",
		since: enteredAt,
		expiresAt: noon + 3_600_000,
		notBefore: null,
		lapses: 0,
	}),
	leased: (epoch) => ({
		...base(epoch),
		state: "leased",
		lease: aLease(epoch),
		lapsesAt: noon + 11_000,
		lapses: 0,
		expiresAt: noon + 3_600_000,
	}),
	running: (epoch) => ({
		...base(epoch),
		state: "running",
		attempts: 1,
		lease: aLease(epoch),
		attempt: { number: 1, startedAt: enteredAt, cause: aCause() },
		overrunsAt: noon + 3_600_000,
		losesAt: null,
	}),
	canceling: (epoch) => ({
		...base(epoch),
		state: "canceling",
		attempts: 1,
		lease: aLease(epoch),
		attempt: { number: 1, startedAt: enteredAt, cause: aCause() },
		cancel: { actor: "dev@example.com", reason: "no longer wanted", at: enteredAt },
		killedAt: noon + 40_000,
		losesAt: null,
	}),
	finished: (epoch) => ({
		...base(epoch),
		state: "finished",
		attempts: 1,
		used: 1,
		outcome: "passed",
		reason: null,
		finishedAt: enteredAt,
	}),
};

function base(epoch: number) {
	const run = aRunId();
	return {
		id: jobIdFrom(run, 1),
		run,
		index: 1,
		spec: aSpec(),
		createdAt: noon - 60_000,
		needs: [],
		needed: false,
		priority: 0,
		epoch,
		attempts: 0,
		used: 0,
		losses: 0,
		interruptions: 0,
		machineFaults: 0,
		ref: null,
		actor: "dev@example.com",
		avoids: null,
		startsAt: null,
		cause: aCause(),
	};
}

function aLease(epoch: number) {
	return {
		id: leaseIdFrom(jobIdFrom(aRunId(), 1), epoch),
		runner: aRunner(),
		pool: "default",
		shard: 0,
		grantedAt: noon - 2_000,
	};
}

export function aReport(patch: Partial<FinishReport> = {}): FinishReport {
	return {
		outcome: "passed",
		exitCode: 0,
		signal: null,
		reason: null,
		steps: [],
		logLength: 100,
		logSha256: null,
		retryAfterSeconds: null,
		...patch,
	};
}

/** A failure with exit code 1. */
export function aFailure(patch: Partial<FinishReport> = {}): FinishReport {
	return aReport({ outcome: "failed", exitCode: 1, reason: "exit code 1", ...patch });
}

export function aRun(patch: Partial<Run> = {}): Run {
	return {
		id: aRunId(),
		number: 1,
		round: 1,
		state: "accepted",
		outcome: null,
		title: null,
		source: null,
		trigger: "api",
		actor: "dev@example.com",
		counts: { blocked: 0, waiting: 0, leased: 0, running: 0, canceling: 0, finished: 0 },
		bad: { failed: 0, canceled: 0 },
		jobs: 0,
		version: 0,
		createdAt: noon,
		startedAt: null,
		finishedAt: null,
		cancel: null,
		retried: null,
		supersededBy: null,
		...patch,
	};
}
