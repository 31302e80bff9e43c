// Counts are the jobs, memory is what is stored, and whatever waits has a deadline and an alarm. [I8] [I10]
import type { Millis } from "../../domain/ids.ts";
import { deadlineOf } from "../../domain/job/job-deadline.ts";
import type { Job } from "../../domain/job/job.ts";
import {
	alarmNearestMs,
	blockedMaxMs,
	cancelMarginMs,
	graceSeconds,
	overrunMarginMs,
	retryAfterSecondsMax,
	startBySeconds,
	startMarginMs,
} from "../../domain/limits.ts";
import type { Run } from "../../domain/run/run.ts";
import { weightOf } from "../../domain/run/run.ts";
import { Standing } from "../../domain/queue/standing.ts";
import type { Facts, Stored } from "../facts.ts";
import { isOpen, loadOf } from "../facts.ts";
import type { InvariantMemory } from "./memory.ts";

const secondMs = 1_000;
const graceMs = graceSeconds * secondMs;

/** Counts are the jobs, and a run that looks different has a version that nobody saw before. */
export function keepsBooks({ command, after, port }: Facts, { shown }: InvariantMemory): string | null {
	const jobsOf = Map.groupBy(after.jobs.values(), ({ run }) => run);
	for (const id of after.runs.keys()) {
		const run = port.queue.run(id) ?? after.runs.get(id) ?? null;
		if (run === null) return `run ${id} is gone`;
		const last = shown.get(id);
		if (last?.run === run) continue;
		const jobs = jobsOf.get(id) ?? [];
		const wrong = miscountOf(run, jobs);
		if (wrong !== null) return wrong;
		const text = JSON.stringify([{ ...run, version: 0 }, jobs.map((job) => after.texts.jobs.get(job.id))]);
		if (last && last.text !== text && run.version <= last.version) {
			return `run ${id} changed by ${command.do}, and its version went from ${last.version} to ${run.version}`;
		}
		shown.set(id, { run, version: Math.max(run.version, last?.version ?? 0), text });
	}
	return isLoadTrue(after, port.queue.standing);
}

function miscountOf(run: Run, jobs: readonly Job[]): string | null {
	for (const [state, count] of Object.entries(run.counts)) {
		const found = jobs.filter((job) => job.state === state).length;
		if (found !== count) return `run ${run.id} counts ${count} jobs as ${state} and has ${found}`;
	}
	for (const [weight, count] of Object.entries(run.bad)) {
		const found = jobs.filter((job) => weightOf(job) === weight).length;
		if (found !== count) return `run ${run.id} counts ${count} ends as ${weight} and has ${found}`;
	}
	return (run.state === "finished") === jobs.every((job) => !isOpen(job)) ? null : `run ${run.id} is ${run.state}`;
}

function isLoadTrue({ jobs }: Stored, standing: Standing): string | null {
	const load = loadOf(jobs.values());
	if (standing.load.running !== load.running)
		return `${standing.load.running} slots are counted, ${load.running} are held`;
	for (const group of new Set([...load.groups.keys(), ...standing.load.groups.keys()])) {
		const [counted, held] = [standing.load.groups.get(group) ?? 0, load.groups.get(group) ?? 0];
		if (counted !== held) return `${counted} slots of the group ${group} are counted, ${held} are held`;
	}
	for (const [state, counted] of Object.entries(standing.counts)) {
		const found = [...jobs.values()].filter((job) => job.state === state).length;
		if (counted !== found) return `${counted} jobs are counted as ${state}, ${found} are`;
	}
	return null;
}

/** Whatever is kept in memory is what is built anew from what is stored. */
export function forgetsNothing({ command, after, port }: Facts): string | null {
	if (command.do !== "tell" && command.do !== "alarm") return null;
	const anew = new Standing(port.queue.tables.openJobs(), after.settings.fairness);
	const [kept, built] = [port.queue.standing, anew].map((standing) =>
		JSON.stringify([
			[...standing.lanes()].map((lane) => JSON.stringify({ ...lane, head: lane.head?.rank })).sort(),
			standing.earliestDeadline(),
		]),
	);
	return kept === built ? null : `in memory ${kept}, from what is stored ${built}`;
}

/** Everything unfinished has a deadline, the alarm is never later, and what it has seen to is not due any more. */
export function hasDeadlines({ command, before, after, now, port }: Facts): string | null {
	let earliest: Millis | null = null;
	for (const [id, job] of after.jobs) {
		const deadline = deadlineOf(job);
		if (!isOpen(job)) continue;
		if (deadline === null) return `job ${id} is ${job.state} without a deadline`;
		if (deadline > now + longestMs(job)) return `job ${id} is ${job.state}, and nobody looks for ${deadline - now} ms`;
		earliest = Math.min(deadline, earliest ?? deadline);
		if (command.do === "alarm" && deadline <= now && wasDue(port, now) && before.jobs.get(id) === job) {
			return `job ${id} is due, and the alarm left it`;
		}
	}
	const { alarmAt } = port.storage;
	if (earliest !== null && (alarmAt === null || alarmAt > Math.max(earliest, now + alarmNearestMs))) {
		return `something is due at ${earliest}, and the alarm is set to ${alarmAt}`;
	}
	if (command.do === "alarm" && alarmAt !== null && alarmAt < now + alarmNearestMs && wasDue(port, now))
		return "the alarm spins";
	return null;
}

/** How long a job may stay as it is when nobody does anything about it. */
function longestMs({ state, spec, startsAt, createdAt }: Job): number {
	switch (state) {
		case "blocked":
			return blockedMaxMs;
		case "waiting": {
			const delayMs = Math.max(0, (startsAt ?? createdAt) - createdAt);
			const backoffMs = Math.max(spec.retry.backoff.maxSeconds, retryAfterSecondsMax) * secondMs;
			return spec.queueTimeoutSeconds * secondMs + Math.max(delayMs, backoffMs);
		}
		case "leased":
			return startBySeconds * secondMs + startMarginMs;
		case "running":
			return spec.timeoutSeconds * secondMs + overrunMarginMs;
		case "canceling":
			return graceMs + cancelMarginMs;
		case "finished":
			return 0;
	}
}

function wasDue({ lastAlarmAt }: { lastAlarmAt: Millis | null }, now: Millis): boolean {
	return lastAlarmAt === now;
}
