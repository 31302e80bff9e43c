// A comparison that cites tests is worth as much as its citations.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "./child.ts";

it("[T6] docs/comparison.md is whole: each row has as many cells as its heading, and each reference is defined", () => {
	const lines = readFileSync(join(root, "docs/comparison.md"), "utf8").split("\n");
	const defined = new Set(lines.flatMap((line) => /^\[([\w-]+)\]: https:\S+$/.exec(line)?.[1] ?? []));
	const used = lines.flatMap((line) => [...line.matchAll(/\]\[([\w-]+)\]/g)].map(([, name = ""]) => name));
	expect(used.length).toBeGreaterThan(30);
	expect(used.filter((name) => !defined.has(name))).toEqual([]);
	const rows = lines.filter((line) => line.startsWith("|"));
	expect(rows.length).toBeGreaterThan(30);
	expect(rows.filter((row) => row.split(/(?<!\\)\|/).length !== 9 || !row.endsWith("|"))).toEqual([]);
	expect(lines.filter((line) => /^\[[\w-]+\]: (?!https:\S+$)/.test(line))).toEqual([]);
});

it("[T6] each proof in docs/comparison.md is a test in the file it names that begins with the rule", () => {
	const text = readFileSync(join(root, "docs/comparison.md"), "utf8");
	const cited = [...text.matchAll(/((?:[A-Z]\d+(?:, )?)+) \[[\w.-]+\]\(\.\.\/([^)]*)\)/g)].flatMap(
		([, ids = "", path = ""]) => ids.split(", ").map((id) => ({ id, path })),
	);
	expect(cited.length).toBeGreaterThan(30);
	const missing = cited.filter(({ id, path }) => {
		const titles = readFileSync(join(root, path), "utf8").match(
			/\bit[.\w]*\([^"`]*["`](\[\w+\])+|\)\("(\[\w+\])+|^\t"(\[\w+\])+/gm,
		);
		return !titles?.some((title) => title.includes(`[${id}]`));
	});
	expect(missing).toEqual([]);
});
