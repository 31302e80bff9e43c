// A literal search through a log, line by line as it is read: what it finds, and where to go on when there is more to find
// than was asked for, or more to read than one answer may cost. A line may be longer than memory: it comes in pieces then.
import { lineBytesMax, LineSplitter, PlainTextStream, plainText } from "./log-lines.ts";
import type { LogLine } from "./log-lines.ts";
import type { LogChunk } from "./log-time.ts";

/** Lines shown before and after each that is found. */
export const contextLines = 2;
/** Of a line that is shown. */
const shownMax = 1_000;
const escapeByte = 0x1b;

/**
 * Reading begins at `from`, in line `line`, so that the first finds have lines before them; finds are those from `next` on.
 * Within a long line `from` is one piece before `next`; `start` is where that line begins, and `isFound` whether the caller has
 * had it as a find.
 */
export interface SearchPlace {
	from: number;
	line: number;
	next: number;
	start: number;
	isFound: boolean;
}

export interface Found {
	/** Of the line's first byte. */
	offset: number;
	line: number;
	text: string;
	before: string[];
	after: string[];
}

/** The line that is being read: its first piece, and what is known of it so far. */
interface PresentLine {
	offset: number;
	number: number;
	first: LogLine;
	/** Null while one piece is all of it. */
	long: LongLine | null;
	isFound: boolean;
}

export class LogSearch {
	readonly #query: string;
	readonly #queryBytes: Uint8Array;
	readonly #limit: number;
	readonly #next: number;
	readonly #lines: LineSplitter;
	readonly found: Found[] = [];
	#present: PresentLine | null = null;
	/** Lines before the present one, for those to be found. */
	readonly #before: PresentLine[] = [];
	#isStopping = false;
	#isDone = false;
	/** Where to go on; null while nothing ended the search. */
	#rest: SearchPlace | null = null;
	/** Of the line that the search began in. */
	readonly #begun: { start: number; isFound: boolean };

	/** `query` stands in one line. */
	constructor({ query, limit, place }: { query: string; limit: number; place: SearchPlace }) {
		this.#query = query;
		this.#queryBytes = new TextEncoder().encode(query);
		this.#limit = limit;
		this.#next = place.next;
		this.#lines = new LineSplitter({ offset: place.from, number: place.line });
		this.#begun = place;
	}

	get rest(): SearchPlace | null {
		return this.#rest;
	}

	/** Nothing more need be read. */
	get isDone(): boolean {
		const last = this.found.at(-1);
		return this.#isDone || (this.#rest !== null && (last === undefined || last.after.length >= contextLines));
	}

	/** Enough was read: the search ends in the next chunk. */
	stop(): void {
		this.#isStopping = true;
	}

	push(chunk: LogChunk): void {
		const mayFind =
			includes(chunk.bytes, this.#queryBytes) ||
			chunk.bytes.includes(escapeByte) ||
			// What is no UTF-8 is read as this.
			this.#query.includes("\ufffd");
		const isLast = this.#isStopping;
		let isFirst = true;
		for (const piece of this.#lines.push(chunk)) {
			// The first one may have begun in the chunk before.
			this.#take(piece, mayFind || isFirst);
			isFirst = false;
			if (this.isDone) return;
		}
		if (isLast && this.#rest !== null) this.#isDone = true;
	}

	end(): void {
		const last = this.#lines.end();
		if (last !== null && !this.isDone) this.#take(last, true);
		if (!this.isDone) this.#endLine();
	}

	#take(piece: LogLine, mayFind: boolean): void {
		if (this.#present?.number !== piece.number) {
			this.#endLine();
			if (!this.#beginLine(piece)) return;
		} else if (this.#isStopping && this.#rest === null && piece.offset > this.#next) {
			this.#stopWithin(this.#present, piece);
		}
		const line = this.#present;
		if (line === null || this.#rest !== null) return;
		if (piece.bytes.length < lineBytesMax && line.long === null) {
			if (mayFind && piece.offset >= this.#next) this.#find(line, plainText(piece.bytes));
			return;
		}
		line.long ??= new LongLine(this.#query);
		const text = line.long.push(piece.bytes);
		if (text !== null && piece.offset >= this.#next) this.#find(line, text);
	}

	/** False when the search ends before it. */
	#beginLine(piece: LogLine): boolean {
		for (const { after, line: number } of this.found.slice(-contextLines)) {
			if (after.length < contextLines && number < piece.number) after.push(shown(plainText(piece.bytes)));
		}
		const isBegun = this.#present === null && this.#before.length === 0 && this.found.length === 0;
		const { start, isFound } = isBegun ? this.#begun : { start: piece.offset, isFound: false };
		const present = { offset: start, number: piece.number, first: piece, long: null, isFound };
		this.#present = present;
		const isEnough = this.#isStopping || this.found.length >= this.#limit;
		if (this.#rest !== null || !isEnough || piece.offset < this.#next) return this.#rest === null;
		// A long line is not read again for the sake of what stands around others.
		const context = this.#before.slice(this.#before.findLastIndex(({ long }) => long !== null) + 1);
		const { offset, number } = context[0] ?? present;
		this.#rest = { from: offset, line: number, next: piece.offset, start: offset, isFound: false };
		return false;
	}

	#endLine(): void {
		const line = this.#present;
		if (line === null) return;
		const text = line.long?.end() ?? null;
		if (text !== null && this.#rest === null) this.#find(line, text);
		this.#before.push(line);
		if (this.#before.length > contextLines) this.#before.shift();
	}

	/** A piece is read again, so that a find which begins in it is whole. */
	#stopWithin({ number, offset, isFound }: PresentLine, piece: LogLine): void {
		const from = piece.offset - lineBytesMax;
		this.#rest = { from, line: number, next: piece.offset, start: offset, isFound };
		this.#isDone = true;
	}

	#find(line: PresentLine, text: string): void {
		if (line.isFound || !text.includes(this.#query)) return;
		line.isFound = true;
		const before = this.#before.map(({ first }) => shown(plainText(first.bytes)));
		const { offset, number } = line;
		this.found.push({ offset, line: number, text: shown(text, text.indexOf(this.#query)), before, after: [] });
	}
}

/** The text of a long line as it goes by, with enough of what was before that no find is cut. */
class LongLine {
	readonly #query: string;
	readonly #text = new PlainTextStream();
	#tail = "";

	constructor(query: string) {
		this.#query = query;
	}

	/** The text around, when the query is in it. */
	push(bytes: Uint8Array): string | null {
		return this.#look(this.#text.push(bytes));
	}

	end(): string | null {
		return this.#look(this.#text.end());
	}

	#look(news: string): string | null {
		const around = this.#tail + news;
		// What was looked at before is only here for what begins in it.
		const isFound = around.includes(this.#query, Math.max(0, this.#tail.length - this.#query.length + 1));
		this.#tail = around.slice(-shownMax);
		return isFound ? around : null;
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
