import { describe, expect, it } from "vitest";
import { lostKeys } from "./lost-keys.ts";

const pathsIn = (text: string) => lostKeys(text, JSON.parse(text)).map((path) => path.join("/"));

describe("lost keys", () => {
	it("[A40] are found at any depth, in order, each with its path", () => {
		expect(
			pathsIn('{"__proto__":1,"a":[{"b":{}},{"b":{"__proto__":{"__proto__":2}}}],"c":{"__proto__":null}}'),
		).toEqual(["__proto__", "a/1/b/__proto__", "c/__proto__"]);
	});

	it("[A40] are found however they are written", () => {
		expect(pathsIn('{"a":{"\\u005f_pr\\u006Fto__":1}}')).toEqual(["a/__proto__"]);
	});

	it("[A40] are no values, and no other names that objects seem to have", () => {
		expect(
			pathsIn('{"a":"__proto__","b":["__proto__"],"constructor":1,"toString":{"__proto":1},"c":"\\u00e9"}'),
		).toEqual([]);
	});

	it("[A40] are looked for without recursion", () => {
		const deep = 5_000;
		expect(pathsIn(`${"[".repeat(deep)}{"__proto__":1}${"]".repeat(deep)}`)).toHaveLength(1);
	});
});
