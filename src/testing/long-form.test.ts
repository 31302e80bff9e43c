import { expect, it } from "vitest";
import { seedsToTry } from "./long-form.ts";

const lengths = { short: 3, long: 5 };

it("[T10] the short form tries the first of the long form's seeds, and either tries those that are named instead", () => {
	expect(seedsToTry(undefined, { ...lengths, form: "long" })).toEqual([0, 1, 2, 3, 4]);
	expect(seedsToTry(undefined, { ...lengths, form: "short" })).toEqual([0, 1, 2]);
	for (const form of ["short", "long"] as const) {
		expect(seedsToTry("7", { ...lengths, form })).toEqual([7]);
		expect(seedsToTry("40-42", { ...lengths, form })).toEqual([40, 41, 42]);
	}
});

it.each(["x", "3-", "-3", "5-4", "1,2", "1-2-3", "1e3"])("[T10] %s names no seeds, and says so", (named) => {
	expect(() => seedsToTry(named, lengths)).toThrow(`${named} names no seeds`);
});
