import { describe, expect, it } from "vitest";
import { aCause, aFailure, aJob, aReport, aRun, aRunId, aSpec, aSubmission, outcomes } from "../../testing/builders.ts";
import { noon } from "../../testing/clock.ts";
import { seededRandom } from "../../testing/random.ts";
import type { Job, JobState, Move, Outcome } from "../job/job.ts";
import { create, grant, lapse, retry, start } from "../job/job.ts";
import { timeUp } from "../job/job-deadline.ts";
import { cancel, finish, lose } from "../job/job-end.ts";
import type { Run, RunOutcome } from "./run.ts";
import { createRun, tally } from "./run.ts";

const wish = { actor: "dev@example.com", reason: null, at: noon };

function arrive(job: Job): Move {
	return { before: null, after: job };
}

function ended(outcome: Outcome, allowFailure = false): Move {
	return arrive(aJob("finished", { outcome, spec: aSpec({ allowFailure }) }));
}

describe("tally", () => {
	it("[U1] a new run has nothing but its name", () => {
		const run = createRun(
			aRunId(),
			7,
			{ ...aSubmission([], { title: "Fix it", cancelSuperseded: true }), fork: true },
			noon,
		);
		expect(run).toEqual(aRun({ number: 7, title: "Fix it", fork: true }));
	});

	it("[U1] counts what arrives and what moves, a higher version each time, never behind the clock", () => {
		const waiting = aJob("waiting");
		const first = tally(aRun(), [arrive(waiting), arrive(aJob("blocked"))], noon);
		expect(first).toMatchObject({ version: noon, jobs: 2, state: "accepted", counts: { blocked: 1, waiting: 1 } });
		const leased = grant(waiting, { runner: { id: "1", name: "one" }, pool: "default", shard: 0 }, noon);
		const second = tally(first, [leased], noon);
		expect(second).toMatchObject({ version: noon + 1, jobs: 2, counts: { blocked: 1, waiting: 0, leased: 1 } });
		expect(first.counts.waiting, "the run before is not changed").toBe(1);
	});

	it("[U1] a move that was never counted is a fault of ours", () => {
		expect(() => tally(aRun({ jobs: 3 }), [arrive(aJob("waiting"))], noon)).toThrow("a run's counts are its jobs");
	});
});

describe("outcome", () => {
	const meanings: Record<Outcome, [must: RunOutcome, may: RunOutcome]> = {
		passed: ["passed", "passed"],
		skipped: ["passed", "passed"],
		failed: ["failed", "passed"],
		"timed-out": ["failed", "passed"],
		lost: ["failed", "passed"],
		refused: ["failed", "passed"],
		expired: ["failed", "passed"],
		canceled: ["canceled", "canceled"],
	};

	it.each(outcomes)("[U2][G5] of a run whose only job ended as %s", (outcome) => {
		const found = [false, true].map((allowFailure) => tally(aRun(), [ended(outcome, allowFailure)], noon).outcome);
		expect(found).toEqual(meanings[outcome]);
	});

	it.each([
		["failed and canceled", null, ["failed", "canceled"], "failed"],
		["failed and canceled by somebody's cancel of the run", wish, ["failed", "canceled"], "canceled"],
		["failed before the cancel could stop anything", wish, ["failed", "passed"], "failed"],
		["passed before the cancel could stop anything", wish, ["passed", "passed"], "passed"],
		["passed and canceled", null, ["passed", "canceled"], "canceled"],
		["skipped and passed", null, ["skipped", "passed"], "passed"],
	] as const)("[U2] %s", (_, cancel, ends, expected) => {
		const run = tally(
			aRun({ cancel }),
			ends.map((outcome) => ended(outcome)),
			noon,
		);
		expect(run).toMatchObject({ state: "finished", outcome: expected });
	});

	it("[U2] there is none while a job is open", () => {
		const run = tally(aRun(), [ended("failed"), arrive(aJob("waiting"))], noon);
		expect(run).toMatchObject({ outcome: null, finishedAt: null });
	});
});

