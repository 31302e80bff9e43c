// Masking, against the programs that print secrets: whatever one makes of a secret, no part of it is left that tells.
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isLong } from "../../../testing/long-form.ts";
import { seededRandom } from "../../../testing/random.ts";
import { secretEncoders } from "../../../testing/secret-encoders.ts";
import { Redactor } from "./redactor.ts";
import { secretForms } from "./secret-forms.ts";

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const hard = [..."'\"\\$&/+ <>?#%=:;@!()*~`|{}[]^,.-_\näß€😀"];

/** Without blanks at its ends: a program that cuts these off prints the same secret. */
function randomSecret(seed: number): string {
	const random = seededRandom(seed);
	const length = 4 + random.below(40);
	const text = Array.from({ length }, () => (random.chance(0.6) ? random.pick([...letters]) : random.pick(hard)));
	return `${random.pick([...letters])}${text.join("").replace(/\s+/g, (blanks) => blanks[0] ?? "")}${random.pick([...letters])}`;
}

const secrets = [
	"p4ss/w+rd é?~ 'x'",
	'it\'s a "secret" $&/+ <>ä€😀\\n%41',
	"$&/+<>%\\'\"",
	"😀ä€😀ü",
	"s3cret-token_ABCdef0123456789",
	"ab1\ncd2\nef3\ngh4",
	`{"user":"me","key":"a/b&c","n":[1,2]}`,
	"correct horse",
	"hunter2",
	`-----BEGIN KEY-----\n${"Ab3/x+".repeat(75)}\nlast-line-of-it\n-----END KEY-----`,
	Buffer.from("a secret of six hundred bytes ".repeat(20)).toString("latin1").trim(),
	...[1, 2, 3, 4, 5, 6, 7, 8].map(randomSecret),
];

interface Cut {
	at: number;
	/** Something else is printed in between. */
	heading?: string;
}

/** One secret's redactor, for one text after the other. */
class Masking {
	#out: Buffer[] = [];
	readonly #redactor: Redactor;

	constructor(secret: string) {
		this.#redactor = new Redactor(secretForms([secret]), (part) => this.#out.push(Buffer.from(part)));
	}

