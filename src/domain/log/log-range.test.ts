import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRange, searchBack, tailSearch } from "./log-range.ts";

describe("parseRange", () => {
	const cases: [header: string | null, length: number, expected: unknown][] = [
		[null, 10, "whole"],
		["bytes=0-4", 10, { from: 0, to: 5 }],
		["bytes=9-9", 10, { from: 9, to: 10 }],
		["bytes=4-", 10, { from: 4, to: 10 }],
		["bytes=4-99", 10, { from: 4, to: 10 }],
		["bytes=-3", 10, { from: 7, to: 10 }],
		["bytes=-99", 10, { from: 0, to: 10 }],
		["bytes=10-", 10, "unsatisfiable"],
		["bytes=-0", 10, "unsatisfiable"],
		["bytes=0-", 0, "unsatisfiable"],
		["bytes=-1", 0, "unsatisfiable"],
		["BYTES=4-", 10, { from: 4, to: 10 }],
		[`bytes=${"9".repeat(16)}-`, 10, "unsatisfiable"],
		[`bytes=${"9".repeat(40)}-`, 10, "unsatisfiable"],
		[`bytes=4-${"9".repeat(40)}`, 10, { from: 4, to: 10 }],
		[`bytes=-${"9".repeat(40)}`, 10, { from: 0, to: 10 }],
		[`bytes=000000000000000000004-`, 10, { from: 4, to: 10 }],
		["bytes=5-4", 10, "whole"],
		["bytes=0-1,3-4", 10, "whole"],
		["bytes=-", 10, "whole"],
		["lines=0-4", 10, "whole"],
		["bytes=a-b", 10, "whole"],
	];
	for (const [header, length, expected] of cases) {
		it(`[L11] ${header} of ${length} bytes`, () => {
			expect(parseRange(header, length)).toEqual(expected);
		});
	}
});

describe("searchBack", () => {
	it("[L12] finds the last lines whatever the chunks are", () => {
		const log = fc.string({ unit: fc.constantFrom("a", "\n"), maxLength: 40 });
		fc.assert(
			fc.property(log, fc.nat(8), fc.integer({ min: 1, max: 7 }), (shown, lines, chunk) => {
				const bytes = new TextEncoder().encode(shown);
				let search = tailSearch(lines, bytes.length);
				while (!search.done) {
					const from = Math.max(0, search.start - chunk);
					search = searchBack(search, bytes.subarray(from, search.start), bytes.length);
				}
				const whole = shown.match(/[^\n]*\n|[^\n]+/g) ?? [];
				expect(shown.slice(search.start)).toBe(lines === 0 ? "" : whole.slice(-lines).join(""));
			}),
			{ seed: 12, numRuns: 500 },
		);
	});
});
