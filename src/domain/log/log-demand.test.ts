import { describe, expect, it } from "vitest";
import { frameIntervalMs, uploadSeconds } from "./log-demand.ts";

describe("demand", () => {
	it("[L26] asks a runner four times a second while somebody watches, and every five seconds at least else", () => {
		for (const isPushed of [true, false]) expect(uploadSeconds({ isWatched: true, isPushed })).toBe(0.25);
		expect(uploadSeconds({ isWatched: false, isPushed: true })).toBe(5);
		// A runner that the log cannot reach asks now and then.
		expect(uploadSeconds({ isWatched: false, isPushed: false })).toBe(2);
	});

	it("[L18] frames get rarer as viewers get more", () => {
		expect([1, 125, 1_000, 2_500].map(frameIntervalMs)).toEqual([25, 25, 200, 500]);
	});
});
