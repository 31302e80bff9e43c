// What one step did to a simulated queue, read from what is stored: the ground on which the invariants stand. Only what has
// changed is parsed.
import type { FinishedAttempt, Job } from "../domain/job/job.ts";
import type { JobId, Millis, RunId } from "../domain/ids.ts";
import type { Run } from "../domain/run/run.ts";
import type { RepositorySettings } from "../domain/job/submission.ts";
import type { Answer, Command } from "./command.ts";
import type { Known } from "./known.ts";
import type { PoolCommand } from "./pool-command.ts";
import type { Snapshot } from "./snapshot.ts";
import type { SimulatedPort } from "./world/simulated-port.ts";

/** What is stored, parsed. */
export interface Stored {
	texts: Snapshot;
	settings: RepositorySettings;
	runs: ReadonlyMap<RunId, Run>;
	jobs: ReadonlyMap<JobId, Job>;
	/** By `job/number`. */
	attempts: ReadonlyMap<string, FinishedAttempt>;
}

export interface Facts {
	command: Command | PoolCommand;
	/** Its grants are also those that pools were given meanwhile. */
	answer: Answer;
	/** By `job.epoch`, leases that pools gave up meanwhile: for how long each had been quiet at least. */
	givenUp: ReadonlyMap<string, Millis>;
	now: Millis;
	before: Stored;
	after: Stored;
	known: Known;
	port: SimulatedPort;
}

export function readStored(texts: Snapshot, earlier: Stored | null): Stored {
	const { settings } = texts;
	if (settings === null) throw new Error("a queue without settings is not driven");
	return {
		texts,
		settings: earlier?.texts.settings === settings ? earlier.settings : JSON.parse(settings),
		runs: parseChanged(texts.runs, earlier?.texts.runs, earlier?.runs),
		jobs: parseChanged(texts.jobs, earlier?.texts.jobs, earlier?.jobs),
		attempts: parseChanged(texts.attempts, earlier?.texts.attempts, earlier?.attempts),
	};
}

function parseChanged<T>(
	texts: ReadonlyMap<string, string>,
	before: ReadonlyMap<string, string> | undefined,
	parsed: ReadonlyMap<string, T> | undefined,
): Map<string, T> {
	const all = new Map<string, T>();
	for (const [key, text] of texts) {
		const known = before?.get(key) === text ? parsed?.get(key) : undefined;
		all.set(key, known ?? JSON.parse(text));
	}
	return all;
}

export function isSameStored(a: Snapshot, b: Snapshot): boolean {
	const same = (one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>) =>
		one.size === other.size && [...one].every(([key, text]) => other.get(key) === text);
	return (
		a.settings === b.settings &&
		same(a.runs, b.runs) &&
		same(a.jobs, b.jobs) &&
		same(a.attempts, b.attempts) &&
		same(a.requests, b.requests)
	);
}

export function isOpen(job: Job): boolean {
	return job.state !== "finished";
}

/** Whether it takes a slot of its repository and group. */
export function isHeld(job: Job): boolean {
	return job.state === "leased" || job.state === "running" || job.state === "canceling";
}

/** What takes a slot, counted anew from the jobs. */
export function loadOf(jobs: Iterable<Job>): { running: number; groups: Map<string, number> } {
	const load = { running: 0, groups: new Map<string, number>() };
	for (const job of jobs) {
		if (!isHeld(job)) continue;
		load.running++;
		const group = job.spec.concurrencyGroup;
		if (group !== null) load.groups.set(group, (load.groups.get(group) ?? 0) + 1);
	}
	return load;
}

/** Waiting jobs that nothing but a free runner keeps from starting, by the settings and loads as they are. */
export function startable({ jobs, settings }: Stored): Job[] {
	const load = loadOf(jobs.values());
	if (settings.paused || load.running >= settings.maxRunning) return [];
	return [...jobs.values()].filter((job) => {
		if (job.state !== "waiting" || job.notBefore !== null) return false;
		const group = job.spec.concurrencyGroup;
		return group === null || (load.groups.get(group) ?? 0) < limitOf(settings, group);
	});
}

export function limitOf(settings: RepositorySettings, group: string): number {
	return new Map(Object.entries(settings.concurrencyGroups)).get(group)?.limit ?? 1;
}
