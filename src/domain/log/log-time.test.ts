import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addTime, decodeTimes, encodeTimes, logTimesMax, logTimeStepMs, timeAt, timesBetween } from "./log-time.ts";
import type { LogTime } from "./log-time.ts";

const start = 1_790_000_000_000;

function indexOf(appends: readonly { size: number; wait: number }[], base: number): readonly LogTime[] {
	let times: readonly LogTime[] = [];
	let [offset, now] = [base, start];
	for (const { size, wait } of appends) {
		now += wait;
		times = addTime(times, offset, now);
		offset += size;
	}
	return times;
}

const appends = fc.array(
	fc.record({ size: fc.integer({ min: 1, max: 300_000 }), wait: fc.integer({ min: -50, max: 5_000 }) }),
	{ maxLength: 60 },
);

describe("the index from offset to instant", () => {
	it("[L24] says of every byte when it came, to a tenth of a second", () => {
		fc.assert(
			fc.property(appends, (given) => {
				const times = indexOf(given, 7);
				let [offset, now] = [7, start];
				for (const { size, wait } of given) {
					now += wait;
					for (const place of [offset, offset + size - 1]) {
						const at = timeAt(times, place) ?? Number.NaN;
						expect(at).toBeLessThan(now + 50 * given.length + logTimeStepMs);
						expect(at).toBeGreaterThan(now - logTimeStepMs - 50);
					}
					offset += size;
				}
			}),
			{ seed: 24, numRuns: 300 },
		);
	});

	it("[L24] is written small and read back, whole and in parts", () => {
		fc.assert(
			fc.property(appends, fc.nat(1_000_000), fc.nat(1_000_000), (given, a, b) => {
				const times = indexOf(given, 1_000);
				const bytes = encodeTimes(times, 1_000);
				expect(decodeTimes(bytes, 1_000)).toEqual(times);
				expect(bytes.length).toBeLessThanOrEqual(6 * times.length + 6);
				const [from, to] = [Math.min(a, b), Math.max(a, b) + 1];
				const part = timesBetween(times, from, to);
				for (const place of [from, to - 1]) expect(timeAt(part, place)).toBe(timeAt(times, place));
			}),
			{ seed: 25, numRuns: 300 },
		);
	});

	it("[L24] of a log that prints for hours stays bounded, and keeps its first instant", () => {
		const times = indexOf(
			Array.from({ length: 50_000 }, () => ({ size: 1, wait: 1_000 })),
			0,
		);
		expect(times.length).toBeLessThanOrEqual(logTimesMax);
		expect(times[0]).toEqual({ offset: 0, at: start + 1_000 });
		expect(timeAt(times, 49_999)).toBe(start + 50_000_000);
		expect(timeAt([], 5)).toBeNull();
	});
});
