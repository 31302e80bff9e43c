// The rule book against the tests: every rule in src/domain/RULES.md is quoted by a test's title, and every test's title
// begins with a rule.
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import type { CheckPart } from "./check-process.ts";
import { outputOf } from "./check-process.ts";

const bookFile = "src/domain/RULES.md";

export interface TestTitle {
	file: string;
	/** Suites and title, joined by ` > `. */
	name: string;
}

export const runRulesCheck: CheckPart = async () => {
	const [book, titles] = await Promise.all([readFile(bookFile, "utf8"), allTitles()]);
	return compareRules(
		book,
		titles.map(({ file, name }) => ({ file: relative(process.cwd(), file), name })),
	);
};

/**
 * What runs in Node is collected, so that tables may bring their own rules; what runs in workerd is only read. One process collects
 * all files, and loads what they share once: nothing of a test runs.
 */
async function allTitles(): Promise<TestTitle[]> {
	const list = async (...args: string[]) =>
		JSON.parse(await outputOf("vitest", ["list", "--json", ...args])) as TestTitle[];
	return [
		...(await list("--project", "node", "--project", "journeys", "--no-static-parse", "--no-isolate")),
		...(await list("--project", "workers", "--static-parse")),
	];
}

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
		if (rules.indexOf(rule) !== rules.lastIndexOf(rule)) faults.push(`${bookFile} has ${rule} twice`);
	}
	for (const { file, name } of titles) {
		const ids = rulesQuoted(name);
		if (ids.length === 0) faults.push(`${file}: a title begins with no rule: ${name}`);
		for (const id of ids) {
			quoted.add(id);
			if (!rules.includes(id)) faults.push(`${file}: ${id} is not in ${bookFile}: ${name}`);
		}
	}
	for (const rule of new Set(rules)) if (!quoted.has(rule)) faults.push(`${bookFile}: no test quotes ${rule}`);
	return faults;
}
