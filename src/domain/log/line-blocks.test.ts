import { expect, it } from "vitest";
import { seededRandom } from "../../testing/random.ts";
import { lineBlockBytes, LineBlocks } from "./line-blocks.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

it("[L44] a line counts from its first byte on, whether or not it has ended", () => {
	const blocks = new LineBlocks();
	expect([blocks.lines, blocks.blocks]).toEqual([0, []]);
	blocks.push(bytesOf("one\ntw"));
	expect([blocks.lines, blocks.isInLine, blocks.length]).toEqual([2, true, 6]);
	blocks.push(bytesOf("o\n"));
	expect([blocks.lines, blocks.isInLine]).toEqual([2, false]);
	blocks.push(bytesOf("\n"));
	expect([blocks.lines, blocks.isInLine, blocks.blocks]).toEqual([3, false, [{ offset: 0, line: 1 }]]);
});

it("[L44] each entry is the first byte of its line, none is nearer to the last than a block, however the bytes come (seeds 0 to 4)", () => {
	for (let seed = 0; seed < 5; seed++) {
		const random = seededRandom(seed);
		const lines = Array.from({ length: 400 }, () => "x".repeat(Math.floor(random() ** 6 * 3 * lineBlockBytes)));
		const text = lines.join("\n");
		const bytes = bytesOf(text);
		const blocks = new LineBlocks();
		for (let at = 0; at < bytes.length; ) {
			const size = 1 + Math.floor(random() * 700_000);
			blocks.push(bytes.subarray(at, at + size));
			at += size;
		}
		expect(blocks.length).toBe(bytes.length);
		const starts = new Map<number, number>();
		let offset = 0;
		for (const [at, line] of lines.entries()) {
			starts.set(offset, at + 1);
			offset += line.length + 1;
		}
		for (const [at, block] of blocks.blocks.entries()) {
			expect([seed, starts.get(block.offset)]).toEqual([seed, block.line]);
			const before = blocks.blocks[at - 1];
			if (before !== undefined) expect(block.offset - before.offset).toBeGreaterThanOrEqual(lineBlockBytes);
		}
	}
});
