// In which ways a program may write one character of a secret: as it is, or escaped for JSON, a URL, a shell, HTML or a
// programming language. A secret is looked for character by character, each in any of its writings, so that no encoder has to
// be known as a whole. Letters and digits of ASCII are written as they are by all of them: the search begins there.

/** One place of a secret, or what may stand between two. */
export interface Unit {
	readonly writings: readonly Buffer[];
	/** The same by their first and by their last byte. */
	readonly byFirst: ReadonlyMap<number, readonly Buffer[]>;
	readonly byLast: ReadonlyMap<number, readonly Buffer[]>;
	/** So many writings may follow each other here; 1 for all but blanks and line breaks. */
	readonly timesMax: number;
	/** Nothing at all may stand here too. */
	readonly isOptional: boolean;
	/** The one byte that it must be; -1: it may be more, or something else. */
	readonly byte: number;
	/** By byte: 1 where a writing begins with it, and where one ends with it. */
	readonly firsts: Uint8Array;
	readonly lasts: Uint8Array;
}

/** More blanks in a row than this are no way to write one blank. */
const blanksMax = 40;

export function unitOf(writings: readonly string[], how: { timesMax?: number; isOptional?: boolean } = {}): Unit {
	const buffers = [...new Set(writings)].map((text) => Buffer.from(text));
	const byFirst = groupedBy(buffers, (bytes) => bytes[0] ?? 0);
	const byLast = groupedBy(buffers, (bytes) => bytes.at(-1) ?? 0);
	const firsts = setOf(byFirst.keys());
	const lasts = setOf(byLast.keys());
	const { timesMax = 1, isOptional = false } = how;
	const [only] = buffers;
	const isOneByte = buffers.length === 1 && only?.length === 1 && timesMax === 1 && !isOptional;
	const byte = isOneByte ? (only[0] ?? -1) : -1;
	return { writings: buffers, byFirst, byLast, timesMax, isOptional, byte, firsts, lasts };
}

function groupedBy(writings: readonly Buffer[], byteOf: (bytes: Buffer) => number): Map<number, Buffer[]> {
	const groups = new Map<number, Buffer[]>();
	for (const bytes of writings) groups.set(byteOf(bytes), [...(groups.get(byteOf(bytes)) ?? []), bytes]);
	return groups;
}

function setOf(bytes: Iterable<number>): Uint8Array {
	const set = new Uint8Array(256);
	for (const byte of bytes) set[byte] = 1;
	return set;
}

const safe = /^[A-Za-z0-9]$/;

/** `character` is one code point that is no blank. */
export function characterUnit(character: string): Unit {
	return unitOf(safe.test(character) ? [character] : nested(writingsOf(character)));
}

/**
 * Blanks in a row. A shell that splits words makes one blank of them, a line break may get a carriage return or an
 * indentation, and `tr -d` leaves nothing of it.
 */
export function blankUnit(blanks: string): Unit {
	const isOptional = /[\r\n]/.test(blanks);
	return unitOf(nested(["+", "\\ ", "'$'\\n''", ...[..." \n\r\t\v\f"].flatMap(writingsOf)]), {
		timesMax: blanks.length + blanksMax,
		isOptional,
	});
}

/** A shell leaves one pair of quotes and begins the next, or continues a line. */
export const shellJoin = unitOf(["''", '""', "'\"", "\"'", "'$'", "\\\n"], { isOptional: true });

/** Base64 and hexadecimal digits come in lines of any length, which JSON, a URL or an indentation may hold. */
export const lineJoin = unitOf(
	["\n", "\r", " ", "\t", "\\n", "\\r", "\\\\n", "\\\\r", "\\u000a", "\\u000A", "\\u000d", "\\u000D", "%0A", "%0D"],
	{ timesMax: blanksMax, isOptional: true },
);

/** A digit of base64; two of them have another sign in URLs. */
export function base64Unit(digit: string, how: { isOptional?: boolean } = {}): Unit {
	if (digit === "+") return unitOf([...nested(writingsOf("+")), "-"], how);
	if (digit === "/") return unitOf([...nested(writingsOf("/")), "_"], how);
	return unitOf([digit], how);
}

function* bothCases(hex: (digits: (code: number) => string) => string): Generator<string> {
	yield hex((code) => code.toString(16).padStart(2, "0"));
	yield hex((code) => code.toString(16).padStart(2, "0").toUpperCase());
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
};

function writingsOf(character: string): string[] {
	const code = character.codePointAt(0) ?? 0;
	const bytes = [...Buffer.from(character)];
	const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
	const isPrintable = code > 0x20 && code < 0x7f;
	return [
		character,
		...(named[character] ?? []),
		...(isPrintable || code === 0x20 ? [`\\${character}`] : []),
		...bothCases((hex) => bytes.map((byte) => `%${hex(byte)}`).join("")),
		...bothCases((hex) => bytes.map((byte) => `\\x${hex(byte)}`).join("")),
		...bothCases((hex) => units.map((unit) => `\\u${hex(unit).padStart(4, "0")}`).join("")),
		...bothCases((hex) => `\\U${hex(code).padStart(8, "0")}`),
		...bothCases((hex) => `\\u{${hex(code).replace(/^0+(?=.)/, "")}}`),
		...bothCases((hex) => `\\x{${hex(code).replace(/^0+(?=.)/, "")}}`),
		...(code < 0x100 ? bothCases((hex) => `\\x${hex(code)}`) : []),
		bytes.map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join(""),
		`&#${code};`,
		`&#${String(code).padStart(3, "0")};`,
		...bothCases((hex) => `&#x${hex(code)};`),
	];
}

/** What was escaped may be escaped once more: a shell's trace in JSON, JSON in JSON, a URL in a URL. */
function nested(writings: readonly string[]): string[] {
	return writings.flatMap((text) => [
		text,
		JSON.stringify(text).slice(1, -1),
		...(text.includes("%") ? [text.replaceAll("%", "%25")] : []),
	]);
}
