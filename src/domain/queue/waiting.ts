// Why a job waits, from the same facts the scheduler decides by.
import type { Millis } from "../ids.ts";
import type { BlockedJob, WaitingJob } from "../job/job.ts";
import { avoidMs } from "../limits.ts";
import type { PoolPause, Unfit } from "../pool/pool.ts";
import type { Load } from "./queue.ts";
import type { RepositorySettings } from "../job/submission.ts";
import { groupLimit } from "../job/submission.ts";

export type WaitingCode =
	| "needs"
	| "no-runner"
	| "runners-busy"
	| "repository-limit"
	| "concurrency-group"
	| "paused"
	| "backing-off";

export interface WaitingReason {
	code: WaitingCode;
	detail: string;
	since: Millis;
	expectedStartAt: Millis | null;
}

/** What a job's pool last said of itself: how many of its runners fit the job (null: not said), and whether it is paused. */
export interface PoolFacts {
	runners: number | null;
	pause: PoolPause | null;
	/** Those that fit and are given nothing; null, or absent: not said. */
	unfit?: Unfit | null;
}

/** [E1] The first fact that holds the job back, in the order in which they would have to be removed. `pool` null: it said nothing. */
export function explainWaiting(
	job: BlockedJob | WaitingJob,
	settings: RepositorySettings,
	load: Load,
	{ pool, now }: { pool: PoolFacts | null; now: Millis },
): WaitingReason {
	const reason = (code: WaitingCode, detail: string, expectedStartAt: Millis | null = null): WaitingReason => ({
		code,
		detail,
		since: job.since,
		expectedStartAt,
	});
	if (job.state === "blocked") return reason("needs", `waits for ${listed(job.spec.needs)}`);
	if (settings.paused) return reason("paused", `the repository is paused${noted(settings.pauseNote)}`);
	// Before the limits: with the pool paused, room for the job would not help it.
	const pause = pool?.pause ?? null;
	if (pause !== null) return reason("paused", `the pool "${job.spec.pool}" is ${pause.kind}${noted(pause.note)}`);
	if (job.notBefore !== null) return reason("backing-off", delayOf(job), job.notBefore);
	if (load.running >= settings.maxRunning) {
		return reason("repository-limit", fullText("the repository", load.running, settings.maxRunning));
	}
	const group = job.spec.concurrencyGroup;
	const inGroup = group === null ? 0 : (load.groups.get(group) ?? 0);
	if (group !== null && inGroup >= groupLimit(settings, group)) {
		return reason("concurrency-group", fullText(`the group "${group}"`, inGroup, groupLimit(settings, group)));
	}
	// Last, since a runner that comes helps only a job that nothing of its repository holds back.
	const runners = pool?.runners ?? null;
	if (runners === null) {
		return reason("runners-busy", `the pool "${job.spec.pool}" has not said yet what runners it has`);
	}
	if (runners === 0) return reason("no-runner", lackOf(job, pool?.unfit ?? null));
	if (job.avoids !== null && runners > 1 && now - job.since < avoidMs) {
		const detail = "left to other runners than its last one for a while, and these are busy";
		return reason("backing-off", detail, job.since + avoidMs);
	}
	return reason("runners-busy", `every fitting runner of the pool "${job.spec.pool}" is busy`);
}

/** A limit that was lowered leaves more running than it, and they go on. */
function fullText(whose: string, running: number, limit: number): string {
	if (limit > 0) return `${running} of ${limit} jobs of ${whose} run`;
	const more = running === 0 ? "" : `, and ${running} that began before ${running === 1 ? "runs" : "run"} on`;
	return `no job of ${whose} may run: its limit is 0${more}`;
}

/** What it waits for by the clock: its own instant, or the backoff after a fault of the platform's or of the job's. */
function delayOf({ notBefore, startsAt, lapses, attempts, cause, heldBack }: WaitingJob): string {
	if (heldBack !== undefined) return heldBack;
	if (notBefore === startsAt) return "it is not meant to begin earlier";
	if (lapses > 0) return "the runner that was handed it did not start it: it is tried again";
	const after = cause.by === "platform" ? `: ${cause.reason}` : "";
	return `attempt ${attempts + 1} waits for its backoff${after}`;
}

/** [E5] Names the runners that are there and are given nothing: a reader who sees them in the pool would not believe "no runner". */
function lackOf({ spec: { pool, labels } }: WaitingJob, unfit: Unfit | null): string {
	const fitting = labels.length === 0 ? "" : ` with ${listed(labels)}`;
	const { draining, unwell, reason } = unfit ?? { draining: 0, unwell: 0, reason: null };
	if (draining + unwell === 0) return `the pool "${pool}" has no runner${fitting}`;
	const drain = draining === 0 ? [] : [`${draining} ${draining === 1 ? "drains" : "drain"}`];
	const sick = unwell === 0 ? [] : [`${unwell} ${unwell === 1 ? "is" : "are"} unwell${noted(reason)}`];
	return `the pool "${pool}" has no runner${fitting} that takes jobs; ${[...drain, ...sick].join(", ")}`;
}

function noted(note: string | null): string {
	return note === null ? "" : `: ${note}`;
}

function listed(names: string[]): string {
	const shown = names.slice(0, 5).map((name) => `"${name}"`);
	return names.length > 5 ? `${shown.join(", ")} and ${names.length - 5} more` : shown.join(", ");
}
