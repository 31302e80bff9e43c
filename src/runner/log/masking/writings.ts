// The places of a secret's forms: a character with all its writings, blanks in a row, a digit, and what may stand between two.
import { Automaton } from "./automaton.ts";
import { escapesMax, Sign, Writings } from "./signs.ts";
import type { Way } from "./signs.ts";

/** One place of a secret, or what may stand between two. */
export interface Unit {
	readonly writings: Writings;
	readonly forwards: Automaton;
	readonly backwards: Automaton;
	/** So many times the signs of its writings may be escaped. */
	readonly depth: number;
	/** So many writings may follow each other here; 1 for all but blanks and line breaks. */
	readonly timesMax: number;
	/** Nothing at all may stand here too. */
	readonly isOptional: boolean;
	/** The only bytes that it can be; null: there are other writings. */
	readonly literal: Buffer | null;
	/** A byte that is all of it where it stands: no other writing begins with it, or ends with it backwards; -1: none. */
	readonly onlyFirst: number;
	readonly onlyLast: number;
	/** By byte: 1 where a writing begins with it, and where one ends with it. */
	readonly firsts: Uint8Array;
	readonly lasts: Uint8Array;
}

interface Times {
	timesMax?: number;
	isOptional?: boolean;
}

/** More blanks in a row than this are no way to write one blank. */
const blanksMax = 40;

function unit(writings: Writings, depth: number, { timesMax = 1, isOptional = false }: Times): Unit {
	return {
		writings,
		forwards: new Automaton(writings, depth, 1),
		backwards: new Automaton(writings, depth, -1),
		depth,
		timesMax,
		isOptional,
		literal: null,
		onlyFirst: -1,
		onlyLast: -1,
		firsts: writings.edges(1, depth),
		lasts: writings.edges(-1, depth),
	};
}

/** Written in one way only. */
export function literalUnit(text: string, { isOptional = false }: Times = {}): Unit {
	const bytes = Buffer.from(text);
	const made = unit(Writings.ofBytes([bytes]), 0, { isOptional });
	const only = bytes.length === 1 ? (bytes[0] ?? -1) : -1;
	return isOptional ? made : { ...made, literal: bytes, onlyFirst: only, onlyLast: only };
}

/** `character` is one code point that is no blank. */
export function characterUnit(character: string): Unit {
	if (/^[A-Za-z0-9]$/.test(character)) return literalUnit(character);
	const sign = Sign.of(character);
	const made = unit(new Writings([[sign]]), escapesMax, {});
	const [byte = -1, more] = sign.plain;
	if (more !== undefined) return made;
	const isOnly = (way: Way) => sign.escapes.edges(way, escapesMax - 1)[byte] === 0;
	return { ...made, onlyFirst: isOnly(1) ? byte : -1, onlyLast: isOnly(-1) ? byte : -1 };
}

/**
 * Blanks in a row. A shell that splits words makes one blank of them, a line break may get a carriage return or an
 * indentation, and `tr -d` leaves nothing of it.
 */
export function blankUnit(blanks: string, how: { isOptional: boolean }): Unit {
	const writings = Writings.ofSigns([..." \n\r\t\v\f", "'$'\\n''"]);
	return unit(writings, escapesMax, { ...how, timesMax: blanks.length + blanksMax });
}

/** A shell leaves one pair of quotes and begins the next, or continues a line. */
export const shellJoin = unit(Writings.ofSigns(["''", '""', "'\"", "\"'", "'$'", "\\\n"]), escapesMax - 1, {
	isOptional: true,
});

/** Base64 and hexadecimal digits come in lines of any length, which JSON, a URL or an indentation may hold. */
export const lineJoin = unit(
	new Writings([[Sign.of("\n")], [Sign.of("\r")], [..." "].map(codeOf), [..."\t"].map(codeOf)]),
	escapesMax,
	{ timesMax: blanksMax, isOptional: true },
);

/** Between the bytes of a secret in hexadecimal digits, where each stands alone: `od`, `70:34`, `\x70\x34`, `0x70, 0x34`. */
export const byteJoin = unit(Writings.ofSigns([" ", ":", "-", ",", "%", "\\x", "\\\\x", "0x", "\t", "\n", "\r"]), 0, {
	timesMax: blanksMax,
});

/** The same within a line. */
export const byteJoinInLine = unit(
	Writings.ofSigns([" ", ":", "-", ",", ", ", "%", "\\x", "\\\\x", ", 0x", ",0x", " 0x"]),
	0,
	{},
);

function codeOf(character: string): number {
	return character.charCodeAt(0);
}

/** A digit of base64; two of them have another sign in URLs. */
export function base64Unit(digit: string, how: { isOptional?: boolean } = {}): Unit {
	if (digit === "+") return unit(Writings.ofSigns(["+", "-"]), escapesMax, how);
	if (digit === "/") return unit(Writings.ofSigns(["/", "_"]), escapesMax, how);
	return literalUnit(digit, how);
}
