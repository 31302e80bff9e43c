// Values by a schema of the document: such as it allows, such as it nearly allows, and such as nobody would send who means well.
import fc from "fast-check";
import type { Schema } from "./operations.ts";
import { resolved } from "./operations.ts";

/** Longer ones cost time and find nothing that `hostileText` does not. */
const textMax = 40;
/** Hashes have 64 characters. */
const patternMax = 100;
const listMax = 3;

/** What the schema allows. `known`: values for a field by its name, which are tried half of the time. */
export function valid(
	schema: Schema,
	known: Record<string, readonly unknown[]> = {},
	name = "",
): fc.Arbitrary<unknown> {
	const values = Object.hasOwn(known, name) ? (known[name] ?? []) : [];
	const made = shaped(resolved(schema), known);
	return values.length === 0 ? made : fc.oneof(made, fc.constantFrom(...values));
}

function shaped(schema: Schema, known: Record<string, readonly unknown[]>): fc.Arbitrary<unknown> {
	const arms = schema.anyOf ?? schema.oneOf;
	if (arms) return fc.oneof(...arms.map((arm) => valid(arm, known)));
	if (schema.enum) return fc.constantFrom(...schema.enum);
	const types = [schema.type ?? "any"].flat();
	return fc.oneof(...types.map((type) => ofType(type, schema, known)));
}

function ofType(type: string, schema: Schema, known: Record<string, readonly unknown[]>): fc.Arbitrary<unknown> {
	switch (type) {
		case "null":
			return fc.constant(null);
		case "boolean":
			return fc.boolean();
		case "integer":
			return fc.oneof(
				fc.integer({ min: Math.max(schema.minimum ?? 0, -(2 ** 31)), max: Math.min(schema.maximum ?? 9, 2 ** 31 - 1) }),
				fc.constantFrom(schema.minimum ?? 0, schema.maximum ?? 0),
			);
		case "number":
			return fc.double({ min: schema.minimum ?? 0, max: schema.maximum ?? 1e9, noNaN: true });
		case "array":
			return fc.array(valid(schema.items ?? {}, known), {
				minLength: schema.minItems ?? 0,
				maxLength: Math.max(schema.minItems ?? 0, Math.min(schema.maxItems ?? listMax, listMax)),
			});
		case "object":
			return objectOf(schema, known);
		case "string":
			return textOf(schema);
		default:
			return fc.jsonValue();
	}
}

function objectOf(schema: Schema, known: Record<string, readonly unknown[]>): fc.Arbitrary<unknown> {
	const { properties = {}, required = [], additionalProperties, propertyNames } = schema;
	const fields = Object.fromEntries(
		Object.entries(properties).map(([name, field]) => [name, valid(field, known, name)]),
	);
	const record = fc.record(fields, { requiredKeys: required });
	if (typeof additionalProperties !== "object") return record;
	const names =
		propertyNames === undefined ? fc.string({ maxLength: 10 }) : (valid(propertyNames) as fc.Arbitrary<string>);
	return fc.dictionary(names, valid(additionalProperties, known), { maxKeys: listMax });
}

function textOf({ format, pattern, minLength = 0, maxLength = patternMax }: Schema): fc.Arbitrary<string> {
	if (format === "date-time") {
		const range = { min: new Date("2020-01-01"), max: new Date("2035-01-01"), noInvalidDate: true };
		return fc.date(range).map((date) => date.toISOString());
	}
	const text =
		pattern === undefined
			? fc.string({ unit: "grapheme", minLength, maxLength: Math.max(minLength, Math.min(maxLength, textMax)) })
			: fc.stringMatching(new RegExp(pattern), { maxLength: Math.min(maxLength, patternMax) });
	return text.filter(({ length }) => length >= minLength && length <= maxLength);
}

export const hostileText: fc.Arbitrary<string> = fc.constantFrom(
	"",
	" ",
	"__proto__",
	"constructor",
	"toString",
	"../../etc/passwd",
	"..",
	"a/b",
	"a".repeat(5_000),
	"\u0000",
	"a\u0000b",
	"\r\nX-Injected: yes",
	"\uD800",
	"\uFEFF",
	"𝕳𝖊𝖑𝖑𝖔",
	"%00",
	"%2e%2e%2f",
	"' OR 1=1 --",
	"{{7*7}}",
	"<script>alert(1)</script>",
	"$(reboot)",
	"--upload-pack=x",
	"ext::sh -c id",
	"-1",
	"1e309",
	"NaN",
	"9007199254740993",
	"0x10",
	"latest",
	"null",
	"*",
);

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
	hostileText,
	fc.constantFrom<unknown>(null, true, 0, -1, 1.5, -0, 1e308, 2 ** 53, [], {}, [[[]]], { length: 3 }, [null]),
	fc.jsonValue({ maxDepth: 3 }),
);

/** What is allowed, with one thing in it that is not as it was: another value, one field less, or one more. */
export function nearlyValid(allowed: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
	return fc
		.tuple(allowed, fc.nat(), hostileValue, fc.constantFrom("replace", "remove", "add"), hostileText)
		.map(([value, at, hostile, act, name]) => {
			const places = placesIn(value);
			const place = places[at % places.length];
			if (place === undefined) return hostile;
			const copy = structuredClone(value);
			const holder = place
				.slice(0, -1)
				.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], copy) as Record<string, unknown>;
			const last = place.at(-1);
			if (last === undefined) return act === "add" && isObject(copy) ? withField(copy, name, hostile) : hostile;
			if (act === "remove") Reflect.deleteProperty(holder, last);
			else if (act === "add" && isObject(holder[last])) withField(holder[last], name, hostile);
			else holder[last] = hostile;
			return copy;
		});
}

/** Own, also where it is `__proto__`. */
function withField(holder: Record<string, unknown>, name: string, value: unknown): object {
	return Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
}

function placesIn(value: unknown, at: string[] = []): string[][] {
	if (typeof value !== "object" || value === null) return [at];
	return [at, ...Object.entries(value).flatMap(([key, inner]) => placesIn(inner, [...at, key]))];
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Bodies that are no JSON, or that are it in a way of their own. */
export const hostileBody: fc.Arbitrary<Uint8Array | string> = fc.oneof(
	fc.uint8Array({ maxLength: 64 }),
	hostileText,
	fc.json(),
	fc.constantFrom(
		"",
		"null",
		"[]",
		"0",
		'"x"',
		"{",
		'{"a":1,"a":2}',
		'{"__proto__":{"scopes":["admin"]}}',
		'{"jobs":[{"key":"a","run":"true","__proto__":{"x":1}}]}',
		'{"reason":"\\ud800"}',
		'\uFEFF{"reason":"x"}',
		'{"reason":1e400}',
		"[".repeat(20_000),
		`{"a":${"[".repeat(5_000)}${"]".repeat(5_000)}}`,
		`{"reason":"${"x".repeat(1_100_000)}"}`,
		`{${Array.from({ length: 3_000 }, (_, at) => `"k${at}":1`).join(",")}}`,
	),
);
