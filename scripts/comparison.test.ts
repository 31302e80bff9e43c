// A comparison that cites tests is worth as much as its citations.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "./child.ts";

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
