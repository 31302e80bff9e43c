// One job from its grant to its acknowledged finish. Nothing runs before the server confirmed the start; from then on the job
// owes the server a report, and only the loss of its lease frees it from that. Why a job is stopped is kept apart from how.
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { LeaseClient } from "../../client/lease-client.ts";
import { ProblemError } from "../../client/call-failure.ts";
import { retryable } from "../../client/retryable.ts";
import type { FinishRequest, ReportedStep } from "../../contracts/http/lease.ts";
import type { Grant, LeaseState } from "../../contracts/http/runner.ts";
import { checkoutStepName } from "../git/checkout.ts";
import type { EventFacts } from "../event-log.ts";
import type { JobContext } from "./job-context.ts";
import { JobExecution } from "./job-execution.ts";
import type { JobFolder } from "./job-folder.ts";
import { JobLog } from "../log/job-log.ts";
import { quickFault } from "../machine/machine-look.ts";
import { refused, textOf } from "./job-steps.ts";
import type { Verdict } from "./job-steps.ts";
import { JobReport } from "./job-report.ts";
import { JobTime } from "./job-time.ts";
import { LogUpload } from "../log/log-upload.ts";
import { sinceBootMs } from "../since-boot.ts";
import { StepsReport } from "./steps-report.ts";

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
	readonly #time: JobTime;
	readonly #report: JobReport;
	/** Too late to stop it: the log is sealed. */
	#hasVerdict = false;

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
		const { timeoutSeconds, exclusive } = grant.job;
		const stopAfterMs = exclusive ? grant.lease.stopAfterSeconds * 1_000 : null;
		this.#time = new JobTime({ timeoutMs: timeoutSeconds * 1_000, stopAfterMs });
		this.#report = new JobReport({
			context,
			lease: this.#lease,
			isLost: () => this.#isLost,
			tell: (event, facts) => this.#tell(event, facts),
		});
	}

	/** The server took its end: the lease is over. */
	get isReported(): boolean {
		return this.#report.isTaken;
	}

	/** The server answered a call about this lease that was sent at `sentAt`, in milliseconds since boot. */
	touch(sentAt: number): void {
		this.#time.touch(sentAt);
		this.#execution?.contact();
	}

	cancel(graceMs: number, reason: string): void {
		this.#end({ outcome: "canceled", reason, graceMs });
	}

	/** This runner is to be gone: the job is stopped and reported as such, so that another takes it. */
	interrupt(graceMs: number, reason: string): void {
		this.#end({ outcome: "canceled", reason, graceMs, platformFault: "drained" });
		this.#execution?.hurry();
		this.#report.leave();
	}

	/** The lease is another's, or nobody's: the job is stopped, and nothing of it is reported. */
	lose(): void {
		if (this.#report.isBegun || this.#isLost) return;
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
			this.#time.close();
			this.#report.close();
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
		this.#time.touch(sinceBootMs());
		this.#tell("job-started");
		return true;
	}

	async #work(folder: JobFolder): Promise<void> {
		const { job, run } = this.#grant;
		const steps = unbegunSteps(this.#grant);
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
			await this.#report.finish({ ...refused(error), steps, logLength: 0, logSha256: emptySha256 });
			return;
		}
		const log = this.#log;
		const { spool } = log;
		upload = this.#upload(spool);
		const verdict = await this.#execute(folder, log, steps);
		if (this.#isLost) return;
		const { length, sha256 } = log.seal();
		await this.#report.deliver(upload, {
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
		const stepsReport = new StepsReport(this.#lease, this.#over.signal);
		const onProgress = () => stepsReport.tell(steps);
		const restMs = () => this.#time.restMs();
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
			stepsReport.close();
		}
	}

	#watchTime(): void {
		const { job } = this.#grant;
		const reason = `ran longer than its timeout of ${job.timeoutSeconds} s`;
		this.#time.watch({
			timeUp: () => this.#end({ outcome: "timed-out", reason, graceMs: this.#context.graceMs }),
			outOfTouch: () => this.#endWithoutContact(),
		});
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

	#tell(event: string, facts: EventFacts = {}): void {
		const { job, run, repository } = this.#grant;
		const name = `${repository.owner}/${repository.repo}#${run.number}/${job.key}`;
		this.#context.eventLog(event, { job: name, attempt: job.attempt, lease: this.id, ...facts });
	}
}

/** The checkout is a step like the job's own, and the first. */
function unbegunSteps({ job, run }: Grant): ReportedStep[] {
	const nothingYet = { exitCode: null, startedAt: null, finishedAt: null, logStart: null, logEnd: null };
	const all = [...(run.source ? [{ name: checkoutStepName }] : []), ...job.steps];
	return all.map(({ name }) => ({ name, ...nothingYet }));
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
