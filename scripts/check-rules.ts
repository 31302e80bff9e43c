// The rule book against the tests: every rule in src/domain/RULES.md is quoted by a test's title, and every test's title
// begins with a rule. Titles are read without running anything, so a table's title counts once.
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import type { CheckPart } from "./check-process.ts";
import { outputOf } from "./check-process.ts";

const book = "src/domain/RULES.md";

export interface TestTitle {
	file: string;
	/** Suites and title, joined by ` > `. */
	name: string;
}

export const runRulesCheck: CheckPart = async () => {
	const titles = JSON.parse(await outputOf("vitest", ["list", "--static-parse", "--json"])) as TestTitle[];
	return compareRules(
		await readFile(book, "utf8"),
		titles.map(({ file, name }) => ({ file: relative(process.cwd(), file), name })),
	);
};

/** In the book a rule is a list item that begins with its id in bold: `- **J2** …`. */
export function rulesIn(text: string): string[] {
	return [...text.matchAll(/^- \*\*([A-Z]\d+)\*\*/gm)].map(([, id]) => id ?? "");
}

/** `[J5][J8] a canceling job …` quotes two rules. Empty when the title begins with none. */
export function rulesQuoted(name: string): string[] {
	const leading = /(?:^| > )((?:\[[A-Z]\d+\] ?)+)/.exec(name)?.[1] ?? "";
	return leading.match(/[A-Z]\d+/g) ?? [];
}

export function compareRules(text: string, titles: readonly TestTitle[]): string[] {
	const rules = rulesIn(text);
	const quoted = new Set<string>();
	const faults: string[] = [];
	for (const rule of new Set(rules)) {
		if (rules.indexOf(rule) !== rules.lastIndexOf(rule)) faults.push(`${book} has ${rule} twice`);
	}
	for (const { file, name } of titles) {
		const ids = rulesQuoted(name);
		if (ids.length === 0) faults.push(`${file}: a title begins with no rule: ${name}`);
		for (const id of ids) {
			quoted.add(id);
			if (!rules.includes(id)) faults.push(`${file}: ${id} is not in ${book}: ${name}`);
		}
	}
	for (const rule of new Set(rules)) if (!quoted.has(rule)) faults.push(`${book}: no test quotes ${rule}`);
	return faults;
}
