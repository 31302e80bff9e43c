// Where the lines of a log begin, each so many bytes: then any line of a log of any length is found with one range of it.

/** One entry each so many bytes at most: of a log of 100 MB some 400 of them. */
export const lineBlockBytes = 256 * 1024;
const lineBreak = 10;

/** The first byte of a line, and its number, from 1. */
export interface LineBlock {
	offset: number;
	line: number;
}

export interface LineCount {
	length: number;
	lines: number;
	isInLine: boolean;
	blocks: readonly LineBlock[];
}

export class LineBlocks implements LineCount {
	/** Bytes that were counted. */
	length = 0;
	/** Lines so far; one that has not ended is one. */
	lines = 0;
	/** Whether the last line has not ended. */
	isInLine = false;
	readonly blocks: LineBlock[] = [];

	/** One that goes on from here. */
	static from({ length, lines, isInLine, blocks }: Readonly<LineCount>): LineBlocks {
		const made = new LineBlocks();
		made.length = length;
		made.lines = lines;
		made.isInLine = isInLine;
		made.blocks.push(...blocks);
		return made;
	}

	/** What comes next. A line that is longer than a block makes that block as long as it is. */
	push(bytes: Uint8Array): void {
		for (let at = 0; at < bytes.length; ) {
			if (!this.isInLine) this.#begin(this.length + at);
			const end = bytes.indexOf(lineBreak, at);
			this.isInLine = end < 0;
			at = end < 0 ? bytes.length : end + 1;
		}
		this.length += bytes.length;
	}

	#begin(offset: number): void {
		this.lines++;
		const last = this.blocks.at(-1);
		if (last !== undefined && offset - last.offset < lineBlockBytes) return;
		this.blocks.push({ offset, line: this.lines });
	}
}
