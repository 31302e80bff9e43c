import { describe, expect, it } from "vitest";
import { aCause, aFailure } from "../../testing/builders.ts";
import { noon } from "../../testing/clock.ts";
import { MemoryRun } from "../../testing/memory-run.ts";
import type { BudgetMinute } from "./budget.ts";
import { count, retriesLeft } from "./budget.ts";
import { decideFinish, decideRetryJob, decideStart } from "../run/decide.ts";

const minuteMs = 60_000;
const hour = { perHour: 3, ratio: 0.2 };

function hourOf(...happened: [minutesAgo: number, starts: number, retries: number][]): BudgetMinute[] {
	return happened.reduce<BudgetMinute[]>(
		(minutes, [ago, starts, retries]) => count(minutes, { starts, retries }, noon - ago * minuteMs),
		[],
	);
}

describe("the retry budget", () => {
	it("[R8] is at least so many an hour, whatever starts", () => {
		expect(retriesLeft([], hour, noon)).toBe(3);
		expect(retriesLeft(hourOf([5, 1, 2]), hour, noon)).toBe(1);
		expect(retriesLeft(hourOf([5, 1, 2], [1, 0, 9]), hour, noon)).toBe(0);
	});

	it("[R8] grows with what starts, by its ratio", () => {
		expect(retriesLeft(hourOf([9, 100, 5]), hour, noon)).toBe(15);
		expect(retriesLeft(hourOf([9, 100, 5]), { perHour: 3, ratio: 0 }, noon)).toBe(0);
	});

	it("[R8] forgets what is an hour old, and only that", () => {
		expect(retriesLeft(hourOf([60, 0, 3]), hour, noon)).toBe(3);
		expect(retriesLeft(hourOf([59, 0, 3]), hour, noon)).toBe(0);
		expect(hourOf([100, 1, 1], [59, 2, 2], [0, 3, 3])).toHaveLength(2);
	});

	it("[R8] counts what happens in one minute together", () => {
		expect(hourOf([0, 1, 0], [0, 2, 1])).toEqual([{ minute: noon / minuteMs, starts: 3, retries: 1 }]);
	});
});

describe("a spent budget", () => {
	function failed(retriesLeft: number): MemoryRun {
		const run = MemoryRun.of({ key: "a", retry: { maxAttempts: 3 } });
		const lease = run.grant("a", noon);
		expect(run.take(decideStart(run, lease, noon))).toBe("ok");
		expect(run.take(decideFinish(run, lease, aFailure(), { now: noon, random: 0, retriesLeft }))).toBe("ok");
		return run;
	}

	it("[R7] lets the attempt stand, which says so, and the job ends as it did", () => {
		expect(failed(1).story()).toEqual({ a: "waiting" });
		const spent = failed(0);
		expect(spent.story()).toEqual({ a: "failed" });
		expect(spent.attempt(0, 1)).toMatchObject({ outcome: "failed", next: { withheld: "budget" } });
	});

	it("[R7] leaves it to a person to retry", () => {
		const spent = failed(0);
		expect(spent.take(decideRetryJob(spent, 0, aCause({ by: "user" })))).toBe("ok");
		expect(spent.story()).toEqual({ a: "waiting" });
	});
});
