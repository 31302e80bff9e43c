// Why a job waits, from the same facts the scheduler decides by.
import type { Millis } from "./ids.ts";
import type { BlockedJob, WaitingJob } from "./job.ts";
import type { PoolPause } from "./pool.ts";
import type { Load } from "./queue.ts";
import type { RepositorySettings } from "./submission.ts";
import { groupLimit } from "./submission.ts";

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
}

/** [E1] The first fact that holds the job back, in the order in which they would have to be removed. `pool` null: it said nothing. */
export function explainWaiting(
	job: BlockedJob | WaitingJob,
	settings: RepositorySettings,
	load: Load,
	pool: PoolFacts | null,
): WaitingReason {
	const reason = (code: WaitingCode, detail: string, expectedStartAt: Millis | null = null): WaitingReason => ({
		code,
		detail,
		since: job.since,
		expectedStartAt,
	});
	if (job.state === "blocked") return reason("needs", `waits for ${listed(job.spec.needs)}`);
	if (settings.paused) return reason("paused", `the repository is paused${noted(settings.pauseNote)}`);
	const pause = pool?.pause ?? null;
	if (pause !== null) return reason("paused", `the pool "${job.spec.pool}" is ${pause.kind}${noted(pause.note)}`);
	if (job.notBefore !== null) return reason("backing-off", delayOf(job), job.notBefore);
	if (load.running >= settings.maxRunning) {
		return reason("repository-limit", `${load.running} of ${settings.maxRunning} jobs of the repository run`);
	}
	const group = job.spec.concurrencyGroup;
	if (group !== null && (load.groups.get(group) ?? 0) >= groupLimit(settings, group)) {
		return reason("concurrency-group", `the group "${group}" runs as many jobs as it may`);
	}
	const runners = pool?.runners ?? null;
	if (runners === null) {
		return reason("runners-busy", `the pool "${job.spec.pool}" has not said yet what runners it has`);
	}
	if (runners === 0) {
		const labels = job.spec.labels.length === 0 ? "" : ` with ${listed(job.spec.labels)}`;
		return reason("no-runner", `the pool "${job.spec.pool}" has no runner${labels}`);
	}
	return reason("runners-busy", `every fitting runner of the pool "${job.spec.pool}" is busy`);
}

/** What it waits for by the clock: its own instant, or the backoff after a fault of the platform's or of the job's. */
function delayOf({ notBefore, startsAt, lapses, attempts, cause }: WaitingJob): string {
	if (notBefore === startsAt) return "it is not meant to begin earlier";
	if (lapses > 0) return "the runner that was handed it did not start it: it is tried again";
	const after = cause.by === "platform" ? `: ${cause.reason}` : "";
	return `attempt ${attempts + 1} waits for its backoff${after}`;
}

function noted(note: string | null): string {
	return note === null ? "" : `: ${note}`;
}

function listed(names: string[]): string {
	const shown = names.slice(0, 5).map((name) => `"${name}"`);
	return names.length > 5 ? `${shown.join(", ")} and ${names.length - 5} more` : shown.join(", ");
}
