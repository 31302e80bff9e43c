// In which ways a program may write one character of a secret: as it is, or escaped for JSON, a URL, a shell, HTML or a
// programming language. The signs of an escape may be escaped themselves, in any of these ways, `escapesMax` times over: so no
// encoder has to be known as a whole, nor which one came after which. Letters and digits of ASCII are written as they are by
// all of them: the search begins there.

/** A trace in JSON in JSON has three. Each more would make walks along backslashes longer, and there is no end to them. */
export const escapesMax = 3;

type Step = number | Sign;
export type Way = 1 | -1;

/** What may come next in a set of writings. */
export interface Trie {
	readonly id: number;
	isEnd: boolean;
	readonly bytes: Map<number, Trie>;
	readonly signs: Map<Sign, Trie>;
}

/** Texts that stand for the same. `depth`: so many times their signs may be escaped. */
export class Writings {
	readonly forwards = emptyTrie();
	readonly backwards = emptyTrie();
	readonly #sequences: readonly (readonly Step[])[];

	constructor(sequences: readonly (readonly Step[])[]) {
		this.#sequences = sequences;
		for (const steps of sequences) {
			add(this.forwards, steps);
			add(this.backwards, steps.toReversed());
		}
	}

	/** All but letters and digits are signs. */
	static ofSigns(texts: readonly string[]): Writings {
		return new Writings(texts.map((text) => [...text].map((sign) => (safe.test(sign) ? byteOf(sign) : Sign.of(sign)))));
	}

	static ofBytes(texts: readonly Uint8Array[]): Writings {
		return new Writings(texts.map((bytes) => [...bytes]));
	}

	/** By byte: 1 where one begins with it, or ends with it if the way is backwards. */
	edges(way: Way, depth: number): Uint8Array {
		const edges = new Uint8Array(256);
		for (const steps of this.#sequences) {
			const step = steps.at(way === 1 ? 0 : -1);
			if (typeof step === "number") edges[step] = 1;
			for (const [byte, is] of step instanceof Sign ? step.edges(way, depth).entries() : []) edges[byte] ||= is;
		}
		return edges;
	}

	longest(depth: number): number {
		const lengths = this.#sequences.map((steps) => {
			return steps.reduce<number>((sum, step) => sum + (typeof step === "number" ? 1 : step.longest(depth)), 0);
		});
		return Math.max(0, ...lengths);
	}

	/** Their first `length` bytes, one character each; those that have fewer, whole. */
	starts(depth: number, length: number): Set<string> {
		return startsOf(this.forwards, depth, length);
	}
}

/** One character, which may be escaped. */
export class Sign {
	static readonly #ofAscii = new Map<string, Sign>();
	readonly plain: Buffer;
	readonly plainly: Writings;
	readonly #character: string;
	/** By depth. */
	readonly #firsts: Uint8Array[] = [];
	readonly #lasts: Uint8Array[] = [];
	readonly #longest: number[] = [];
	readonly #starts = new Map<string, Set<string>>();
	#escapes: Writings | null = null;

	private constructor(character: string) {
		this.#character = character;
		this.plain = Buffer.from(character);
		this.plainly = Writings.ofBytes([this.plain]);
	}

	static of(character: string): Sign {
		const sign = Sign.#ofAscii.get(character) ?? new Sign(character);
		if (sign.plain.length === 1) Sign.#ofAscii.set(character, sign);
		return sign;
	}

	/** Made when they are asked for: a backslash may be escaped by a backslash. */
	get escapes(): Writings {
		this.#escapes ??= Writings.ofSigns(escapesOf(this.#character));
		return this.#escapes;
	}

	edges(way: Way, depth: number): Uint8Array {
		const byDepth = way === 1 ? this.#firsts : this.#lasts;
		const made = byDepth[depth];
		if (made) return made;
		const edges = depth > 0 ? this.escapes.edges(way, depth - 1) : new Uint8Array(256);
		edges[this.plain.at(way === 1 ? 0 : -1) ?? 0] = 1;
		byDepth[depth] = edges;
		return edges;
	}

