// Masks secrets in a stream of bytes, wherever the stream is cut. All patterns are looked for at once (Wu and Manber): the
// shortest has m bytes, and two bytes tell by how many, up to m - 1, the search may go on; so the time does not depend on how
// many secrets there are. What could be the beginning of a secret is held back until it is known.

const mask = Buffer.from("***");
const noBytes = Buffer.alloc(0);

export class Redactor {
	readonly #emit: (bytes: Uint8Array) => void;
	readonly #search: PatternSearch | null;
	/** The end of what came, which may be the beginning of a secret. */
	#held: Buffer = noBytes;
	/** So many of the held bytes belong to a secret for which a mask was emitted already. */
	#covered = 0;

	/** `patterns` have at least 2 bytes each. What is emitted must be used at once: the buffer is the caller's. */
	constructor(patterns: readonly Buffer[], emit: (bytes: Uint8Array) => void) {
		this.#emit = emit;
		this.#search = patterns.length === 0 ? null : new PatternSearch(patterns);
	}

	append(bytes: Uint8Array): void {
		if (this.#search === null) {
			this.#emit(bytes);
			return;
		}
		const data = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
		this.#pass(data, this.#search.unsureFrom(data), this.#search);
	}

	/** Nothing follows that could make a secret of what is held back. */
	flush(): void {
		if (this.#search !== null && this.#held.length > 0) this.#pass(this.#held, this.#held.length, this.#search);
	}

	/** Secrets that overlap share one mask, so that no rest of one shows. */
	#pass(data: Uint8Array, until: number, search: PatternSearch): void {
		let passed = this.#covered;
		for (const { start, end } of search.matches(data, until)) {
			if (start >= passed) {
				this.#put(data.subarray(passed, start));
				this.#put(mask);
			}
			passed = Math.max(passed, end);
		}
		if (passed < until) this.#put(data.subarray(passed, until));
		this.#covered = Math.max(0, passed - until);
		this.#held = until === data.length ? noBytes : Buffer.from(data.subarray(until));
	}

	#put(bytes: Uint8Array): void {
		if (bytes.length > 0) this.#emit(bytes);
	}
}

class PatternSearch {
	readonly #longest: number;
	/** All that is said of a pattern by its first two bytes holds for its first `#window` bytes. */
	readonly #window: number;
	/** By two bytes: how far the window may go on when it ends with them; 0 when a pattern's window does. */
	readonly #shifts: Uint16Array;
	readonly #byWindowEnd = new Map<number, Buffer[]>();
	readonly #byFirst = new Map<number, Buffer[]>();

	constructor(patterns: readonly Buffer[]) {
		this.#longest = Math.max(...patterns.map(({ length }) => length));
		this.#window = Math.min(...patterns.map(({ length }) => length), 0xffff);
		this.#shifts = new Uint16Array(0x10000).fill(this.#window - 1);
		for (const pattern of patterns) this.#add(pattern);
	}

	/** In the order of their beginnings, each the longest there, all that begin before `until`. */
	*matches(data: Uint8Array, until: number): Generator<{ start: number; end: number }> {
		const window = this.#window;
		const shifts = this.#shifts;
		const last = Math.min(data.length - 1, until + window - 2);
		for (let at = window - 1; at <= last; ) {
			const pair = pairAt(data, at);
			const shift = shifts[pair] ?? 1;
			if (shift > 0) {
				at += shift;
				continue;
			}
			const start = at - window + 1;
			const length = longestAt(this.#byWindowEnd.get(pair) ?? [], data, start);
			if (length > 0) yield { start, end: start + length };
			at++;
		}
	}

	/** Where the longest end of `data` begins that a pattern begins with, and goes on from. */
	unsureFrom(data: Uint8Array): number {
		for (let at = Math.max(0, data.length - this.#longest + 1); at < data.length; at++) {
			const length = data.length - at;
			const candidates = this.#byFirst.get(data[at] ?? 0) ?? [];
			if (candidates.some((pattern) => pattern.length > length && agrees(pattern, data, at, length))) return at;
		}
		return data.length;
	}

	#add(pattern: Buffer): void {
		for (let at = 1; at < this.#window; at++) {
			const pair = pairAt(pattern, at);
			this.#shifts[pair] = Math.min(this.#shifts[pair] ?? 0, this.#window - 1 - at);
		}
		addTo(this.#byWindowEnd, pairAt(pattern, this.#window - 1), pattern);
		addTo(this.#byFirst, pattern[0] ?? 0, pattern);
	}
}

/** The byte at `at` and the one before it. */
function pairAt(bytes: Uint8Array, at: number): number {
	return ((bytes[at - 1] ?? 0) << 8) | (bytes[at] ?? 0);
}

function addTo(map: Map<number, Buffer[]>, key: number, pattern: Buffer): void {
	const patterns = map.get(key);
	if (patterns) patterns.push(pattern);
	else map.set(key, [pattern]);
}

/** 0: none. */
function longestAt(patterns: readonly Buffer[], data: Uint8Array, at: number): number {
	let longest = 0;
	for (const pattern of patterns) {
		const { length } = pattern;
		if (length > longest && at + length <= data.length && agrees(pattern, data, at, length)) longest = length;
	}
	return longest;
}

/** The first `length` bytes of the pattern are those of `data` at `at`. */
function agrees(pattern: Buffer, data: Uint8Array, at: number, length: number): boolean {
	for (let done = 0; done < length; done++) if (pattern[done] !== data[at + done]) return false;
	return true;
}
