// Runs, jobs and settings of the domain as the API shows them, and what a request says as the domain takes it.
import type { Job as DomainJob, FinishedAttempt, LogRecord, OpenAttempt, StepRecord } from "../../domain/job/job.ts";
import type { Next } from "../../domain/job/retry.ts";
import type { Run as DomainRun } from "../../domain/run/run.ts";
import { isForksByWord } from "../../domain/job/secret-terms.ts";
import type { JobRequest, RepositorySettings } from "../../domain/job/submission.ts";
import { timeText } from "./time-text.ts";
import type { ReportedStep } from "../http/lease.ts";
import type { RepositoryName } from "../objects/objects.ts";
import type { Repository } from "../http/repository.ts";
import type { Attempt, Job, Run, RunRequest, Waiting } from "../http/run.ts";

export function viewRun(run: DomainRun, jobs?: Job[]): Run {
	return {
		id: run.id,
		number: run.number,
		round: run.round,
		state: run.state,
		outcome: run.outcome,
		spilled: false,
		title: run.title,
		source: run.source,
		trigger: run.trigger,
		fork: run.fork ?? isForksByWord(run),
		actor: run.actor,
		counts: run.counts,
		...(jobs === undefined ? {} : { jobs }),
		version: run.version,
		createdAt: timeText(run.createdAt),
		startedAt: timeText(run.startedAt),
		finishedAt: timeText(run.finishedAt),
		reason: run.refusal ?? run.cancel?.reason ?? null,
		retried: run.retried ? { ...run.retried, at: timeText(run.retried.at) } : null,
		supersededBy: run.supersededBy,
	};
}

/** A run as it stands in the archive: everything that is stored of it, so that it can be brought back. */
export interface ArchivedRun {
	run: DomainRun;
	jobs: DomainJob[];
	/** Of all jobs, each job's in order. */
	attempts: FinishedAttempt[];
}

/** `attempts` are the finished ones in order; the open one, if any, is added. */
export function viewJob(job: DomainJob, attempts: FinishedAttempt[], waiting: Waiting | null): Job {
	const { spec } = job;
	const views = attempts.map(viewAttempt);
	if (job.state === "running" || job.state === "canceling") views.push(viewOpenAttempt(job.attempt, job.lease.runner));
	return {
		id: job.id,
		key: spec.key,
		name: spec.name,
		run: job.run,
		state: job.state,
		outcome: job.state === "finished" ? job.outcome : null,
		priority: job.priority,
		pool: spec.pool,
		labels: spec.labels,
		needs: spec.needs,
		when: spec.when,
		allowFailure: spec.allowFailure,
		concurrencyGroup: spec.concurrencyGroup,
		notBefore: spec.notBefore === null ? null : timeText(spec.notBefore),
		attempts: views,
		waiting,
		reason: job.state === "finished" ? job.reason : null,
		createdAt: timeText(job.createdAt),
		finishedAt: job.state === "finished" ? timeText(job.finishedAt) : null,
	};
}

function viewAttempt(attempt: FinishedAttempt): Attempt {
	return {
		...viewCause(attempt),
		outcome: attempt.outcome,
		platformFault: attempt.outcome === "lost" ? (attempt.platformFault ?? "lost") : null,
		exitCode: attempt.exitCode,
		signal: attempt.signal,
		reason: attempt.reason,
		runner: attempt.runner,
		commit: attempt.commit,
		finishedAt: timeText(attempt.finishedAt),
		steps: attempt.steps.map(viewStep),
		log: viewLog(attempt.log),
		next: viewNext(attempt.next),
	};
}

function viewLog({ state, length, sha256, missing }: LogRecord): Attempt["log"] {
	return { state, length, sha256, missing };
}

function viewOpenAttempt(attempt: OpenAttempt, runner: Attempt["runner"]): Attempt {
	return {
		...viewCause(attempt),
		outcome: null,
		platformFault: null,
		exitCode: null,
		signal: null,
		reason: null,
		runner,
		commit: null,
		finishedAt: null,
		steps: [],
		log: { state: "live", length: null, sha256: null, missing: [] },
		next: null,
	};
}

function viewCause({ number, startedAt, cause }: OpenAttempt) {
	return { number, startedAt: timeText(startedAt), by: cause.by, actor: cause.actor, retryReason: cause.reason };
}

export function viewStep(step: StepRecord): Attempt["steps"][number] {
	return { ...step, startedAt: timeText(step.startedAt), finishedAt: timeText(step.finishedAt) };
}

function viewNext(next: Next): Attempt["next"] {
	return next !== null && "at" in next ? { at: timeText(next.at) } : next;
}

export function viewRepository(name: RepositoryName, settings: RepositorySettings): Repository {
	return { ...name, ...settings };
}

/** A job as it was asked for on the wire, for the rules. */
export function readJobRequest({ notBefore, ...job }: RunRequest["jobs"][number]): JobRequest {
	return notBefore === undefined ? job : { ...job, notBefore: Date.parse(notBefore) };
}

/** A runner's word about its steps, with what it left out as null. */
export function readStep(step: ReportedStep): StepRecord {
	return {
		name: step.name,
		exitCode: step.exitCode ?? null,
		startedAt: readTime(step.startedAt),
		finishedAt: readTime(step.finishedAt),
		logStart: step.logStart ?? null,
		logEnd: step.logEnd ?? null,
	};
}

function readTime(text: string | null | undefined): number | null {
	return text == null ? null : Date.parse(text);
}
