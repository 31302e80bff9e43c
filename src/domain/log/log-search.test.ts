// A search against a naive one, which has the whole log in one string: random logs, random cuts, lines far longer than a piece,
// pages that end after some finds or after some bytes.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../testing/random.ts";
import type { SeededRandom } from "../../testing/random.ts";
import { lineBytesMax, PlainTextStream, plainText } from "./log-lines.ts";
import { contextLines, LogSearch } from "./log-search.ts";
import type { Found, SearchPlace } from "./log-search.ts";

const text = new TextEncoder();
const seeds = 300;
const beginning: SearchPlace = { from: 0, line: 1, next: 0, start: 0, isFound: false };

interface SearchCall {
	query: string;
	limit: number;
	/** Of a chunk that the log is read in. */
	chunkBytes: () => number;
	/** Read for one page. */
	pageBytes: number;
}

function search(log: Uint8Array, { query, limit, chunkBytes, pageBytes }: SearchCall): Found[] {
	const found: Found[] = [];
	let place: SearchPlace | null = beginning;
	for (let page = 0; place !== null; page++) {
		expect(page).toBeLessThan(10_000);
		const one: LogSearch = new LogSearch({ query, limit, place });
		let read = 0;
		for (let at = place.from; at < log.length && !one.isDone; ) {
			const bytes = log.subarray(at, at + chunkBytes());
			one.push({ bytes, times: [] });
			at += bytes.length;
			read += bytes.length;
			if (read >= pageBytes) one.stop();
		}
		one.end();
		expect(one.found.length).toBeLessThanOrEqual(limit);
		expect(read).toBeLessThan(pageBytes + 10 * lineBytesMax);
		found.push(...one.found);
		place = one.rest;
	}
	return found;
}

interface NaiveLine {
	offset: number;
	line: number;
	plain: string;
}

function linesOf(log: Uint8Array): NaiveLine[] {
	const lines: NaiveLine[] = [];
	for (let offset = 0; offset < log.length; ) {
		const end = log.indexOf(0x0a, offset);
		const to = end === -1 ? log.length : end;
		lines.push({ offset, line: lines.length + 1, plain: plainText(log.subarray(offset, to)) });
		offset = to + 1;
	}
	return lines;
}

function naive(log: Uint8Array, query: string): Found[] {
	const lines = linesOf(log);
	const plain = lines.map((line) => line.plain);
	return lines.flatMap(({ offset, line }, index) => {
		const shown = plain[index] ?? "";
		if (!shown.includes(query)) return [];
		const before = plain.slice(Math.max(0, index - contextLines), index);
		return [{ offset, line, text: shown, before, after: plain.slice(index + 1, index + 1 + contextLines) }];
	});
}

/** Lines of every length, and needles anywhere in them: at the edges of pieces as well, and with colours inside. */
function someLog(random: SeededRandom, query: string): Uint8Array {
	const fillers = ["x", "é", "🚀", "\u001b[31m", "\u001b]0;title\u0007", query.slice(0, -1) || "y", "\r"];
	const needles = [query, `${query.slice(0, 2)}\u001b[1;32m${query.slice(2)}`];
	const lines: string[] = [];
	for (let count = 1 + random.below(5); count > 0; count--) {
		let line = "";
		let left = Math.floor(random() ** 3 * 4 * lineBytesMax);
		for (let needlesLeft = random.below(3); needlesLeft >= 0; needlesLeft--) {
			const run = needlesLeft === 0 ? left : random.chance(0.5) ? random.below(left + 1) : nearEdge(random, line, left);
			// Long runs of one, so that a log is made fast; short ones of all.
			const filler = fillers[random.below(fillers.length)] ?? "x";
			line += filler.repeat(Math.floor(run / text.encode(filler).length));
			for (let few = random.below(4); few > 0; few--) line += fillers[random.below(fillers.length)];
			if (needlesLeft > 0) line += needles[random.below(needles.length)];
			left -= run;
		}
		lines.push(line);
	}
	return text.encode(lines.join("\n") + (random.chance(0.5) ? "\n" : ""));
}

