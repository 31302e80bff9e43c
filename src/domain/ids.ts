// The names of runs, jobs, leases and objects. A job's id carries its run's and its place, so no index is needed to find either.

export type Millis = number;
export type RunId = string;
export type JobId = string;
export type LeaseId = string;

const base32 = "abcdefghijklmnopqrstuvwxyz234567";
const runIdBytes = 15;

/** `r` and 24 base32 characters from the first 120 bits of a SHA-256: the same submission always makes the same id. */
export function runIdFrom(digest: Uint8Array): RunId {
	let bits = 0;
	let held = 0;
	let text = "r";
	for (const byte of digest.subarray(0, runIdBytes)) {
		held = (held << 8) | byte;
		bits += 8;
		while (bits >= 5) {
			bits -= 5;
			text += base32[(held >> bits) & 31];
		}
		held &= 255;
	}
	return text;
}

const runIdPattern = /^r[a-z2-7]{24}$/;
const jobIdPattern = /^j([a-z2-7]{24})-(0|[1-9][0-9]{0,4})$/;
const leaseIdPattern = /^(.+)\.([1-9][0-9]{0,14})$/;

export function isRunId(text: string): boolean {
	return runIdPattern.test(text);
}

/** How people name a run of one repository: by its id, by its number, or as the newest. */
export type RunName = { id: RunId } | { number: number } | "latest";

/** Null when `text` names no run. */
export function parseRunName(text: string): RunName | null {
	if (text === "latest") return text;
	if (isRunId(text)) return { id: text };
	return /^[1-9][0-9]{0,14}$/.test(text) ? { number: Number(text) } : null;
}

/** `index` is the job's place in its run, from 0. */
export function jobIdFrom(run: RunId, index: number): JobId {
	return `j${run.slice(1)}-${index}`;
}

/** Null when `text` is no job id. */
export function parseJobId(text: string): { run: RunId; index: number } | null {
	const match = jobIdPattern.exec(text);
	return match ? { run: `r${match[1]}`, index: Number(match[2]) } : null;
}

/** A lease is one grant of one job: the epoch grows with each grant, so the id is never used twice. */
export function leaseIdFrom(job: JobId, epoch: number): LeaseId {
	return `${job}.${epoch}`;
}

/** Null when `text` is no lease id. */
export function parseLeaseId(text: string): { job: JobId; epoch: number } | null {
	const match = leaseIdPattern.exec(text);
	const job = match?.[1] ?? "";
	return parseJobId(job) ? { job, epoch: Number(match?.[2]) } : null;
}
