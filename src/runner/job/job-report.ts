// The report of a job's end: first its log, then the finish, sent until the server takes it, loses the lease or the runner has to go.
import type { LeaseClient } from "../../client/lease-client.ts";
import { retryable, sleep, untilAborted } from "../../client/retryable.ts";
import type { FinishRequest } from "../../contracts/http/lease.ts";
import { logSealGraceMs } from "../../domain/limits.ts";
import type { EventFacts } from "../event-log.ts";
import type { LogUpload } from "../log/log-upload.ts";
import type { JobContext } from "./job-context.ts";

/** The finish waits this long for a log that cannot be delivered; the log follows later. */
const logPatienceMs = 20_000;
/** A finish is tried for as long as any server outage we mean to survive; the object itself gave the job up long before. */
const finishDeadlineMs = 24 * 60 * 60 * 1_000;
/** What the API takes of a reason. */
const reasonMax = 500;

export interface JobReportParts {
	context: Pick<JobContext, "health" | "leaveMs" | "policy">;
	lease: LeaseClient;
	/** A lost lease owes no report: it is asked when the log is delivered, just before the finish. */
	isLost: () => boolean;
	tell: (event: string, facts: EventFacts) => void;
}

export class JobReport {
	readonly #parts: JobReportParts;
	#isBegun = false;
	#isTaken = false;
	#isLeaving = false;
	/** Aborted when the runner has to go and the report was not heard in time. */
	readonly #leaving = new AbortController();
	#leaveTimer: NodeJS.Timeout | undefined;

	constructor(parts: JobReportParts) {
		this.#parts = parts;
	}

	/** The finish is on its way: from now on a lease that is said to be lost may be one that the server has just taken the end of. */
	get isBegun(): boolean {
		return this.#isBegun;
	}

	/** The server took it: the lease is over. */
	get isTaken(): boolean {
		return this.#isTaken;
	}

	/** The runner is to be gone: the finish is tried for `leaveMs` from now, or from its beginning, and no longer. */
	leave(): void {
		this.#isLeaving = true;
		if (this.#isBegun) this.#giveUpLater();
	}

	/** The log first. Where only the log cannot be delivered, the finish does not wait for it, and the log follows. */
	async deliver(upload: LogUpload, report: FinishRequest): Promise<void> {
		const delivered = upload.finish();
		await withinMs(delivered, logPatienceMs);
		if (this.#parts.isLost()) return;
		await this.finish(report);
		await withinMs(delivered, logSealGraceMs);
	}

	/** Rejects when nobody heard it for a day, or in the time that a leaving runner has. */
	async finish(report: FinishRequest): Promise<void> {
		this.#isBegun = true;
		if (this.#isLeaving) this.#giveUpLater();
		this.#tellHealth(report);
		const bounded = { ...report, reason: report.reason?.slice(0, reasonMax) ?? null };
		const { context, lease, tell } = this.#parts;
		await retryable(() => untilAborted(lease.finish(bounded), this.#leaving.signal), {
			policy: { ...context.policy, deadlineMs: finishDeadlineMs },
			idempotent: true,
			signal: this.#leaving.signal,
			onWait: (failure) => tell("finish-failed", { reason: failure.message }),
		});
		this.#isTaken = true;
		const { outcome, exitCode, reason, platformFault } = bounded;
		const by = platformFault ? { platformFault } : {};
		tell("job-finished", { outcome, exitCode: exitCode ?? null, ...by, reason });
	}

	close(): void {
		clearTimeout(this.#leaveTimer);
	}

	#giveUpLater(): void {
		const giveUp = () => this.#leaving.abort(new Error("the runner had to go before its end was heard"));
		this.#leaveTimer ??= setTimeout(giveUp, this.#parts.context.leaveMs);
	}

	/** Before the report, which frees the slot: an unwell runner must not be given the next job. */
	#tellHealth({ outcome, platformFault, reason, steps }: FinishRequest): void {
		const { health } = this.#parts.context;
		const began = steps?.some(({ startedAt }) => startedAt !== null) ?? false;
		if (platformFault === "machine-fault") health.failed(reason ?? "it could not run a job", { began });
		else if (outcome === "passed" || outcome === "failed" || outcome === "timed-out") health.cameThrough();
	}
}

async function withinMs(work: Promise<void>, ms: number): Promise<void> {
	const over = new AbortController();
	await Promise.race([work, sleep(ms, over.signal).catch(() => {})]);
	over.abort();
}
