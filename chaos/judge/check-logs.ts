// Every byte that was acknowledged is in the one archive of its attempt, once and in its place.
import { createHash } from "node:crypto";
import type { Attempt, Job } from "../../src/contracts/http/run.ts";
import type { JobId } from "../../src/domain/ids.ts";
import { parseJobId } from "../../src/domain/ids.ts";
import type { Entry } from "../runners/journal.ts";
import { lineLog } from "../runners/line-log.ts";
import type { Violation } from "./violation.ts";

/** What a line runner knows of one attempt that it started. */
export interface LineAttempt {
	lease: string;
	job: JobId;
	number: number;
	lines: number;
	/** Acknowledged, at least. */
	storedBytes: number;
	/** The whole of it, if its end was acknowledged. */
	finishedBytes: number | null;
}

/** The attempts that the journals tell of. */
export function lineAttempts(entries: readonly Entry[]): LineAttempt[] {
	const known = new Map<string, LineAttempt>();
	for (const entry of entries) {
		if (entry.what === "started") {
			const { lease, job, attempt, lines } = entry;
			known.set(lease, { lease, job, number: attempt, lines, storedBytes: 0, finishedBytes: null });
		}
	}
	for (const entry of entries) {
		const attempt = known.get(entry.lease);
		if (!attempt) continue;
		if (entry.what === "stored") attempt.storedBytes = Math.max(attempt.storedBytes, entry.bytes);
		if (entry.what === "finished") attempt.finishedBytes = entry.bytes;
	}
	return [...known.values()];
}

/** `bytes`: what the archive gives. */
export function checkLineLog(known: LineAttempt, record: Attempt, bytes: Buffer): Violation[] {
	const { lease, job, lines, storedBytes, finishedBytes } = known;
	const must = lineLog(lease, lines);
	const say = (text: string): Violation[] => [
		{ kind: "log", run: parseJobId(job)?.run ?? null, text: `${lease} (${record.log.state}): ${text}` },
	];
	if (bytes.length < storedBytes) return say(`${storedBytes} bytes were acknowledged, ${bytes.length} are there`);
	if (!bytes.equals(must.subarray(0, bytes.length)))
		return say(`it differs from what was sent at byte ${differsAt(bytes, must)}`);
	if (finishedBytes !== null && (bytes.length !== finishedBytes || record.log.state !== "sealed"))
		return say(`its end was acknowledged at ${finishedBytes} bytes, ${bytes.length} are there`);
	return checkDigest(record, bytes) ?? say("it is not what its record says");
}

/** A runner says in the log that somebody canceled the job. */
const noteBytesMax = 200;

interface Printed {
	bytes: Buffer;
	must: Buffer;
	/** Then the runner's own word about that may follow. */
	mayBeCanceled: boolean;
}

/** Of a real runner, which acknowledges to itself: what it reported to the end must be there whole. */
export function checkShellLog(job: Job, record: Attempt, { bytes, must, mayBeCanceled }: Printed): Violation[] {
	const say = (text: string): Violation[] => [
		{ kind: "log", run: job.run, text: `${job.id} attempt ${record.number} (${record.log.state}): ${text}` },
	];
	const isWhole = record.outcome === "passed" || record.outcome === "failed";
	const note = bytes.length - must.length;
	const isThere = bytes.subarray(0, must.length).equals(must) && note <= (mayBeCanceled ? noteBytesMax : 0);
	if (isWhole && !isThere) return say(`it differs from what was printed at byte ${differsAt(bytes, must)}`);
	if (isWhole && record.log.state !== "sealed") return say("its runner reported it whole");
	return checkDigest(record, bytes) ?? say("it is not what its record says");
}

/** Null: it is not. */
function checkDigest({ log }: Attempt, bytes: Buffer): [] | null {
	if (log.state !== "sealed") return [];
	const sha256 = createHash("sha256").update(bytes).digest("hex");
	return log.sha256 === sha256 && log.length === bytes.length ? [] : null;
}

function differsAt(one: Buffer, other: Buffer): number {
	const at = one.findIndex((byte, place) => byte !== other[place]);
	return at < 0 ? Math.min(one.length, other.length) : at;
}
