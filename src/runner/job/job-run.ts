// One job from its grant to its acknowledged finish. Nothing runs before the server confirmed the start; from then on the job
// owes the server a report, and only the loss of its lease frees it from that. Why a job is stopped is kept apart from how.
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { LeaseClient } from "../../client/lease-client.ts";
import { ProblemError } from "../../client/call-failure.ts";
import { retryable, sleep, untilAborted } from "../../client/retryable.ts";
import type { FinishRequest, ReportedStep } from "../../contracts/http/lease.ts";
import type { Grant, LeaseState } from "../../contracts/http/runner.ts";
import { logSealGraceMs } from "../../domain/limits.ts";
import { checkoutStepName } from "../git/checkout.ts";
import type { EventFacts } from "../event-log.ts";
import type { JobContext } from "./job-context.ts";
import { JobExecution } from "./job-execution.ts";
import type { JobFolder } from "./job-folder.ts";
import { JobLog } from "../log/job-log.ts";
import { quickFault } from "../machine/machine-look.ts";
import { refused, textOf } from "./job-steps.ts";
import type { Verdict } from "./job-steps.ts";
import { LogUpload } from "../log/log-upload.ts";
import { sinceBootMs } from "../since-boot.ts";
import { StepsReport } from "./steps-report.ts";

/** The finish waits this long for a log that cannot be delivered; the log follows later. */
const logPatienceMs = 20_000;
/** A finish is tried for as long as any server outage we mean to survive; the object itself gave the job up long before. */
const finishDeadlineMs = 24 * 60 * 60 * 1_000;
const reasonMax = 500;
/** How often an exclusive job's contact is looked at: a timer stands still while the machine sleeps. */
const contactLookMs = 1_000;

/** Why a job is stopped before its steps are through. */
interface Stop {
	outcome: Verdict["outcome"];
	reason: string;
	graceMs: number;
	/** The runner's own reason, which is no fault of the job's. */
	platformFault?: FinishRequest["platformFault"];
}

export class JobRun {
	readonly id: string;
	readonly #grant: Grant;
	readonly #context: JobContext;
	readonly #lease: LeaseClient;
	/** Aborted when the lease is lost, and when all is done: ends whatever still talks about this lease. */
	readonly #over = new AbortController();
	#isLost = false;
	#stop: Stop | null = null;
	#execution: JobExecution | null = null;
	#log: JobLog | null = null;
	#contactAt = sinceBootMs();
	/** Too late to stop it: the log is sealed. */
	#hasVerdict = false;
	#isFinishing = false;
	#isReported = false;
	#timeoutTimer: NodeJS.Timeout | undefined;
	#contactTimer: NodeJS.Timeout | undefined;
	#isInterrupted = false;
	/** Aborted when an interrupted job's report was not heard in time. */
	readonly #leaving = new AbortController();
	#leaveTimer: NodeJS.Timeout | undefined;

