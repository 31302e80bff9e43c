import { describe, expect, it } from "vitest";
import { doubledNames } from "./check-names.ts";

const both = [
	{ file: "src/domain/job/job.ts", text: "export type Job = 1;\n" },
	{ file: "src/contracts/http/run.ts", text: "export type Job = 2;\nexport type Run = 2;\n" },
	{ file: "src/domain/run/run.ts", text: "export interface Run {}\n" },
];

describe("an exported name", () => {
	it("[T16] of two files is refused, whatever it names in each", () => {
		const faults = doubledNames([
			...both,
			{ file: "src/a.ts", text: "export const limit = 1;\nexport abstract class Open {}\n" },
			{ file: "src/b.ts", text: "export async function limit() {}\nexport interface Open {}\n" },
		]);
		expect(faults).toEqual([
			"Open is exported by src/a.ts and src/b.ts: one name, one meaning",
			"limit is exported by src/a.ts and src/b.ts: one name, one meaning",
		]);
	});

	it("[T16] may stand in one file often, as an overload or as a type beside its value", () => {
		const text =
			"export function at(a: 1): 1;\nexport function at(a: 2): 2;\nexport const job = 1;\nexport type job = 1;\n";
		expect(doubledNames([...both, { file: "src/a.ts", text }])).toEqual([]);
	});

	it("[T16] that is allowed to stand twice does so, or the allowance goes", () => {
		expect(doubledNames(both.slice(0, 2))).toEqual([
			"Run is allowed to stand twice in scripts/checks/check-names.ts, and does not",
		]);
	});
});
