// One attempt's log: what may be appended, when it is closed for good, and what its archive will say of it. Bytes are only
// ever added at the end, so the length alone says which bytes are here; whatever is missing is missing at the end.
import type { Millis } from "../ids.ts";
import type { LogRecord, ReportedOutcome } from "../job/job.ts";
import { alarmNearestMs, logLeftGraceMs, logSealGraceMs, tellAgainMs } from "../limits.ts";
import { accept, refuse } from "../refusal.ts";
import type { Result } from "../refusal.ts";

/** The slowest that sealing is tried again: an archive that is down for a day costs a log some 300 tries. */
const sealAgainMaxMs = 5 * 60_000;

/** The attempt's end as the repository told the log. `length` is null when no runner declared one. */
export interface ClosedLog {
	outcome: ReportedOutcome | "lost";
	length: number | null;
	sha256: string | null;
	/** How long its archive is kept; absent: for ever. */
	retentionDays?: number;
	at: Millis;
}

export interface Log {
	/** An attempt belongs to one started lease; its epoch fences the log. */
	epoch: number;
	/** Bytes stored, from 0 without a gap. */
	length: number;
	/** Null until the repository confirmed the lease: a log can be closed before its first byte. */
	bytesMax: number | null;
	closed: ClosedLog | null;
	/** Sealing has begun: the length stands, whatever the clock says later. */
	frozen: boolean;
}

/**
 * What an append is of: the `live` output of a job, or what a killed runner had `left` on its disk and its next process
 * delivers; `last` says that with this append the server has all that was left.
 */
export type AppendKind = "live" | "left" | "last";

/** Of `size` bytes at `offset`, the first `skip` are here already and the rest is taken. */
export interface Append {
	skip: number;
	take: number;
}

/**
 * [L1] Bytes are taken at the end and nowhere else: overlap is passed over, a gap is refused. [L2] Another epoch's are
 * refused. [L3] All or nothing: an append that would pass the limit, or the declared length, leaves no part of itself.
 * [L4] Once sealing has begun nothing is taken; where nothing was declared, only what a killed runner had left [L36]. A resend
 * of what is here is acknowledged.
 */
export function decideAppend(
	log: Log,
	{ epoch, offset, size, kind }: { epoch: number; offset: number; size: number; kind: AppendKind },
): Result<Append> {
	if (epoch !== log.epoch) return refuse({ code: "lease-stale" });
	if (offset > log.length) return refuse({ code: "log-gap", length: log.length });
	const skip = Math.min(log.length - offset, size);
	const take = size - skip;
	if (take === 0) return accept({ skip, take });
	if (log.frozen) return refuse({ code: "log-sealed", length: log.length });
	if (isAdrift(log) && kind === "live") return refuse({ code: "lease-stale" });
	const max = Math.min(log.bytesMax ?? Number.POSITIVE_INFINITY, log.closed?.length ?? Number.POSITIVE_INFINITY);
	if (log.length + take > max) return refuse({ code: "log-limit", max });
	return accept({ skip, take });
}

/** Nothing will be added: its length stands, or it has all that was declared. */
export function isComplete({ frozen, closed, length }: Log): boolean {
	return frozen || (closed !== null && closed.length !== null && length >= closed.length);
}

/**
 * [L36] Its runner is gone and declared nothing: what that left on its disk may still come. The log has sent its viewers the
 * end already.
 */
export function isAdrift({ frozen, closed }: Pick<Log, "frozen" | "closed">): boolean {
	return !frozen && closed !== null && closed.length === null;
}

export type SealVerdict =
	| { kind: "open" }
	| { kind: "wait"; until: Millis }
	| { kind: "seal"; missing: LogRecord["missing"] };

/**
 * [L5] A log is sealed when the repository told it the end and the last declared byte is here; [L6] or without what is missing
 * when the grace is over. [L7] A lost runner declares nothing: what it left on its disk has a grace of its own to come.
 */
export function decideSeal(log: Log, now: Millis): SealVerdict {
	const { closed, length } = log;
	if (closed === null) return { kind: "open" };
	if (closed.length !== null && length >= closed.length) return { kind: "seal", missing: [] };
	const until = closed.at + (closed.length === null ? logLeftGraceMs : logSealGraceMs);
	if (!log.frozen && now < until) return { kind: "wait", until };
	return { kind: "seal", missing: [{ from: length, to: closed.length }] };
}

/** [L8] What was declared and what is here may differ: that is the log's own state and never touches the job's outcome. */
export function sealedRecord(log: Log, missing: LogRecord["missing"], sha256: string): LogRecord {
	const { closed, length } = log;
	const isOther = (closed?.sha256 ?? sha256) !== sha256 || length > (closed?.length ?? length);
	const state = missing.length > 0 ? "partial" : isOther ? "mismatch" : "sealed";
	return { state, length, sha256, missing };
}

/** What can be said of a log that is not sealed yet. */
export function openRecord({ closed }: Log): LogRecord {
	return { state: closed ? "sealing" : "live", length: closed?.length ?? null, sha256: null, missing: [] };
}

/** [L9] When sealing, try number `tries`, is tried again if nothing comes of it. */
export function sealAgainAt(tries: number, now: Millis): Millis {
	return now + Math.max(Math.min(tellAgainMs * 2 ** (tries - 1), sealAgainMaxMs), alarmNearestMs);
}

/** [L28] A log's record at an instant, for readers of the archive: no call tells them that retention has ended the log. */
export function recordAt(record: LogRecord, now: Millis): LogRecord {
	const { expiresAt } = record;
	return expiresAt === undefined || now < expiresAt ? record : { ...record, state: "deleted" };
}
