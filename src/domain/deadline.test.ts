import { expect, it } from "vitest";
import { noon } from "../testing/clock.ts";
import { nextAlarm, shouldSet } from "./deadline.ts";
import { alarmNearestMs } from "./limits.ts";

it("[D13] the earliest deadline is the alarm's", () => {
	expect(nextAlarm([noon + 9_000, null, noon + 5_000, noon + 7_000], noon)).toBe(noon + 5_000);
	expect(nextAlarm([null, null], noon)).toBeNull();
	expect(nextAlarm([], noon)).toBeNull();
});

it("[D13] what is overdue is done soon, and never at once", () => {
	expect(nextAlarm([noon - 5_000], noon)).toBe(noon + alarmNearestMs);
	expect(alarmNearestMs).toBeGreaterThan(0);
});

it.each([
	["nothing waits", noon + 1, null, false],
	["none is set", null, noon + 5_000, true],
	["an earlier one is set", noon + 1_000, noon + 5_000, false],
	["the same is set", noon + 5_000, noon + 5_000, false],
	["a later one is set", noon + 9_000, noon + 5_000, true],
	["one is set that should have fired", noon - 1_001, noon + 5_000, true],
	["one is set that is about to fire", noon - 1_000, noon + 5_000, false],
])("[D13] whether to set it when %s", (_, set, wanted, expected) => {
	expect(shouldSet(set, wanted, noon)).toBe(expected);
});