function nearEdge(random: SeededRandom, line: string, left: number): number {
	const at = text.encode(line).length;
	const edge = Math.ceil((at + 1) / lineBytesMax) * lineBytesMax;
	return Math.min(left, Math.max(0, edge - at - random.below(16)));
}

describe("a search", () => {
	const printed = fc.string({ unit: fc.constantFrom("a", "b", "é", "\n", "\r\n", "\u001b[31m"), maxLength: 60 });

	it("[L27] finds each line that has the text, once, with what stands around it, page by page", () => {
		fc.assert(
			fc.property(
				printed,
				fc.constantFrom("a", "ab", "é", "ba"),
				fc.integer({ min: 1, max: 3 }),
				fc.integer({ min: 1, max: 30 }),
				(shown, query, limit, size) => {
					const log = text.encode(shown);
					const call = { query, limit, chunkBytes: () => size, pageBytes: Number.POSITIVE_INFINITY };
					expect(search(log, call)).toEqual(naive(log, query));
				},
			),
			{ seed: 27, numRuns: 1_000 },
		);
	});

	it("[L27] finds each line however long, also where a find lies across its pieces, and where a page ends within it", () => {
		for (let seed = 0; seed < seeds; seed++) {
			const random = seededRandom(2_700 + seed);
			const query = ["needle", "né🚀dle", "ab", "x", "aab"][random.below(5)] ?? "";
			const log = someLog(random, query);
			const call = {
				query,
				limit: 1 + random.below(3),
				chunkBytes: () => 1 + random.below(3 * lineBytesMax),
				pageBytes: random.chance(0.5) ? Number.POSITIVE_INFINITY : (3 + random.below(4)) * lineBytesMax,
			};
			const places = search(log, call).map(({ offset, line, text: shown }) => {
				expect(shown, `seed ${seed}`).toContain(query);
				return { offset, line };
			});
			expect(places, `seed ${seed}`).toEqual(naive(log, query).map(({ offset, line }) => ({ offset, line })));
		}
	});

	it("[L27] finds what lies where a page ends, once", () => {
		for (let before = 1; before < 6; before++) {
			for (let edge = 1; edge < 6; edge++) {
				const line = new Uint8Array(6 * lineBytesMax).fill(0x78);
				line.set(text.encode("needle"), edge * lineBytesMax - before);
				const call = { query: "needle", limit: 5, chunkBytes: () => lineBytesMax, pageBytes: 2 * lineBytesMax };
				expect(search(line, call).map(({ offset }) => offset)).toEqual([0]);
			}
		}
	});

	it("[L27] that has read enough stops before the next line, and goes on with it", () => {
		const one = new LogSearch({ query: "a", limit: 10, place: beginning });
		one.stop();
		one.push({ bytes: text.encode("one a\ntwo\nthree a\nfour\n"), times: [] });
		expect([one.isDone, one.found, one.rest]).toEqual([true, [], beginning]);
	});

	it("[L27] shows of a long line the part that matters", () => {
		const log = text.encode(`${"x".repeat(5_000)}needle${"y".repeat(5_000)}`);
		const call = { query: "needle", limit: 1, chunkBytes: () => 700, pageBytes: Number.POSITIVE_INFINITY };
		const [found] = search(log, call);
		expect(found?.text).toHaveLength(1_000);
		expect(found?.text).toContain("needle");
	});

	it("[L30] a line in pieces has the same text as in one, escape sequences cut anywhere", () => {
		const units = ["a", "é", "🚀", "\u001b", "[", "]", "3", "1;", "m", "\u0007", "\\", "M", "\u001b[0m", "\u001b]0;t"];
		fc.assert(
			fc.property(
				fc.string({ unit: fc.constantFrom(...units), maxLength: 40 }),
				fc.integer({ min: 1, max: 7 }),
				(line, size) => {
					const bytes = text.encode(line);
					const stream = new PlainTextStream();
					let plain = "";
					for (let at = 0; at < bytes.length; at += size) plain += stream.push(bytes.subarray(at, at + size));
					expect(plain + stream.end()).toBe(plainText(bytes));
				},
			),
			{ seed: 31, numRuns: 5_000 },
		);
	});
});
