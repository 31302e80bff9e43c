// Where the lines of a log are, for whoever shows some of them: the server's blocks, and those of what came live since.
import { LineBlocks } from "../../domain/log/line-blocks.ts";
import type { LineBlock, LineCount } from "../../domain/log/line-blocks.ts";

export class LineIndex {
	readonly #lines: LineBlocks;

	constructor(known: LineCount) {
		this.#lines = LineBlocks.from(known);
	}

	get length(): number {
		return this.#lines.length;
	}

	/** One that has not ended yet is one. */
	get lines(): number {
		return this.#lines.lines;
	}

	/** How many blocks there are: one at least. */
	get size(): number {
		return Math.max(1, this.#lines.blocks.length);
	}

	/** What came next. */
	grow(bytes: Uint8Array): void {
		this.#lines.push(bytes);
	}

	/** `to`: where the next one begins, or the log ends. */
	block(at: number): LineBlock & { to: number } {
		const { blocks, length } = this.#lines;
		const found = blocks[at] ?? { offset: 0, line: 1 };
		return { ...found, to: blocks[at + 1]?.offset ?? length };
	}

	/** The block that has the line. */
	blockOfLine(line: number): number {
		const { blocks } = this.#lines;
		let [low, high] = [0, this.size - 1];
		while (low < high) {
			const middle = Math.ceil((low + high) / 2);
			if ((blocks[middle]?.line ?? 0) <= line) low = middle;
			else high = middle - 1;
		}
		return low;
	}
}
