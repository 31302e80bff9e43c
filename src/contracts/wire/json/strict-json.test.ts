// JSON with more than one reading is refused with its place, and JSON with one is read as ever.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseStrictJson, pathText, readStrictJson } from "./strict-json.ts";

const faultsIn = (input: string | Uint8Array) => {
	const read = readStrictJson(typeof input === "string" ? new TextEncoder().encode(input) : input);
	return read.ok ? [] : read.faults.map(({ path, message }) => `${pathText(path)}: ${message}`);
};

describe("JSON with more than one reading", () => {
	it.each([
		['{"a":1,"a":1}', ["a: is there twice"]],
		['{"a":1,"\\u0061":2}', ["a: is there twice"]],
		['{"jobs":[{"key":"a"},{"key":"b","env":{"X":"1","Y":"2","X":"3"}}]}', ["jobs[1].env.X: is there twice"]],
		[
			'{"a":{"b":1,"b":2},"a":3,"c":[{"d":1,"d":{"e":1,"e":2}}]}',
			["a.b: is there twice", "a: is there twice", "c[0].d: is there twice", "c[0].d.e: is there twice"],
		],
		['{"a\\"b":1,"a\\"b":2}', ['a"b: is there twice']],
		['{"__proto__":1,"__proto__":2}', ["__proto__: is there twice", "__proto__: is a name that cannot be kept"]],
	])("[A49] %s has doubled keys, each told with its path", (text, expected) => {
		expect(faultsIn(text)).toEqual(expected);
	});

	it.each([
		['{"jobs":[{"run":"echo \\ud800"}]}', "jobs[0].run"],
		['{"a":["\\udc00\\ud800"]}', "a[0]"],
		['{"a":{"\\uDBFF":1}}', "a.\udbff"],
	])("[A49] %s has half a character", (text, path) => {
		expect(faultsIn(text)).toEqual([`${path}: has half a surrogate pair, which is no character`]);
	});

	it("[A49] bytes that are no UTF-8, and a byte order mark, are told with their place", () => {
		const broken = Uint8Array.of(...new TextEncoder().encode('{"a":"ä'), 0xff, 0x22, 0x7d);
		expect(faultsIn(broken)).toEqual([": is no UTF-8 at byte 8"]);
		expect(faultsIn(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22))).toEqual([": is no UTF-8 at byte 1"]);
		expect(faultsIn(Uint8Array.of(0x22, 0xc3))).toEqual([": is no UTF-8 at byte 1"]);
		expect(faultsIn('\ufeff{"a":1}')).toEqual([": begins with a byte order mark"]);
		expect(faultsIn('{"a":')).toEqual([expect.stringMatching(/^: is not JSON/)]);
	});

	it.each([
		'{"a":{"a":{"a":[{"a":1},{"a":2}]}},"b":":,{}[]\\"a\\":1"}',
		'{"":1," ":2,"a:b":"\\\\","c\\\\":"\\\\\\""}',
		'["a","a",{"a":"a"},[["a","a"]]]',
		'"\\ud83d\\ude00"',
		'{"emoji":"\ufffd\ud83d\ude00"}',
		"null",
	])("[A49] %s has one reading", (text) => {
		expect(parseStrictJson(text)).toEqual({ ok: true, value: JSON.parse(text) });
	});

	it("[A49] a doubled key is found wherever it stands, and nothing else is taken for one", () => {
		const text = fc.json({ maxDepth: 4 });
		fc.assert(
			fc.property(text, (written) => {
				const hasLost = written.includes("__proto__");
				if (!hasLost) expect(parseStrictJson(written)).toEqual({ ok: true, value: JSON.parse(written) });
				expect(faultsIn(`{"a":${written},"b":[${written},{"c":${written},"c":1}]}`)).toContain(
					"b[1].c: is there twice",
				);
			}),
		);
	});

	it("[A49] is looked for without recursion, and told up to a bound", () => {
		const deep = 50_000;
		expect(faultsIn(`${"[".repeat(deep)}{"a":1,"a":2}${"]".repeat(deep)}`)).toHaveLength(1);
		expect(faultsIn(`{${'"a":1,'.repeat(100)}"a":2}`)).toHaveLength(20);
	});
});
