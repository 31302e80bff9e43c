import { expect, it } from "vitest";
import { numberVariables, readNumberVariable } from "./variables.ts";
import type { NumberVariable } from "./variables.ts";

it.each(Object.keys(numberVariables) as NumberVariable[])(
	"[V14] %s is a whole number in its range, and what is none is not taken for another",
	(name) => {
		const { fallback, max } = numberVariables[name];
		expect([undefined, 1, "1", max, String(max)].map((text) => readNumberVariable(name, text))).toEqual([
			fallback,
			1,
			1,
			max,
			max,
		]);
		for (const text of [0, -1, max + 1, 1.5, "many", "", " ", Number.NaN, "1e999"])
			expect([text, readNumberVariable(name, text)]).toEqual([text, null]);
	},
);
