// The forms in which a secret may show in a log: as a text whose characters are each written in some way (signs.ts), line by
// line, in base64 wherever it begins and however its lines break, and in hexadecimal digits in a row or byte by byte. Anything
// else that a job makes of a secret (reversed, hashed, compressed, printed letter by letter) is not known here, and is not
// masked.
import { base64Unit, blankUnit, byteJoin, characterUnit, lineJoin, literalUnit, shellJoin } from "./writings.ts";
import type { Unit } from "./writings.ts";

/** Shorter values are not masked: they stand in every log by chance, and masking them would say what they are. */
export const secretCharactersMin = 4;
/** A line of a longer secret is masked by itself only from this length on: a lone brace or `BEGIN` is no secret. */
const lineCharactersMin = 8;

export interface SecretForm {
	/** One after the other; `join` may stand between any two. */
	readonly units: readonly Unit[];
	readonly join: Unit | null;
	/** Its lines may be broken anywhere. */
	readonly isWrapped: boolean;
	/** Fewer of its first units than this tell no more than `secretCharactersMin` characters would. */
	readonly partMin: number;
}

/** None twice. */
export function secretForms(values: readonly string[]): SecretForm[] {
	const texts = new Set<string>();
	const wholes = new Set<string>();
	for (const value of values) {
		// Lone surrogates have no bytes of their own. What trims a secret prints the same secret.
		const whole = Buffer.from(value).toString().trim();
		if (whole.length < secretCharactersMin) continue;
		wholes.add(whole);
		texts.add(whole);
		const lines = whole.split(/[\r\n]/).map((line) => line.trim());
		if (lines.length > 1) for (const line of lines) if (line.length >= lineCharactersMin) texts.add(line);
	}
	const units = new UnitsByCharacter();
	return [
		...[...texts].map((text) => textForm(text, units)),
		...[...wholes].flatMap((text) => [...encodedForms(Buffer.from(text), units)]),
	];
}

/** Secrets share their characters: each has its writings made once. */
class UnitsByCharacter {
	readonly #made = new Map<string, Unit>();

	get(kind: string, text: string, make: (text: string) => Unit): Unit {
		const key = `${kind} ${text}`;
		const unit = this.#made.get(key) ?? make(text);
		this.#made.set(key, unit);
		return unit;
	}
}

function textForm(text: string, made: UnitsByCharacter): SecretForm {
	const parts = text.match(/[ \t\r\n\v\f]+|./gsu) ?? [];
	// Without its line breaks a text that has hardly anything else is in every log by chance.
	const isMore = text.replace(/[ \t\r\n\v\f]+/g, "").length >= secretCharactersMin;
	const units = parts.map((part) => {
		if (!/^[ \t\r\n\v\f]/.test(part)) return made.get("character", part, characterUnit);
		const isOptional = isMore && /[\r\n]/.test(part);
		return made.get(`blanks ${isOptional}`, part, (blanks) => blankUnit(blanks, { isOptional }));
	});
	return { units, join: shellJoin, isWrapped: false, partMin: secretCharactersMin };
}

/**
 * Base64 puts three bytes into four digits, so what a secret looks like depends on how many bytes stand before it, modulo
 * three. Of each alignment this takes the digits that the secret alone decides, and the last one as it is at the text's end.
 */
function* encodedForms(secret: Buffer, made: UnitsByCharacter): Generator<SecretForm> {
	for (const before of [0, 1, 2]) {
		const digits = Buffer.concat([Buffer.alloc(before), secret])
			.toString("base64")
			.replace(/=+$/, "");
		const first = Math.ceil((before * 8) / 6);
		const decided = Math.floor(((before + secret.length) * 8) / 6);
		const units = [...digits.slice(first, decided)].map((digit) => made.get("base64", digit, base64Unit));
		const last = digits.slice(decided);
		if (last !== "") units.push(base64Unit(last, { isOptional: true }));
		yield { units, join: lineJoin, isWrapped: true, partMin: Math.ceil((secretCharactersMin * 8) / 6) };
	}
	for (const inCase of [(hex: string) => hex, (hex: string) => hex.toUpperCase()]) {
		const bytes = secret.toString("hex").match(/../g) ?? [];
		const units = bytes.map((hex) => made.get("hex", inCase(hex), literalUnit));
		for (const join of [lineJoin, byteJoin]) yield { units, join, isWrapped: true, partMin: secretCharactersMin };
	}
}