	longest(depth: number): number {
		this.#longest[depth] ??= Math.max(this.plain.length, depth > 0 ? this.escapes.longest(depth - 1) : 0);
		return this.#longest[depth];
	}

	starts(depth: number, length: number): Set<string> {
		const key = `${depth} ${length}`;
		const made = this.#starts.get(key);
		if (made) return made;
		const starts = new Set(depth > 0 ? this.escapes.starts(depth - 1, length) : []);
		starts.add(this.plain.toString("latin1", 0, length));
		this.#starts.set(key, starts);
		return starts;
	}
}

let tries = 0;

function emptyTrie(): Trie {
	return { id: tries++, isEnd: false, bytes: new Map(), signs: new Map() };
}

function add(trie: Trie, steps: readonly Step[]): void {
	let at = trie;
	for (const step of steps) {
		const next = (typeof step === "number" ? at.bytes.get(step) : at.signs.get(step)) ?? emptyTrie();
		if (typeof step === "number") at.bytes.set(step, next);
		else at.signs.set(step, next);
		at = next;
	}
	at.isEnd = true;
}

function startsOf(trie: Trie, depth: number, length: number): Set<string> {
	if (length === 0) return new Set([""]);
	const starts = new Set(trie.isEnd ? [""] : []);
	for (const [byte, next] of trie.bytes) {
		for (const rest of startsOf(next, depth, length - 1)) starts.add(String.fromCharCode(byte) + rest);
	}
	for (const [sign, next] of trie.signs) {
		for (const start of sign.starts(depth, length)) {
			for (const rest of startsOf(next, depth, length - start.length)) starts.add(start + rest);
		}
	}
	return starts;
}

const safe = /^[A-Za-z0-9]$/;

function byteOf(character: string): number {
	return character.charCodeAt(0);
}

function bothCases(hex: (digits: (code: number) => string) => string): string[] {
	const small = hex((code) => code.toString(16).padStart(2, "0"));
	return [small, hex((code) => code.toString(16).padStart(2, "0").toUpperCase())];
}

const named: Record<string, string[]> = {
	"\n": ["\\n"],
	"\r": ["\\r"],
	"\t": ["\\t"],
	"\v": ["\\v"],
	"\f": ["\\f"],
	"\b": ["\\b"],
	"\u0007": ["\\a"],
	"\u001b": ["\\e", "\\E"],
	"\u0000": ["\\0"],
	" ": ["+"],
	"'": ["'\\''", "'\"'\"'", "''", "&apos;"],
	'"': ['""', "&quot;"],
	"&": ["&amp;"],
	"<": ["&lt;"],
	">": ["&gt;"],
	$: ["$$"],
	"%": ["%%"],
};

function escapesOf(character: string): string[] {
	const code = character.codePointAt(0) ?? 0;
	const bytes = [...Buffer.from(character)];
	const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
	const unpadded = code.toString(16);
	return [
		...(named[character] ?? []),
		...(code >= 0x20 && code < 0x7f ? [`\\${character}`] : []),
		...bothCases((hex) => bytes.map((byte) => `%${hex(byte)}`).join("")),
		...bothCases((hex) => bytes.map((byte) => `\\x${hex(byte)}`).join("")),
		...bothCases((hex) => units.map((unit) => `\\u${hex(unit).padStart(4, "0")}`).join("")),
		...bothCases((hex) => `\\U${hex(code).padStart(8, "0")}`),
		...(code < 0x100 ? bothCases((hex) => `\\x${hex(code)}`) : []),
		bytes.map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join(""),
		`&#${code};`,
		`&#${String(code).padStart(3, "0")};`,
		...bothCases((hex) => `&#x${hex(code)};`),
		...[unpadded, unpadded.toUpperCase()].flatMap((hex) => [`\\u{${hex}}`, `\\x{${hex}}`, `&#x${hex};`]),
	];
}