describe("state", () => {
	it.each([
		["waiting", "accepted"],
		["blocked", "accepted"],
		["leased", "accepted"],
		["running", "running"],
		["canceling", "running"],
		["finished", "finished"],
	] as const)("[U3] with one job that is %s: %s", (job: JobState, state) => {
		expect(tally(aRun(), [arrive(aJob(job))], noon).state).toBe(state);
	});

	it("[U3] a run has started once, even if its job waits again", () => {
		const job = aJob("running");
		const run = tally(aRun(), [arrive(job)], noon);
		const later = tally(run, [lose(job, "its runner was lost", noon + 1)], noon + 1);
		expect(later).toMatchObject({ state: "running", startedAt: noon, counts: { waiting: 1, running: 0 } });
	});

	it("[U3] a retry takes back the end and not the start", () => {
		const job = aJob("finished", { outcome: "failed" });
		const run = tally(aRun({ startedAt: noon - 9 }), [arrive(job)], noon);
		expect(run).toMatchObject({ state: "finished", outcome: "failed", finishedAt: noon });
		const again = tally(run, [retry(job, aCause({ by: "user" }), false)], noon + 1);
		expect(again).toMatchObject({ state: "running", outcome: null, startedAt: noon - 9, finishedAt: null });
		expect(again.bad).toEqual({ failed: 0, canceled: 0 });
	});

	it("[U3] a run without jobs is not finished", () => {
		expect(tally(aRun(), [], noon)).toMatchObject({ state: "accepted", outcome: null });
	});
});

/** Seeds that once failed stay here by number. */
const seeds = Array.from({ length: 40 }, (_, seed) => seed);

describe("a run under random moves", () => {
	it.each(seeds)("[U1][J12][J4] keeps its books, and ends when only the alarm is left (seed %i)", (seed) => {
		const random = seededRandom(seed);
		let now = noon;
		const jobs: Job[] = [];
		let run: Run = aRun();
		const apply = (move: Move): void => {
			expectLegal(move);
			jobs[move.after.index] = move.after;
			run = tally(run, [move], now);
			expectBooks(run, jobs);
		};
		for (let index = 0; index < 1 + random.below(5); index++) {
			const spec = aSpec({ allowFailure: random.chance(0.3), retry: { maxAttempts: 1 + random.below(3), on: [{}] } });
			apply({
				before: null,
				after: create(
					{ run: aRunId(), index, spec, needs: [], needed: false, cause: aCause(), ref: null, actor: "dev" },
					now,
				),
			});
		}
		for (let step = 0; step < 60; step++) {
			now += random.below(20_000);
			const move = someMove(random.pick(jobs), { now, random });
			if (move) apply(move);
		}
		for (let turns = 0; run.state !== "finished"; turns++) {
			expect(turns, "the alarm brings every job to its end").toBeLessThan(200);
			now += 7 * 86_400_000;
			for (const job of [...jobs]) {
				const move = timeUp(job, now, 0);
				if (move) apply(move);
			}
		}
		expect(run.outcome).not.toBeNull();
	});
});

function someMove(job: Job, { now, random }: { now: number; random: ReturnType<typeof seededRandom> }): Move | null {
	const late = timeUp(job, now, random());
	if (late) return late;
	const request = { ...wish, at: now, force: random.chance(0.2) };
	if (job.state !== "finished" && random.chance(0.1)) return cancel(job, request);
	switch (job.state) {
		case "blocked":
			return null;
		case "waiting":
			return job.notBefore === null
				? grant(job, { runner: { id: "1", name: "one" }, pool: "default", shard: 0 }, now)
				: null;
		case "leased":
			return random.chance(0.8) ? start(job, now) : lapse(job, now);
		case "running":
		case "canceling":
			if (random.chance(0.2)) return lose(job, "its runner was lost", now);
			return finish(job, random.chance(0.4) ? aReport() : aFailure(), now, random());
		case "finished":
			return random.chance(0.2) ? retry(job, aCause({ by: "user", at: now }), false) : null;
	}
}

function expectLegal({ before, after, attempt }: Move): void {
	expect(after.epoch - (before?.epoch ?? 0)).toBe(after.state === "leased" ? 1 : 0);
	const starts = after.state === "running" && before?.state === "leased";
	expect(after.attempts - (before?.attempts ?? 0)).toBe(starts ? 1 : 0);
	if (attempt) expect(attempt).toMatchObject({ number: after.attempts, epoch: after.epoch });
	expect(after.used).toBeLessThanOrEqual(after.attempts);
	expect(after.losses).toBeLessThanOrEqual(3);
}

function expectBooks(run: Run, jobs: readonly Job[]): void {
	const counts: Record<JobState, number> = { blocked: 0, waiting: 0, leased: 0, running: 0, canceling: 0, finished: 0 };
	for (const job of jobs) counts[job.state]++;
	expect(run.counts).toEqual(counts);
	expect(run.jobs).toBe(jobs.length);
	expect(run.state === "finished").toBe(jobs.every((job) => job.state === "finished"));
	expect(run.finishedAt !== null).toBe(run.state === "finished");
	const failed = jobs.some((job) => job.state === "finished" && job.outcome === "failed" && !job.spec.allowFailure);
	if (failed && run.state === "finished") expect(run.outcome).toBe("failed");
}
