import { describe, expect, it } from "vitest";
import { noon } from "../../testing/clock.ts";
import { seededRandom } from "../../testing/random.ts";
import { bucketAt, msUntil, takeFrom } from "./token-bucket.ts";
import type { RateBucket, Rate } from "./token-bucket.ts";

const rate: Rate = { max: 60, windowMs: 60_000 };

/** As many as it gives at that instant. */
function drain(bucket: RateBucket | null, at: number, of = rate): { taken: number; left: RateBucket | null } {
	let left = bucket;
	for (let taken = 0; ; taken++) {
		const next = takeFrom(left, of, { now: at });
		if (next === null) return { taken, left };
		left = next;
	}
}

describe("a token bucket", () => {
	it("[V20] gives a window's worth at once, nothing more, and evenly what comes back", () => {
		const first = drain(null, noon);
		expect(first.taken).toBe(60);
		expect(msUntil(first.left, rate, { now: noon })).toBe(1_000);
		expect(takeFrom(first.left, rate, { now: noon + 999 })).toBeNull();
		expect(drain(first.left, noon + 1_000).taken).toBe(1);
		expect(drain(first.left, noon + 3_600_000).taken).toBe(60);
	});

	it("[V20] takes several at once or none, and says of what it can never give that it never comes", () => {
		const most = takeFrom(null, rate, { cost: 59, now: noon });
		expect(takeFrom(most, rate, { cost: 2, now: noon })).toBeNull();
		expect(msUntil(most, rate, { cost: 2, now: noon })).toBe(1_000);
		expect(msUntil(null, rate, { cost: 61, now: noon })).toBeNull();
	});

	it("[V20] is filled by no clock that is set back, and holds no more than a lowered rate", () => {
		const { left } = drain(null, noon);
		expect(takeFrom(left, rate, { now: noon - 10_000 })).toBeNull();
		const full = bucketAt(null, rate, noon);
		expect(drain(full, noon, { ...rate, max: 10 }).taken).toBe(10);
		expect(drain(full, noon, { ...rate, max: 600 }).taken).toBe(60);
	});

	it.each([1, 2, 3, 4, 5, 6])(
		"[V20] never gives more than a window's worth and what came in meanwhile (seed %i)",
		(seed) => {
			const random = seededRandom(seed);
			const of: Rate = { max: 1 + random.below(200), windowMs: 1_000 * (1 + random.below(60)) };
			const given: { at: number; cost: number }[] = [];
			let bucket: RateBucket | null = null;
			let now = noon;
			for (let step = 0; step < 600; step++) {
				now += random.below(4) === 0 ? random.below(of.windowMs) : random.below(20);
				const cost = 1 + random.below(3);
				const next: RateBucket | null = takeFrom(bucket, of, { cost, now });
				if (next === null) continue;
				bucket = next;
				given.push({ at: now, cost });
			}
			let tooMuch = Number.NEGATIVE_INFINITY;
			for (const [first, { at }] of given.entries()) {
				let sum = 0;
				for (const { at: until, cost } of given.slice(first)) {
					sum += cost;
					tooMuch = Math.max(tooMuch, sum - of.max - ((until - at) * of.max) / of.windowMs);
				}
			}
			expect(tooMuch).toBeLessThanOrEqual(1e-6);
		},
	);
});
