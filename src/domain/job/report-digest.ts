// A short digest of what a runner reported, kept with the attempt: so that the same report, sent again, is known from another.
// 53 bits and no cryptography: whoever could look for a collision holds the lease, and could have reported anything.
import type { FinishReport } from "./job.ts";

export function reportDigest(report: FinishReport): string {
	const { outcome, exitCode, signal, reason, logLength, logSha256, retryAfterSeconds } = report;
	const { commit = null, platformFault = null } = report;
	const steps = report.steps.map(({ name, exitCode: code, startedAt, finishedAt, logStart, logEnd }) =>
		JSON.stringify([name, code, startedAt, finishedAt, logStart, logEnd]),
	);
	const facts = [outcome, exitCode, signal, reason, logLength, logSha256, retryAfterSeconds, commit, platformFault];
	return digest(JSON.stringify([facts, steps]));
}

/** cyrb53: two lanes of multiplications, mixed at the end. */
function digest(text: string): string {
	let high = 0xdeadbeef;
	let low = 0x41c6ce57;
	for (let at = 0; at < text.length; at++) {
		const unit = text.charCodeAt(at);
		high = Math.imul(high ^ unit, 0x9e3779b1);
		low = Math.imul(low ^ unit, 0x5f356495);
	}
	high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
	low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
	return (0x1_0000_0000 * (low & 0x1f_ffff) + (high >>> 0)).toString(36);
}