	of(bytes: Buffer, cut: Cut | null): string {
		this.#out = [];
		const at = cut?.at ?? bytes.length;
		this.#redactor.append(bytes.subarray(0, at));
		if (cut?.heading !== undefined) {
			this.#redactor.flush();
			this.#out.push(Buffer.from(cut.heading));
		}
		this.#redactor.append(bytes.subarray(at));
		this.#redactor.flush();
		return Buffer.concat(this.#out).toString();
	}
}

const maskings = new Map(secrets.map((secret) => [secret, new Masking(secret)]));

/** Quotes around it, and what a program adds to each line. */
const outside = /\*\*\*|\\*["']|\\*\$(?=\\*['*])|\\r|\\n|[\r\n +:]|&quot;|&apos;|&#0?39;|=|%3D/g;

describe("what programs make of a secret", () => {
	it.each(secretEncoders())(
		"[N155] $name: nothing of it is left, wherever the stream is cut",
		({ encode, neighbours }) => {
			const random = seededRandom(neighbours + 7);
			const encoded = encode(secrets);
			expect(encoded.length).toBe(secrets.length);
			for (const [index, [secret, masking]] of [...maskings].entries()) {
				const bytes = Buffer.from(`before\t${encoded[index]}\tafter`);
				const whole = masking.of(bytes, null);
				expect(whole, secret).toMatch(/^before\t[\s\S]*\*\*\*[\s\S]*\tafter$/);
				const rest = whole.slice(7, -6).replace(outside, "");
				expect(rest.length, `${JSON.stringify(secret)}: ${whole}`).toBeLessThanOrEqual(neighbours);
				// Each place in the long form; in the short one some of them, which the seed chooses.
				const isEach = isLong && bytes.length < 80;
				const cuts = isEach ? [...bytes.keys()] : Array.from({ length: 10 }, () => random.below(bytes.length));
				for (const at of cuts) expect(masking.of(bytes, { at }), `${secret} at ${at}`).toBe(whole);
			}
		},
	);
});

describe("what was escaped three times over", () => {
	const percent = (text: string) => encodeURIComponent(text).replaceAll("'", "%27");
	const html = (text: string) =>
		text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`).replaceAll("&#38;", "&amp;");
	const escapes: Record<string, (text: string) => string> = {
		JSON: (text) => JSON.stringify(text).slice(1, -1),
		"single quotes": (text) => text.replaceAll("'", "'\\''"),
		backslashes: (text) => text.replace(/[^A-Za-z0-9\n\u0080-\uffff]/g, "\\$&"),
		"signs in hexadecimal digits": (text) =>
			text.replace(/[^\w\u0080-\uffff]/g, (sign) => `\\x${sign.charCodeAt(0).toString(16).padStart(2, "0")}`),
		percent,
		html,
	};
	const names = Object.keys(escapes);

	it.each(names.flatMap((one) => names.map((two) => [one, two])))("[N176] %s, then %s, then anything", (one, two) => {
		for (const three of names) {
			for (const [secret, masking] of maskings) {
				const text = [one, two, three].reduce((before, name) => escapes[name]?.(before) ?? "", secret);
				const context = `${JSON.stringify(secret)}, then ${three}`;
				expect(masking.of(Buffer.from(`before\t${text}\tafter`), null), context).toBe("before\t***\tafter");
			}
		}
	});
});

describe("a secret that something else interrupts", () => {
	it.each([1, 2, 3, 4])("[N156] shows fewer than four characters of it (seed %i)", (seed) => {
		const secret = `t${seededRandom(seed).below(1e9)}-Secret/of+mine`;
		const bytes = Buffer.from(`before\t${secret}\tafter`);
		const masking = new Masking(secret);
		for (let at = 7; at <= 7 + secret.length; at++) {
			const text = masking.of(bytes, { at, heading: "\n▸ next\n" });
			const [left = "", right = ""] = text.split("\n▸ next\n");
			expect(left).toMatch(at < 7 + 4 ? /^before\t[^*]{0,3}$/ : /^before\t\*\*\*$/);
			expect(right).toBe(at === 7 + secret.length ? "\tafter" : "***\tafter");
		}
	});

	it("[N156] what was no beginning of a secret after all comes through", () => {
		const masking = new Masking("token-abc");
		expect(masking.of(Buffer.from("tok--"), { at: 3, heading: "|" })).toBe("tok|--");
		expect(masking.of(Buffer.from("token--"), { at: 4, heading: "|" })).toBe("***|n--");
	});
});

describe("what is no secret", () => {
	it.each([1, 2, 3, 4, 5])("[N155] comes through byte for byte, wherever it is cut (seed %i)", (seed) => {
		const random = seededRandom(seed);
		const words = [
			...hard,
			...letters,
			"\\n",
			"\\u0026",
			"%2F",
			"&amp;",
			"'\\''",
			'\\"',
			"\r\n",
			"token",
			"secret-",
			"c2VjcmV0",
		];
		const text = Buffer.concat([
			Buffer.from(Array.from({ length: 4_000 }, () => random.pick(words)).join("")),
			Buffer.from(
				randomBytes(3_000)
					.toString("base64")
					.replace(/(.{76})/g, "$1\n"),
			),
			randomBytes(3_000),
		]);
		const out: Buffer[] = [];
		const redactor = new Redactor(secretForms(secrets), (part) => out.push(Buffer.from(part)));
		for (let at = 0; at < text.length; ) {
			const length = 1 + random.below(200);
			redactor.append(text.subarray(at, at + length));
			if (random.chance(0.1)) redactor.release();
			at += length;
		}
		redactor.flush();
		expect(Buffer.concat(out).equals(text)).toBe(true);
	});
});