	constructor(context: JobContext, grant: Grant) {
		this.id = grant.lease.id;
		this.#grant = grant;
		this.#context = context;
		this.#lease = new LeaseClient({
			url: context.url,
			token: grant.lease.token,
			onLeaseState: (state, sentAt) => this.#hear(state, sentAt),
			now: sinceBootMs,
		});
	}

	/** The server took its end: the lease is over. */
	get isReported(): boolean {
		return this.#isReported;
	}

	/** The server answered a call about this lease that was sent at `sentAt`, in milliseconds since boot. */
	touch(sentAt: number): void {
		this.#contactAt = Math.max(this.#contactAt, sentAt);
		this.#execution?.contact();
	}

	cancel(graceMs: number, reason: string): void {
		this.#end({ outcome: "canceled", reason, graceMs });
	}

	/** This runner is to be gone: the job is stopped and reported as such, so that another takes it. */
	interrupt(graceMs: number, reason: string): void {
		this.#end({ outcome: "canceled", reason, graceMs, platformFault: "drained" });
		this.#execution?.hurry();
		this.#isInterrupted = true;
		if (this.#isFinishing) this.#giveUpLater();
	}

	/** A runner that is to be gone reports for so long, and no longer. */
	#giveUpLater(): void {
		const giveUp = () => this.#leaving.abort(new Error("the runner had to go before its end was heard"));
		this.#leaveTimer ??= setTimeout(giveUp, this.#context.leaveMs);
	}

	/** The lease is another's, or nobody's: the job is stopped, and nothing of it is reported. */
	lose(): void {
		if (this.#isFinishing || this.#isLost) return;
		this.#isLost = true;
		this.#tell("lease-lost");
		this.#over.abort(new Error("the lease was lost"));
		this.#end({ outcome: "canceled", reason: "the lease was lost", graceMs: this.#context.graceMs });
	}

	/** Never rejects. */
	async run(): Promise<void> {
		let folder: JobFolder | null = null;
		try {
			if (!(await this.#start())) return;
			folder = this.#context.folder.job(this.id);
			await this.#work(folder);
		} catch (fault) {
			if (!this.#isLost) this.#tell("job-fault", { reason: textOf(fault) });
		} finally {
			this.#over.abort();
			this.#log?.close();
			clearTimeout(this.#timeoutTimer);
			clearTimeout(this.#contactTimer);
			clearTimeout(this.#leaveTimer);
			const ended = folder;
			if (ended !== null) await this.#context.folder.leftovers.remove(ended.path, () => ended.remove());
		}
	}

	/** False when the lease is not ours any more, or nobody answered while it could be started. */
	async #start(): Promise<boolean> {
		const deadlineMs = this.#grant.lease.startBySeconds * 1_000;
		const { policy } = this.#context;
		try {
			await retryable(() => this.#lease.start({ tryMs: deadlineMs, signal: this.#over.signal }), {
				policy: { ...policy, deadlineMs, initialMs: Math.min(policy.initialMs, 250), maxMs: 1_000 },
				idempotent: true,
				signal: this.#over.signal,
			});
		} catch (failure) {
			this.#tell("start-given-up", { reason: textOf(failure) });
			return false;
		}
		this.#contactAt = sinceBootMs();
		this.#tell("job-started");
		return true;
	}

	async #work(folder: JobFolder): Promise<void> {
		const { job, run } = this.#grant;
		const steps = [...(run.source ? [{ name: checkoutStepName }] : []), ...job.steps].map(
			({ name }): ReportedStep => ({
				name,
				exitCode: null,
				startedAt: null,
				finishedAt: null,
				logStart: null,
				logEnd: null,
			}),
		);
		let upload: LogUpload | null = null;
		try {
			// A disk without room fails the job in many ways; this one begins nothing of it.
			const trouble = quickFault({ jobs: dirname(folder.path) });
			if (trouble !== null) throw new Error(trouble);
			folder.make();
			folder.spool.record({ url: this.#context.url, token: this.#grant.lease.token });
			const spool = {
				path: folder.spool.log,
				bytesMax: job.logBytesMax,
				onGrowth: () => upload?.grown(),
				// The machine's fault and not the job's, so it is no failure of the job.
				onFailure: ({ message }: Error) =>
					this.#end({
						outcome: "refused",
						reason: `the runner cannot keep its log: ${message}`,
						graceMs: 0,
						platformFault: "machine-fault",
					}),
			};
			this.#log = new JobLog(spool, this.#grant);
		} catch (error) {
			await this.#finish({ ...refused(error), steps, logLength: 0, logSha256: emptySha256 });
			return;
		}
		const log = this.#log;
		const { spool } = log;
		upload = this.#upload(spool);
		const verdict = await this.#execute(folder, log, steps);
		if (this.#isLost) return;
		const { length, sha256 } = log.seal();
		await this.#deliver(upload, {
			...verdict,
			...this.#faultOf(verdict),
			steps: steps.map((step) => placedIn(spool, step)),
			logLength: length,
			logSha256: sha256,
			...(run.source ? { commit: this.#execution?.commit ?? null } : {}),
			retryAfterSeconds: folder.readRetryAfterSeconds(),
		});
	}

	/** Why it was stopped, if it was, else what kept it from running: both are no fault of the job's. */
	#faultOf({ outcome, platformFault }: Verdict): Pick<FinishRequest, "platformFault"> {
		if (outcome === "passed") return {};
		return { platformFault: (this.#stop ?? { platformFault }).platformFault ?? null };
	}

	/**
	 * A checkout that failed on a full disk is the machine's fault: of the job's own steps none had begun. What kept the runner from
	 * beginning a later one is so only if the machine is found to be unwell: else the first ones did it, and would again elsewhere.
	 */
	async #blame(verdict: Verdict, folder: JobFolder, steps: readonly ReportedStep[]): Promise<Verdict> {
		const own = steps.slice(-this.#grant.job.steps.length);
		if (verdict.platformFault === "machine-fault" && own.some(({ finishedAt }) => finishedAt !== null)) {
			if ((await this.#context.health.look()) !== null) return verdict;
			const { exitCode, signal, reason } = verdict;
			return { outcome: "failed", exitCode, signal, reason: `its next step could not begin: ${reason}` };
		}
		if (verdict.outcome !== "failed" || own.some(({ startedAt }) => startedAt !== null)) return verdict;
		const trouble = quickFault({ jobs: folder.path });
		return trouble === null ? verdict : refused(`${verdict.reason}; ${trouble}`);
	}

	#upload(spool: JobLog["spool"]): LogUpload {
		return new LogUpload({
			lease: this.#lease,
			spool,
			policy: this.#context.policy,
			signal: this.#over.signal,
			onFailure: (failure) => {
				if (failure instanceof ProblemError && failure.code === "lease-stale") this.lose();
				else this.#tell("log-failed", { reason: failure.message });
			},
		});
	}

	async #execute(folder: JobFolder, log: JobLog, steps: ReportedStep[]): Promise<Verdict> {
		const report = new StepsReport(this.#lease, this.#over.signal);
		const onProgress = () => report.tell(steps);
		const restMs = () => this.#restMs();
		const work = { context: this.#context, grant: this.#grant, folder, log, steps, onProgress, restMs };
		const execution = new JobExecution(work);
		this.#execution = execution;
		if (this.#stop) execution.stop(this.#stop.graceMs);
		this.#watchTime();
		try {
			const verdict = await this.#blame(this.#judge(await execution.run().catch(refused)), folder, steps);
			this.#hasVerdict = true;
			await execution.close(verdict);
			return verdict;
		} finally {
			report.close();
		}
	}

	#watchTime(): void {
		const { job } = this.#grant;
		const reason = `ran longer than its timeout of ${job.timeoutSeconds} s`;
		const timeUp = () => this.#end({ outcome: "timed-out", reason, graceMs: this.#context.graceMs });
		this.#timeoutTimer = setTimeout(timeUp, job.timeoutSeconds * 1_000);
		if (job.exclusive) this.#watchContact();
	}

	/** For how long an exclusive job may go on if the server is not reached again. */
	#restMs(): number {
		return this.#contactAt + this.#grant.lease.stopAfterSeconds * 1_000 - sinceBootMs();
	}

	#watchContact(): void {
		const rest = this.#restMs();
		if (rest > 0) this.#contactTimer = setTimeout(() => this.#watchContact(), Math.min(rest, contactLookMs));
		else this.#endWithoutContact();
	}

	#endWithoutContact(): void {
		const reason = `exclusive, and without contact with the server for ${this.#grant.lease.stopAfterSeconds} s`;
		this.#end({ outcome: "failed", reason, graceMs: this.#context.graceMs, platformFault: "cut-off" });
	}

	/** What passed before the stop reached it has passed. */
	#judge(verdict: Verdict | null): Verdict {
		if (this.#execution?.isOutOfTouch) this.#endWithoutContact();
		if (verdict?.outcome === "passed" || this.#stop === null) return verdict ?? refused("nothing ran");
		const { outcome, reason } = this.#stop;
		return { exitCode: verdict?.exitCode ?? null, signal: verdict?.signal ?? null, outcome, reason };
	}

	/** The first reason to stop counts. */
	#end(stop: Stop): void {
		if (this.#stop !== null || this.#hasVerdict) return;
		this.#stop = stop;
		this.#tell("job-stopping", { outcome: stop.outcome, reason: stop.reason });
		this.#log?.note(`\u001b[1;33m${stop.reason}\u001b[0m`);
		this.#execution?.stop(stop.graceMs);
	}

	#hear(state: LeaseState, sentAt: number): void {
		if (state === "lost") this.lose();
		else this.touch(sentAt);
		if (state === "canceling") this.cancel(this.#context.graceMs, "canceled");
	}

	/** The log first. Where only the log cannot be delivered, the finish does not wait for it, and the log follows. */
	async #deliver(upload: LogUpload, report: FinishRequest): Promise<void> {
		const delivered = upload.finish();
		await withinMs(delivered, logPatienceMs);
		if (this.#isLost) return;
		await this.#finish(report);
		await withinMs(delivered, logSealGraceMs);
	}

	async #finish(report: FinishRequest): Promise<void> {
		this.#isFinishing = true;
		if (this.#isInterrupted) this.#giveUpLater();
		this.#tellHealth(report);
		const bounded = { ...report, reason: report.reason?.slice(0, reasonMax) ?? null };
		const { policy } = this.#context;
		await retryable(() => untilAborted(this.#lease.finish(bounded), this.#leaving.signal), {
			policy: { ...policy, deadlineMs: finishDeadlineMs },
			idempotent: true,
			signal: this.#leaving.signal,
			onWait: (failure) => this.#tell("finish-failed", { reason: failure.message }),
		});
		this.#isReported = true;
		const { outcome, exitCode, reason, platformFault } = bounded;
		const by = platformFault ? { platformFault } : {};
		this.#tell("job-finished", { outcome, exitCode: exitCode ?? null, ...by, reason });
	}

	/** Before the report, which frees the slot: an unwell runner must not be given the next job. */
	#tellHealth({ outcome, platformFault, reason, steps }: FinishRequest): void {
		const { health } = this.#context;
		const began = steps?.some(({ startedAt }) => startedAt !== null) ?? false;
		if (platformFault === "machine-fault") health.failed(reason ?? "it could not run a job", { began });
		else if (outcome === "passed" || outcome === "failed" || outcome === "timed-out") health.cameThrough();
	}

	#tell(event: string, facts: EventFacts = {}): void {
		const { job, run, repository } = this.#grant;
		const name = `${repository.owner}/${repository.repo}#${run.number}/${job.key}`;
		this.#context.eventLog(event, { job: name, attempt: job.attempt, lease: this.id, ...facts });
	}
}

/** Positions in what was printed become places in the log as it is kept. */
function placedIn(spool: JobLog["spool"], step: ReportedStep): ReportedStep {
	const { logStart = null, logEnd = null } = step;
	return {
		...step,
		logStart: logStart === null ? null : spool.startOf(logStart),
		logEnd: logEnd === null ? null : spool.endOf(logEnd),
	};
}

const emptySha256 = createHash("sha256").digest("hex");

async function withinMs(work: Promise<void>, ms: number): Promise<void> {
	const over = new AbortController();
	await Promise.race([work, sleep(ms, over.signal).catch(() => {})]);
	over.abort();
}
