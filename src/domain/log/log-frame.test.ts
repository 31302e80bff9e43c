import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutFrame } from "./log-frame.ts";

const text = new TextEncoder();

/** All frames of `bytes` when they come in pieces that end at `cuts`, joined again; and what was text of them. */
function rebuild(bytes: Uint8Array, cuts: number[]): { joined: number[]; shown: string } {
	const joined: number[] = [];
	let shown = "";
	let at = 0;
	for (const end of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
		for (;;) {
			const frame = cutFrame(bytes.subarray(at, Math.max(end, at)), end === bytes.length);
			if (frame === null) break;
			const part = frame.text === null ? bytes.subarray(at, at + frame.size) : text.encode(frame.text);
			joined.push(...part);
			shown += frame.text ?? "";
			at += frame.size;
		}
	}
	return { joined, shown };
}

describe("cutFrame", () => {
	it("[L10] any bytes, cut anywhere, are rebuilt", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat()), (bytes, cuts) => {
				expect(rebuild(bytes, cuts).joined).toEqual([...bytes]);
			}),
			{ seed: 10, numRuns: 500 },
		);
	});

	it("[L10] what is UTF-8 is text, wherever it is cut", () => {
		fc.assert(
			fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.array(fc.nat()), (shown, cuts) => {
				expect(rebuild(text.encode(shown), cuts).shown).toBe(shown);
			}),
			{ seed: 11, numRuns: 500 },
		);
	});

	it("[L10] a character that is not whole is held back, and sent as it is at the end", () => {
		const rocket = text.encode("a🚀");
		for (const have of [2, 3, 4]) {
			expect(cutFrame(rocket.subarray(0, have), false)).toEqual({ size: 1, text: "a" });
			expect(cutFrame(rocket.subarray(1, have), false)).toBeNull();
			expect(cutFrame(rocket.subarray(1, have), true)).toEqual({ size: have - 1, text: null });
		}
		expect(cutFrame(new Uint8Array(0), true)).toBeNull();
	});

	it("[L10] a viewer that begins inside a character gets its rest alone; a byte order mark stays", () => {
		expect(cutFrame(text.encode("🚀a").subarray(2), false)).toEqual({ size: 2, text: null });
		expect(cutFrame(text.encode("\ufeffa"), false)).toEqual({ size: 4, text: "\ufeffa" });
		expect(cutFrame(new Uint8Array([0xff]), false)).toEqual({ size: 1, text: null });
	});
});
