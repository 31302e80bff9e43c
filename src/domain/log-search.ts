// A literal search through a log, line by line as it is read: what it finds, and where to go on when there is more to find
// than was asked for, or more to read than one answer may cost.
import { LineSplitter, plainText } from "./log-lines.ts";
import type { LogLine } from "./log-lines.ts";
import type { LogChunk } from "./log-time.ts";

/** Lines shown before and after each that is found. */
export const contextLines = 2;
/** Of a line that is shown. */
const shownMax = 1_000;

/** Reading begins at `from`, in line `line`, so that the first finds have lines before them; finds are those from `next` on. */
export interface SearchPlace {
	from: number;
	line: number;
	next: number;
}

export interface Found {
	/** Of the line's first byte. */
	offset: number;
	line: number;
	text: string;
	before: string[];
	after: string[];
}

const escapeByte = 0x1b;

export class LogSearch {
	readonly #query: string;
	readonly #queryBytes: Uint8Array;
	readonly #limit: number;
	readonly #next: number;
	readonly #lines: LineSplitter;
	readonly found: Found[] = [];
	/** Lines before the present one, for those to be found. */
	readonly #before: LogLine[] = [];
	#isStopping = false;
	/** Where to go on; null while nothing ended the search. */
	#rest: SearchPlace | null = null;

	/** `query` stands in one line. */
	constructor({ query, limit, place }: { query: string; limit: number; place: SearchPlace }) {
		this.#query = query;
		this.#queryBytes = new TextEncoder().encode(query);
		this.#limit = limit;
		this.#next = place.next;
		this.#lines = new LineSplitter({ offset: place.from, number: place.line });
	}

	get rest(): SearchPlace | null {
		return this.#rest;
	}

	/** Nothing more need be read. */
	get isDone(): boolean {
		const last = this.found.at(-1);
		return this.#rest !== null && (last === undefined || last.after.length >= contextLines);
	}

	/** After this line the search ends: enough was read. */
	stop(): void {
		this.#isStopping = true;
	}

	push(chunk: LogChunk): void {
		const mayFind = includes(chunk.bytes, this.#queryBytes) || chunk.bytes.includes(escapeByte);
		let isFirst = true;
		for (const line of this.#lines.push(chunk)) {
			// The first one may have begun in the chunk before.
			this.#take(line, mayFind || isFirst);
			isFirst = false;
			if (this.isDone) return;
		}
	}

	end(): void {
		const last = this.#lines.end();
		if (last !== null && !this.isDone) this.#take(last, true);
	}

	#take(line: LogLine, mayFind: boolean): void {
		for (const { after, line: number } of this.found.slice(-contextLines)) {
			if (after.length < contextLines && number < line.number) after.push(shown(plainText(line.bytes)));
		}
		if (this.#rest !== null) return;
		if ((this.#isStopping || this.found.length >= this.#limit) && line.offset >= this.#next) {
			const first = this.#before[0] ?? line;
			this.#rest = { from: first.offset, line: first.number, next: line.offset };
			return;
		}
		if (mayFind && line.offset >= this.#next) this.#find(line);
		this.#before.push(line);
		if (this.#before.length > contextLines) this.#before.shift();
	}

	#find({ offset, number, bytes }: LogLine): void {
		const text = plainText(bytes);
		if (!text.includes(this.#query)) return;
		const before = this.#before.map((line) => shown(plainText(line.bytes)));
		this.found.push({ offset, line: number, text: shown(text, text.indexOf(this.#query)), before, after: [] });
	}
}

/** The part of a long line around the place that matters. */
function shown(text: string, around = 0): string {
	if (text.length <= shownMax) return text;
	const from = Math.min(Math.max(0, around - shownMax / 2), text.length - shownMax);
	return text.slice(from, from + shownMax);
}

/** Byte by byte only where the first one fits. */
function includes(bytes: Uint8Array, wanted: Uint8Array): boolean {
	const [first = 0] = wanted;
	for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1)) {
		if (wanted.every((byte, index) => bytes[at + index] === byte)) return true;
	}
	return false;
}
