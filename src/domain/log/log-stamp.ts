// A log with the time before each line: `2026-11-24T07:43:42.123Z text`. Everything else stays as it is, byte for byte.
import type { Millis } from "../ids.ts";
import { timeAt } from "./log-time.ts";
import type { LogChunk } from "./log-time.ts";

const lineBreak = 0x0a;
const stampBytes = "2026-11-24T07:43:42.123Z ".length;
/** Where nobody knows the time. */
const unknown = "-".padEnd(stampBytes);

export class LineStamper {
	readonly #format: (at: Millis) => string;
	#offset: number;
	#isLineStart = true;
	#last: { at: Millis | null; stamp: Uint8Array } | null = null;

	/** `offset` is the place of the first byte, which begins a line; `format` writes an instant in 24 characters. */
	constructor(offset: number, format: (at: Millis) => string) {
		this.#offset = offset;
		this.#format = format;
	}

	/** The next chunk, with a stamp before each line that begins in it: that of the line's first byte. */
	stamp({ bytes, times }: LogChunk): Uint8Array {
		const starts = this.#starts(bytes);
		const stamped = new Uint8Array(bytes.length + starts.length * stampBytes);
		let [from, to] = [0, 0];
		for (const start of starts) {
			stamped.set(bytes.subarray(from, start), to);
			to += start - from;
			stamped.set(this.#stampAt(timeAt(times, this.#offset + start)), to);
			to += stampBytes;
			from = start;
		}
		stamped.set(bytes.subarray(from), to);
		this.#offset += bytes.length;
		return stamped;
	}

	#starts(bytes: Uint8Array): number[] {
		const starts = this.#isLineStart && bytes.length > 0 ? [0] : [];
		for (let at = bytes.indexOf(lineBreak); at !== -1; at = bytes.indexOf(lineBreak, at + 1)) {
			if (at + 1 < bytes.length) starts.push(at + 1);
		}
		if (bytes.length > 0) this.#isLineStart = bytes[bytes.length - 1] === lineBreak;
		return starts;
	}

	/** Many lines of one burst have one stamp. */
	#stampAt(at: Millis | null): Uint8Array {
		if (this.#last?.at !== at || this.#last === null) {
			const text = at === null ? unknown : `${this.#format(at)} `;
			this.#last = { at, stamp: new TextEncoder().encode(text) };
		}
		return this.#last.stamp;
	}
}
