// The forms in which a secret may show in a log: as it is, line by line, in JSON, in a URL, in base64. Anything else that a
// job makes of it (reversed, hashed, cut in two) is not known here, and is not masked.

/** Shorter values are not masked: they stand in every log by chance, and masking them would say what they are. */
export const secretCharactersMin = 4;
/** A line of a longer secret is masked by itself only from this length on: a lone brace or `BEGIN` is no secret. */
const lineCharactersMin = 8;
/** How programs wrap base64: `base64`, then PEM and `openssl`. */
const wraps = [76, 64];

/** Each at least `secretCharactersMin` bytes, none twice. */
export function secretForms(values: readonly string[]): Buffer[] {
	const forms = new Set<string>();
	for (const value of values) {
		// Lone surrogates would make the encoders throw.
		const whole = Buffer.from(value).toString();
		for (const text of [whole, whole.trim()]) {
			if (text.length >= secretCharactersMin) for (const form of formsOf(text)) forms.add(form);
		}
	}
	return [...forms].filter((form) => form.length >= secretCharactersMin).map((form) => Buffer.from(form));
}

function* formsOf(text: string): Generator<string> {
	yield text;
	const lines = text.split("\n").map((line) => line.trim());
	if (lines.length > 1) yield* lines.filter((line) => line.length >= lineCharactersMin);
	yield JSON.stringify(text).slice(1, -1);
	yield* urlForms(text);
	yield* base64Forms(Buffer.from(text));
}

/** Encoders differ in what they leave as it is, in spaces, and in the case of their digits. */
function* urlForms(text: string): Generator<string> {
	const plain = encodeURIComponent(text);
	const strict = plain.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
	for (const base of [plain, strict, strict.replaceAll("~", "%7E")]) {
		for (const encoded of [base, base.replaceAll("%20", "+"), base.replaceAll("%2F", "/")]) {
			yield encoded;
			yield encoded.replace(/%[0-9A-F]{2}/g, (digits) => digits.toLowerCase());
		}
	}
}

/**
 * Base64 puts three bytes into four characters, so what a secret looks like depends on how many bytes stand before it, modulo
 * three. Of each alignment this yields the characters that the secret alone decides, once without and once with the last one
 * as it is where the secret is at the end.
 */
function* base64Forms(secret: Buffer): Generator<string> {
	for (const before of [0, 1, 2]) {
		const encoded = Buffer.concat([Buffer.alloc(before), secret])
			.toString("base64")
			.replace(/=+$/, "");
		const first = Math.ceil((before * 8) / 6);
		const decided = Math.floor(((before + secret.length) * 8) / 6);
		for (const form of [encoded.slice(first, decided), encoded.slice(first)]) {
			yield form;
			yield form.replaceAll("+", "-").replaceAll("/", "_");
		}
		// Where it begins the text, it is known where its lines break.
		if (before === 0) for (const wrap of wraps) yield* piecesOf(encoded, wrap);
	}
}

function piecesOf(text: string, size: number): string[] {
	if (text.length <= size) return [];
	const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, at) =>
		text.slice(at * size, (at + 1) * size),
	);
	return pieces.filter((piece) => piece.length >= lineCharactersMin);
}
