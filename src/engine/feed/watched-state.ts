// How a watched run's state follows its changes, which may come late, twice or not at all: each carries whole subjects and a
// version.
import type { RunChange, RunEvent, WatchedRun } from "../../contracts/http/streams/run-events.ts";
import type { Job } from "../../contracts/http/run.ts";
import type { RunUpdate } from "../../contracts/objects/feed.ts";

/** A run and its jobs at one version, each as JSON: comparing is all that is done with most of them. */
export interface WatchedState {
	version: number;
	run: string;
	jobs: Map<string, string>;
}

/** One subject that is not as it was. */
export type Changed = { type: "run"; run: WatchedRun } | { type: "job"; job: Job };

/**
 * What an update does to the state: nothing if it is older; `gap` if something before it is missing. `doubt`: the repository slept
 * and forgot what it sent last, so that nobody can see whether something is missing. What a double brings is as it was.
 */
export function decideChange({ version }: WatchedState, { run, since }: RunUpdate): "apply" | "doubt" | "old" | "gap" {
	if (run.version < version) return "old";
	if (run.version === version || since === version) return "apply";
	return since < version ? "doubt" : "gap";
}

/** Changes the state; jobs before their run, so that a run that is seen finished has no open job. `run` null: jobs alone. */
export function applyState(state: WatchedState, run: WatchedRun | null, jobs: readonly Job[]): Changed[] {
	const changed: Changed[] = [];
	for (const job of jobs) {
		const text = JSON.stringify(job);
		if (state.jobs.get(job.id) === text) continue;
		state.jobs.set(job.id, text);
		changed.push({ type: "job", job });
	}
	if (run === null) return changed;
	const text = JSON.stringify(run);
	if (state.run !== text) changed.push({ type: "run", run });
	state.run = text;
	state.version = run.version;
	return changed;
}

/** Does again to the state what a stored change had done to it. */
export function replayChange(state: WatchedState, change: RunChange): void {
	if (change.type === "job") state.jobs.set(change.job.id, JSON.stringify(change.job));
	else {
		state.run = JSON.stringify(change.run);
		state.version = change.run.version;
	}
}

const snapshotJobsMax = 1_000;

export function snapshotOf({ run, jobs }: WatchedState, at: number): RunEvent {
	const shown = [...jobs.values()].slice(0, snapshotJobsMax).map((text) => JSON.parse(text) as Job);
	return { type: "snapshot", seq: at, run: { ...(JSON.parse(run) as WatchedRun), jobs: shown } };
}
