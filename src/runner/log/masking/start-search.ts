// Finds where one of many beginnings of three bytes stands, looking at each byte: two of them are no beginning most often.
import { startBytesMin } from "./anchors.ts";

export class StartSearch<T> {
	/** By two bytes, whether a beginning begins with them. */
	readonly #mayStart = new Uint8Array(0x10000);
	readonly #byStart = new Map<number, T[]>();
	/** For the last bytes, which are too few. */
	readonly #byFirst = new Map<number, Set<T>>();

	/** `starts` have a character for each byte. */
	add(starts: Iterable<string>, of: T): void {
		for (const start of starts) {
			const bytes = Buffer.from(start, "latin1");
			this.#mayStart[pairAt(bytes, 0)] = 1;
			const same = this.#byStart.get(startAt(bytes, 0));
			if (same) same.push(of);
			else this.#byStart.set(startAt(bytes, 0), [of]);
			const first = bytes[0] ?? 0;
			this.#byFirst.set(first, (this.#byFirst.get(first) ?? new Set()).add(of));
		}
	}

	/** From a place on, in the order of the places. */
	find(bytes: Uint8Array, from: number, found: (of: T, at: number) => void): void {
		const mayStart = this.#mayStart;
		const end = bytes.length - startBytesMin + 1;
		for (let at = from; at < end; at++) {
			if (mayStart[((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)] === 0) continue;
			for (const of of this.#byStart.get(startAt(bytes, at)) ?? []) found(of, at);
		}
	}

	/** Where one may stand that the bytes cut off: less of it than three bytes is there. */
	findCut(bytes: Uint8Array, found: (of: T, at: number) => void): void {
		for (let at = Math.max(0, bytes.length - startBytesMin + 1); at < bytes.length; at++) {
			for (const of of this.#byFirst.get(bytes[at] ?? 0) ?? []) found(of, at);
		}
	}
}

function startAt(bytes: Uint8Array, at: number): number {
	return (pairAt(bytes, at) << 8) | (bytes[at + 2] ?? 0);
}

function pairAt(bytes: Uint8Array, at: number): number {
	return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
