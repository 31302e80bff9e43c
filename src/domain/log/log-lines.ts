// A log as lines: cut out of chunks as they come, with what is known of each. Memory is bounded by the longest line that is
// kept whole.
import type { Millis } from "../ids.ts";
import type { StepRecord } from "../job/job.ts";
import { timeAt } from "./log-time.ts";
import type { LogChunk } from "./log-time.ts";

/** A line longer than this comes in pieces of this size: what prints for hours without a line break must not fill memory. */
export const lineBytesMax = 64 * 1024;

export interface LogLine {
	/** Of its first byte. */
	offset: number;
	/** From 1; the pieces of one line have one number. */
	number: number;
	at: Millis | null;
	/** Without the line break. */
	bytes: Uint8Array;
}

const lineBreak = 0x0a;

export class LineSplitter {
	/** The place of the next byte, and the number of the line it belongs to. */
	#offset: number;
	#number: number;
	#held: LogLine | null = null;

	constructor({ offset, number }: { offset: number; number: number }) {
		this.#offset = offset;
		this.#number = number;
	}

	/** The lines that end in the chunk, and pieces of one that is too long. `bytes` of a line may be a part of the chunk. */
	push({ bytes, times }: LogChunk): LogLine[] {
		const lines: LogLine[] = [];
		for (let from = 0; from < bytes.length; ) {
			const found = bytes.indexOf(lineBreak, from);
			const end = found === -1 ? bytes.length : found;
			const room = lineBytesMax - (this.#held?.bytes.length ?? 0);
			const to = Math.min(end, from + room);
			const isEnd = to === found;
			const line = this.#joined(bytes.subarray(from, to), this.#offset + from, times);
			if (isEnd || line.bytes.length === lineBytesMax) lines.push(line);
			this.#held = isEnd || line.bytes.length === lineBytesMax ? null : line;
			if (isEnd) this.#number++;
			from = isEnd ? to + 1 : to;
		}
		this.#offset += bytes.length;
		return lines;
	}

	/** The last line, if no line break ended it. */
	end(): LogLine | null {
		return this.#held;
	}

	#joined(bytes: Uint8Array, offset: number, times: LogChunk["times"]): LogLine {
		const held = this.#held;
		if (held === null) return { offset, number: this.#number, at: timeAt(times, offset), bytes };
		const joined = new Uint8Array(held.bytes.length + bytes.length);
		joined.set(held.bytes);
		joined.set(bytes, held.bytes.length);
		return { ...held, bytes: joined };
	}
}

const lenient = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** Escape sequences of terminals (colours, cursor, titles), by ECMA-48: `ESC [ … letter`, `ESC ] … BEL`, `ESC` and one more. */
const escapes = new RegExp(
	["\\u001b\\[[0-?]*[ -/]*[@-~]", "\\u001b\\][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)?", "\\u001b[@-Z\\\\^_]"].join(
		"|",
	),
	"g",
);
const escapeByte = 0x1b;

/** What a person would read: no escape sequences, no carriage return at the end, what is no UTF-8 replaced. */
export function plainText(bytes: Uint8Array): string {
	const text = lenient.decode(bytes);
	const plain = bytes.includes(escapeByte) ? text.replace(escapes, "") : text;
	return plain.endsWith("\r") ? plain.slice(0, -1) : plain;
}

/** Longer than any escape sequence that means something; what is longer is shown as text, where `plainText` still knows better. */
const escapeMax = 4_096;
const escapeText = String.raw`\u001b`;
const openEscape = new RegExp(String.raw`${escapeText}(?:\[[0-?]*[ -/]*)?$`);
const openTitle = new RegExp(String.raw`${escapeText}\][^\u0007${escapeText}]*${escapeText}?$`);

/** `plainText` of a line that comes in pieces: what may turn out to be part of an escape sequence is held back. */
export class PlainTextStream {
	readonly #decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
	#held = "";

	push(bytes: Uint8Array): string {
		return this.#plain(this.#held + this.#decoder.decode(bytes, { stream: true }));
	}

	#plain(text: string): string {
		const title = openTitle.exec(text);
		const at = title?.index ?? openEscape.exec(text)?.index ?? (text.endsWith("\r") ? text.length - 1 : text.length);
		// Of a title only its beginning matters, however long it gets.
		if (title !== null) {
			this.#held = `${text.slice(at, at + 2)}${text.endsWith("\u001b") ? "\u001b" : ""}`;
		} else {
			this.#held = text.length - at > escapeMax ? "" : text.slice(at);
			if (this.#held === "") return text.replace(escapes, "");
		}
		return text.slice(0, at).replace(escapes, "");
	}

	end(): string {
		const text = (this.#held + this.#decoder.decode()).replace(escapes, "");
		return text.endsWith("\r") ? text.slice(0, -1) : text;
	}
}

/**
 * The texts of lines that come whole or in pieces. What a piece ends in the middle of, a character or an escape sequence, comes
 * with the next one, so that joined they are the line's. A line's text is given out once the next line is known, or the end.
 */
export class LineTexts {
	#last: LogLine | null = null;
	/** Of a line in pieces, what came before `#last`. */
	#stream: PlainTextStream | null = null;

	/** The line before this one, or piece of a line. */
	push(line: LogLine): { line: LogLine; text: string } | null {
		const before = this.#take(this.#last?.number !== line.number);
		this.#last = line;
		return before;
	}

	end(): { line: LogLine; text: string } | null {
		return this.#take(true);
	}

	#take(isLast: boolean): { line: LogLine; text: string } | null {
		const line = this.#last;
		if (line === null) return null;
		this.#last = null;
		if (isLast && this.#stream === null) return { line, text: plainText(line.bytes) };
		const stream = this.#stream ?? new PlainTextStream();
		this.#stream = isLast ? null : stream;
		return { line, text: stream.push(line.bytes) + (isLast ? stream.end() : "") };
	}
}

/** The name of the step that printed the byte at `offset`; null between steps, and where the runner did not say. */
export function stepAt(steps: readonly StepRecord[], offset: number): string | null {
	const step = steps.findLast(({ logStart }) => logStart !== null && logStart <= offset);
	if (!step || (step.logEnd !== null && step.logEnd <= offset)) return null;
	return step.name;
}
