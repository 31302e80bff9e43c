// Finds many texts in bytes at once by skipping (Wu and Manber): the shortest has m bytes, and a block of b bytes tells by how
// many, up to m - b + 1, the search may go on; so the time hardly depends on how many texts there are.
import { agrees } from "./unit-reading.ts";

export interface SoughtText<T> {
	bytes: Uint8Array;
	of: T;
}

/** From here on three bytes let it skip further than two: many texts have any two of them somewhere. */
export const longBytesMin = 7;
const hashes = 0x40000;

export class SkipSearch<T> {
	/** All that is said of a text by three of its bytes holds for its first `#window` bytes. */
	readonly #window: number;
	/** By a block's hash: how far the window may go on when it ends with such a block; 0 when a text's window does. */
	readonly #shifts: Uint8Array;
	/** Two bytes or three. */
	readonly #block: number;
	/** By two bytes, whether a text begins with them: where the window's end deceives, most often none does. */
	readonly #mayBegin = new Uint8Array(0x10000);
	readonly #byWindowEnd = new Map<number, SoughtText<T>[]>();

	/** At least one, of three bytes or more. */
	constructor(texts: readonly SoughtText<T>[]) {
		this.#window = texts.reduce((length, { bytes }) => Math.min(length, bytes.length), 0xff);
		this.#block = this.#window < longBytesMin ? 2 : 3;
		this.#shifts = new Uint8Array(hashes).fill(this.#window - this.#block + 1);
		for (const text of texts) this.#add(text);
	}

	/** In the order of the places. */
	find(bytes: Uint8Array, found: (of: T, at: number) => void): void {
		const next = this.#block === 3 ? nextByThree : nextByTwo;
		const window = this.#window;
		for (let at = window - 1; ; at++) {
			at = next(bytes, at, this.#shifts);
			if (at >= bytes.length) return;
			const start = at - window + 1;
			if (this.#mayBegin[pairEnding(bytes, start + 1)] === 1) this.#findAt(bytes, start, found);
		}
	}

	#findAt(bytes: Uint8Array, at: number, found: (of: T, at: number) => void): void {
		for (const text of this.#byWindowEnd.get(this.#blockEnding(bytes, at + this.#window - 1)) ?? []) {
			const { length } = text.bytes;
			if (at + length <= bytes.length && agrees(text.bytes, bytes, at, length)) found(text.of, at);
		}
	}

	#add(text: SoughtText<T>): void {
		for (let at = this.#block - 1; at < this.#window; at++) {
			const block = this.#blockEnding(text.bytes, at);
			this.#shifts[block] = Math.min(this.#shifts[block] ?? 0, this.#window - 1 - at);
		}
		this.#mayBegin[pairEnding(text.bytes, 1)] = 1;
		const block = this.#blockEnding(text.bytes, this.#window - 1);
		const same = this.#byWindowEnd.get(block);
		if (same) same.push(text);
		else this.#byWindowEnd.set(block, [text]);
	}

	#blockEnding(bytes: Uint8Array, at: number): number {
		return this.#block === 3 ? hashEnding(bytes, at) : pairEnding(bytes, at);
	}
}

/** From a place on: where a block ends behind which no text may begin later, or behind all bytes. */
function nextByThree(bytes: Uint8Array, from: number, shifts: Uint8Array): number {
	let at = from;
	for (let shift = 1; at < bytes.length; at += shift) {
		shift = shifts[hashEnding(bytes, at)] ?? 1;
		if (shift === 0) break;
	}
	return at;
}

/** The same by blocks of two. Apart, since a choice for each byte would cost as much as the search. */
function nextByTwo(bytes: Uint8Array, from: number, shifts: Uint8Array): number {
	let at = from;
	for (let shift = 1; at < bytes.length; at += shift) {
		shift = shifts[pairEnding(bytes, at)] ?? 1;
		if (shift === 0) break;
	}
	return at;
}

/** Blocks with the same hash only slow the search. */
function hashEnding(bytes: Uint8Array, at: number): number {
	return ((bytes[at - 2] ?? 0) << 10) ^ ((bytes[at - 1] ?? 0) << 5) ^ (bytes[at] ?? 0);
}

function pairEnding(bytes: Uint8Array, at: number): number {
	return ((bytes[at - 1] ?? 0) << 8) | (bytes[at] ?? 0);
}
