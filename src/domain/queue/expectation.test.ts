import { describe, expect, it } from "vitest";
import { noon } from "../../testing/clock.ts";
import { expectStart } from "./expectation.ts";
import { Recent } from "../recent.ts";

describe("expectStart", () => {
	const known = { position: 1, running: 4, isAlone: true, typicalMs: 60_000, samples: 5 };

	it("[E2] is when as many have ended as go before it, and one", () => {
		expect(expectStart(known, noon)).toBe(noon + 15_000);
		expect(expectStart({ ...known, position: 8 }, noon)).toBe(noon + 120_000);
	});

	it("[E2] is not known while nothing runs, too little was seen, or others compete for the same slots", () => {
		expect(expectStart({ ...known, isAlone: false }, noon)).toBeNull();
		expect(expectStart({ ...known, running: 0 }, noon)).toBeNull();
		expect(expectStart({ ...known, samples: 4 }, noon)).toBeNull();
	});
});

describe("Recent", () => {
	it("[E2] knows the percentiles of the last 512, and nothing at first", () => {
		const recent = new Recent();
		expect(recent.percentile(0.5)).toBeNull();
		for (let ms = 0; ms < 1_000; ms++) recent.add(ms);
		expect([recent.size, recent.percentile(0), recent.percentile(0.5), recent.percentile(1)]).toEqual([
			512, 488, 744, 999,
		]);
	});
});
