// Why a job waits, from the same facts the scheduler decides by.
import type { Millis } from "./ids.ts";
import type { BlockedJob, WaitingJob } from "./job.ts";
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

/** [E1] The first fact that holds the job back, in the order in which they would have to be removed. `runners` is how many of its pool fit it, null if unknown. */
export function explainWaiting(
	job: BlockedJob | WaitingJob,
	settings: RepositorySettings,
	load: Load,
	runners: number | null,
): WaitingReason {
	const reason = (code: WaitingCode, detail: string, expectedStartAt: Millis | null = null): WaitingReason => ({
		code,
		detail,
		since: job.since,
		expectedStartAt,
	});
	if (job.state === "blocked") return reason("needs", `waits for ${listed(job.spec.needs)}`);
	if (settings.paused) {
		return reason("paused", `the repository is paused${settings.pauseNote === null ? "" : `: ${settings.pauseNote}`}`);
	}
	if (job.notBefore !== null) {
		return reason("backing-off", `attempt ${job.attempts + 1} waits for its backoff`, job.notBefore);
	}
	if (load.running >= settings.maxRunning) {
		return reason("repository-limit", `${load.running} of ${settings.maxRunning} jobs of the repository run`);
	}
	const group = job.spec.concurrencyGroup;
	if (group !== null && (load.groups.get(group) ?? 0) >= groupLimit(settings, group)) {
		return reason("concurrency-group", `the group "${group}" runs as many jobs as it may`);
	}
	if (runners === 0) {
		const labels = job.spec.labels.length === 0 ? "" : ` with ${listed(job.spec.labels)}`;
		return reason("no-runner", `the pool "${job.spec.pool}" has no runner${labels}`);
	}
	return reason("runners-busy", `every fitting runner of the pool "${job.spec.pool}" is busy`);
}

function listed(names: string[]): string {
	const shown = names.slice(0, 5).map((name) => `"${name}"`);
	return names.length > 5 ? `${shown.join(", ")} and ${names.length - 5} more` : shown.join(", ");
}
