import { describe, expect, it } from "vitest";
import { aCause, aJob, aReport, aRunId, aRunner, aSpec, someSettings } from "../../testing/builders.ts";
import { noon } from "../../testing/clock.ts";
import type { SeededRandom } from "../../testing/random.ts";
import { seededRandom } from "../../testing/random.ts";
import { grant, rank, reprioritise, start } from "../job/job.ts";
import { deadlineOf, timeUp } from "../job/job-deadline.ts";
import { finish, lose } from "../job/job-end.ts";
import type { Job, Move } from "../job/job.ts";
import { chooseLane } from "./queue.ts";
import { queuedJobOf } from "../job/queued-job.ts";
import { Standing } from "./standing.ts";

const granted = { runner: aRunner(), pool: "default", shard: 0 };

function waiting(index: number, patch: Partial<Job> = {}, group: string | null = null): Job {
	const spec = aSpec({ concurrencyGroup: group });
	const id = `${aRunId().replace("r", "j")}-${index}`;
	return { ...aJob("waiting"), index, id, createdAt: noon, spec, ...patch } as Job;
}

/** Strictly by rank: fairness has tests of its own. */
const strict = { by: "ref", perRunningSeconds: 0, weights: {} } as const;

function standingOf(...jobs: Job[]): Standing {
	return new Standing(
		jobs.flatMap((job) => queuedJobOf(job) ?? []),
		strict,
	);
}

describe("claims", () => {
	/** As a claim goes: choose, grant, choose again. */
	function claim(jobs: Job[], free: number, settings = someSettings()): number[] {
		const standing = standingOf(...jobs);
		const found: number[] = [];
		while (found.length < free) {
			const lane = chooseLane(standing.lanes(), { pool: "default", labels: new Set() }, settings, standing.load);
			const job = jobs.find(({ index }) => index === lane?.head.index);
			if (job?.state !== "waiting") break;
			standing.apply([grant(job, granted, noon)]);
			found.push(job.index);
		}
		return found;
	}

	it("[Q5] each is chosen under the limits as the ones before left them", () => {
		const jobs = [waiting(0, {}, "g"), waiting(1, { priority: 1 }, "g"), waiting(2), waiting(3)];
		expect(claim(jobs, 9)).toEqual([1, 2, 3]);
		expect(claim(jobs, 9, someSettings({ maxRunning: 2 }))).toEqual([1, 2]);
		expect(claim(jobs, 1)).toEqual([1]);
	});

	it("[Q5] jobs of one rank go in the order in which they were written", () => {
		const jobs = [4, 2, 0, 3, 1].map((index) => waiting(index));
		expect(claim(jobs, 9)).toEqual([0, 1, 2, 3, 4]);
	});
});

describe("what is known of a queue", () => {
	it("[Q1] the place of a job in its lane is how many go before it", () => {
		const jobs = [waiting(0), waiting(1, { priority: 5 }), waiting(2, { notBefore: noon }), waiting(3)];
		const standing = standingOf(...jobs);
		expect(jobs.map(({ id }) => standing.position(id))).toEqual([2, 1, null, 3]);
	});

	const seeds = Array.from({ length: 20 }, (_, seed) => seed);

	it.each(seeds)("[Q3][J12] is always what all the jobs together say (seed %i)", (seed) => {
		const random = seededRandom(seed);
		const jobs = Array.from({ length: 12 }, (_, at) => waiting(at, {}, at % 3 === 0 ? "g" : null));
		const standing = standingOf(...jobs);
		for (let step = 0, now = noon; step < 150; step++) {
			now += random.below(5_000);
			const move = someMove(random.pick(jobs), random, now);
			if (move) {
				jobs[move.after.index] = move.after;
				standing.apply([move]);
			}
			expectTrue(standing, jobs, now);
		}
	});
});

function someMove(job: Job, random: SeededRandom, now: number): Move | null {
	const late = timeUp(job, now, 0);
	if (late) return late;
	switch (job.state) {
		case "waiting":
			if (random.chance(0.3)) return reprioritise(job, random.below(9));
			return job.notBefore === null ? grant(job, granted, now) : null;
		case "leased":
			return start(job, now);
		case "running":
			return random.chance(0.5) ? lose(job, "gone", now) : finish(job, aReport(), now, 0);
		case "finished":
			return { before: job, after: { ...aJob("waiting"), index: job.index, id: job.id, cause: aCause() } };
		default:
			return null;
	}
}

function expectTrue(standing: Standing, jobs: readonly Job[], now: number): void {
	const held = jobs.filter(({ state }) => state === "leased" || state === "running");
	expect(standing.load.running).toBe(held.length);
	expect(standing.load.groups.get("g") ?? 0).toBe(held.filter(({ spec }) => spec.concurrencyGroup === "g").length);
	const queued = jobs.filter((job) => job.state === "waiting" && job.notBefore === null);
	const lanes = [...standing.lanes()];
	for (const lane of lanes) {
		const own = queued.filter((job) => job.spec.concurrencyGroup === lane.group);
		expect(lane.waiting).toBe(own.length);
		expect(lane.head.rank).toBe(Math.min(...own.map(rank)));
	}
	expect(lanes.reduce((sum, lane) => sum + lane.waiting, 0)).toBe(queued.length);
	const deadlines = jobs.flatMap((job) => deadlineOf(job) ?? []);
	expect(standing.earliestDeadline()).toBe(deadlines.length > 0 ? Math.min(...deadlines) : null);
	const due = jobs.filter((job) => (deadlineOf(job) ?? Number.POSITIVE_INFINITY) <= now).map(({ index }) => index);
	expect(
		standing
			.due(now, 100)
			.map(({ index }) => index)
			.sort((a, b) => a - b),
	).toEqual(due);
}
