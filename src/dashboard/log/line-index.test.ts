import { expect, it } from "vitest";
import { lineBlockBytes, LineBlocks } from "../../domain/log/line-blocks.ts";
import { seededRandom } from "../../testing/random.ts";
import { LineIndex } from "./line-index.ts";

const indexOf = (lines: LineBlocks) => new LineIndex(lines);

it("[U11] what comes live goes on where the server's index ended: as many lines, each in its block (seeds 0 to 9)", () => {
	for (let seed = 0; seed < 10; seed++) {
		const random = seededRandom(seed);
		const text = Array.from({ length: 3_000 }, () => "x".repeat(Math.floor(random() * 400))).join("\n");
		const bytes = new TextEncoder().encode(text);
		const first = Math.floor(random() * bytes.length);
		const known = new LineBlocks();
		known.push(bytes.subarray(0, first));
		const index = indexOf(known);
		for (let at = first; at < bytes.length; ) {
			const part = bytes.subarray(at, at + 1 + Math.floor(random() * 5_000));
			index.grow(part);
			at += part.length;
		}
		const all = new LineBlocks();
		all.push(bytes);
		expect([seed, index.lines, index.length]).toEqual([seed, all.lines, all.length]);
		expect(index.size).toBeGreaterThan(1);
		const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index: at }) => at + 1)];
		for (let at = 0; at < index.size; at++) {
			const { offset, line, to } = index.block(at);
			expect(starts[line - 1]).toBe(offset);
			expect([index.blockOfLine(line), to > offset]).toEqual([at, true]);
		}
	}
});

it("[U11] an empty log has no line, and its first byte begins one", () => {
	const index = indexOf(new LineBlocks());
	expect([index.lines, index.length, index.size]).toEqual([0, 0, 1]);
	index.grow(new Uint8Array(3));
	expect(index.lines).toBe(1);
	index.grow(new Uint8Array(lineBlockBytes));
	expect([index.lines, index.size]).toEqual([1, 1]);
});
