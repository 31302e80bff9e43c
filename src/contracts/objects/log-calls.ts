// What the object of one attempt's log answers to.
import type { JobId } from "../../domain/ids.ts";
import type { LogRecord, ReportedOutcome, StepRecord } from "../../domain/job/job.ts";
import type { AppendKind } from "../../domain/log/log.ts";
import type { LogChunk } from "../../domain/log/log-time.ts";
import type { Result } from "../../domain/refusal.ts";
import type { LeaseState } from "../http/runner.ts";
import type { LeaseIdentity, RepositoryName } from "./objects.ts";

/** The end of an attempt as the RepoObject tells its log: `length` is null when no runner declared one. */
export interface LogClose extends RepositoryName {
	job: JobId;
	attempt: number;
	epoch: number;
	outcome: ReportedOutcome | "lost";
	length: number | null;
	sha256: string | null;
	/** How long the archive is kept, by the repository's settings of now. */
	retentionDays: number;
}

export interface LogStatus {
	record: LogRecord;
	/** Bytes stored so far. */
	length: number;
	outcome: string | null;
	steps: StepRecord[];
}

/** How a log stands after an append. */
export interface LogAppended {
	length: number;
	lease: LeaseState;
	/** Until the next upload is wanted. */
	intervalSeconds: number;
}

/** One attempt's log, named `owner/repo/job/attempt`. */
export interface LogCalls {
	/** Bytes already there are passed over; a gap is refused. Without a kind it is what a job prints now. */
	append(lease: LeaseIdentity, offset: number, bytes: Uint8Array, kind?: AppendKind): Promise<Result<LogAppended>>;
	steps(lease: LeaseIdentity, steps: StepRecord[]): Promise<Result<{ lease: LeaseState }>>;
	/** From the RepoObject when the lease with this epoch is being canceled, or is lost: a hint, so that the next append says so. */
	cancel(call: { epoch: number; state?: "canceling" | "lost" }): Promise<void>;
	/** From the PoolObject when the session that held the lease is gone: a hint, that frames have to keep it alive again. */
	unattended(call: { epoch: number }): Promise<void>;
	/** Durable when it returns; sealing follows by itself. The call twice has the effect of once. */
	close(call: LogClose): Promise<void>;
	/**
	 * Null when nothing of the log is here (never begun, or sealed and moved to the archive). `isRead` says that somebody is
	 * about to read the bytes: then the runner is asked for more of them for a while.
	 */
	status(call?: { isRead: boolean }): Promise<LogStatus | null>;
	/** Bytes [from, to), at most 1 MiB at a time; null when nothing is here. */
	read(call: { from: number; to: number }): Promise<LogChunk | null>;
	/** The live WebSocket of a viewer (`?from=` is the offset), or of the runner. */
	fetch(request: Request): Promise<Response>;
}
