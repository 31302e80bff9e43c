// One word, one meaning: a name that two files of the product export would be read as one thing. Tests and their fixtures are
// programs of their own.
import { readFile } from "node:fs/promises";
import type { CheckPart } from "./check-process.ts";
import { outputOf } from "./check-process.ts";

/** A name that stands twice on purpose, and why. */
const allowed: ReadonlyMap<string, string> = new Map([
	["Job", "the domain's, and what the API shows of it: `view.ts` alone makes one of the other"],
	["Run", "the domain's, and what the API shows of it: `view.ts` alone makes one of the other"],
]);

const ownProgram = /\.test\.ts$|-fixture\.ts$|^src\/(testing|simulation)\/|\.d\.ts$/;
const exported =
	/^export (?:declare )?(?:abstract )?(?:async )?(?:class|const|function\*?|interface|let|type) ([A-Za-z_$][\w$]*)/gm;

export const runNamesCheck: CheckPart = async () => {
	const listed = await outputOf("git", ["ls-files", "--cached", "--others", "--exclude-standard", "src", "workers"]);
	const files = listed.split("\n").filter((file) => file.endsWith(".ts") && !ownProgram.test(file));
	const texts = await Promise.all(files.map(async (file) => ({ file, text: await readFile(file, "utf8") })));
	return doubledNames(texts);
};

export function doubledNames(texts: readonly { file: string; text: string }[]): string[] {
	const homes = new Map<string, Set<string>>();
	for (const { file, text } of texts) {
		// Overloads of a function are one name.
		for (const [, name = ""] of text.matchAll(exported)) homes.set(name, (homes.get(name) ?? new Set()).add(file));
	}
	const faults = [...homes].filter(([name, { size }]) => size > 1 && !allowed.has(name));
	return [
		...faults.map(([name, files]) => `${name} is exported by ${[...files].join(" and ")}: one name, one meaning`),
		...[...allowed.keys()]
			.filter((name) => (homes.get(name)?.size ?? 0) < 2)
			.map((name) => `${name} is allowed to stand twice in scripts/checks/check-names.ts, and does not`),
	].sort();
}
