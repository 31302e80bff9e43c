import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineSplitter, LineTexts, lineBytesMax, plainText, stepAt } from "./log-lines.ts";
import type { LogLine } from "./log-lines.ts";
import { LineStamper } from "./log-stamp.ts";
import type { LogChunk } from "./log-time.ts";

const text = new TextEncoder();
const printed = fc.string({ unit: fc.constantFrom("a", "b", "é", "\n", "\r\n", "\u001b[31m"), maxLength: 60 });
const cuts = fc.array(fc.nat(100), { maxLength: 8 });

/** `shown` from `from` on, in pieces that end at `ends`; every byte came at its own offset's instant. */
function chunksOf(shown: string, ends: readonly number[], from = 0): LogChunk[] {
	const bytes = text.encode(shown);
	const places = [...new Set([...ends.map((end) => Math.min(end, bytes.length)), bytes.length])];
	let at = from;
	return places
		.sort((a, b) => a - b)
		.filter((end) => end > from)
		.map((end) => {
			const start = at;
			at = end;
			return { bytes: bytes.subarray(start, end), times: timesFrom(start, end) };
		});
}

function timesFrom(from: number, to: number) {
	return Array.from({ length: to - from }, (_, index) => ({ offset: from + index, at: from + index }));
}

function linesOf(chunks: readonly LogChunk[]): LogLine[] {
	const splitter = new LineSplitter({ offset: 0, number: 1 });
	const lines = chunks.flatMap((chunk) => splitter.push(chunk));
	const last = splitter.end();
	return last === null ? lines : [...lines, last];
}

describe("lines", () => {
	it("[L30] are the same however the log is cut, each with its place, number and time", () => {
		fc.assert(
			fc.property(printed, cuts, (shown, ends) => {
				const lines = linesOf(chunksOf(shown, ends));
				const whole = shown.split("\n");
				if (whole.at(-1) === "") whole.pop();
				expect(lines.map(({ bytes }) => new TextDecoder().decode(bytes))).toEqual(whole);
				let offset = 0;
				for (const [index, line] of lines.entries()) {
					expect(line).toMatchObject({ offset, at: offset, number: index + 1 });
					offset += line.bytes.length + 1;
				}
			}),
			{ seed: 30, numRuns: 500 },
		);
	});

	it("[L30] the texts of pieces make the line's, wherever it is cut: in a character, in an escape sequence", () => {
		const unit = fc.constantFrom("a", "€", "🚀", "\u001b[38;5;1m", "\u001b]0;title\u0007", "\r");
		const long = fc.record({
			short: fc.string({ unit, maxLength: 20 }),
			begin: fc.nat(12),
			filler: fc.constantFrom("€", "a", "🚀"),
			middle: fc.string({ unit, maxLength: 20 }),
			rest: fc.constantFrom("", "\r", "€", "\r\nmore", "\n"),
		});
		fc.assert(
			fc.property(long, ({ short, begin, filler, middle, rest }) => {
				const room = lineBytesMax - begin - text.encode(middle).length;
				const first = `${"b".repeat(begin)}${filler.repeat(Math.ceil(room / text.encode(filler).length))}`;
				const shown = `${short}\n${first}${middle}${first}${rest}`;
				const texts = new LineTexts();
				const told = [...linesOf(chunksOf(shown, [])).map((line) => texts.push(line)), texts.end()];
				const joined = new Map<number, string>();
				for (const { line, text } of told.filter((line) => line !== null)) {
					joined.set(line.number, (joined.get(line.number) ?? "") + text);
				}
				const whole = shown.split("\n").map((line) => plainText(text.encode(line)));
				expect([...joined.values()]).toEqual(shown.endsWith("\n") ? whole.slice(0, -1) : whole);
				expect(told.filter((line) => line !== null).length).toBeGreaterThan(joined.size);
			}),
			{ seed: 31, numRuns: 60 },
		);
	});

	it("[L30] one that is too long comes in pieces, so that memory is bounded", () => {
		const long = new Uint8Array(2 * lineBytesMax + 10).fill(0x61);
		const lines = linesOf([
			{ bytes: long.subarray(0, 5), times: [] },
			{ bytes: long.subarray(5), times: [] },
		]);
		expect(lines.map(({ offset, number, bytes }) => [offset, number, bytes.length])).toEqual([
			[0, 1, lineBytesMax],
			[lineBytesMax, 1, lineBytesMax],
			[2 * lineBytesMax, 1, 10],
		]);
		const exact = linesOf([{ bytes: text.encode(`${"a".repeat(lineBytesMax)}\nb`), times: [] }]);
		expect(exact.map(({ number, bytes }) => [number, bytes.length])).toEqual([
			[1, lineBytesMax],
			[2, 1],
		]);
	});

	it("[L30] are shown without escape sequences, and with what is no UTF-8 replaced", () => {
		const coloured = "\u001b[1;32mok\u001b[0m \u001b]0;title\u0007\u001b(Bplain\r";
		expect(plainText(text.encode(coloured))).toBe("ok \u001b(Bplain");
		expect(plainText(Uint8Array.of(0x61, 0xff))).toBe("a\ufffd");
	});

	it("[L30] belong to the step that printed them", () => {
		const step = { exitCode: null, startedAt: null, finishedAt: null };
		const steps = [
			{ ...step, name: "install", logStart: 10, logEnd: 20 },
			{ ...step, name: "test", logStart: 25, logEnd: null },
			{ ...step, name: "later", logStart: null, logEnd: null },
		];
		expect([9, 10, 19, 20, 24, 25, 99].map((offset) => stepAt(steps, offset))).toEqual([
			null,
			"install",
			"install",
			null,
			null,
			"test",
			"test",
		]);
	});

	it("[L24] have their times before them, and else not a byte is changed", () => {
		fc.assert(
			fc.property(printed, cuts, (shown, ends) => {
				const stamper = new LineStamper(0, (at) => String(at).padStart(24, "0"));
				const parts = chunksOf(shown, ends).map((chunk) => stamper.stamp(chunk));
				const stamped = parts.map((part) => new TextDecoder().decode(part, { stream: true }));
				const bytes = parts.reduce((sum, part) => sum + part.length, 0);
				let offset = 0;
				const expected = (shown.match(/[^\n]*\n|[^\n]+/g) ?? []).map((line) => {
					const stamp = String(offset).padStart(24, "0");
					offset += text.encode(line).length;
					return `${stamp} ${line}`;
				});
				expect(bytes).toBe(text.encode(expected.join("")).length);
				if (ends.length === 0) expect(stamped.join("")).toBe(expected.join(""));
			}),
			{ seed: 24, numRuns: 500 },
		);
	});
});
