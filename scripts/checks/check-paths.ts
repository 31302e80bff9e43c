// Comments and documents that cite a file, a folder or a script: it is there. A path is as seen from the root, from the file that
// cites it, or from a folder of `src` that is well known. Decisions and the changelog are history, and may cite what is gone.
import { readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import type { CheckPart } from "./check-process.ts";
import { outputOf } from "./check-process.ts";

/** Folders that are named without what leads to them: "`domain/ids.ts`". */
const shortened = ["src", "src/contracts", "src/engine"];
/** Made by installing and building, so not among the files of the project. */
const made = /^(?:node_modules|dist)\//;
const history = /^(?:CHANGELOG\.md$|docs\/decisions\/)/;
const read = /\.(?:ts|md|jsonc|toml|sh|mjs|yaml|service|plist)$|^\.ci\/run$|^scripts\/prepare$/;
const commented = /\.(?:ts|mjs|jsonc)$/;

const path =
	/(?<![\w./@:-])((?:[\w.-]+\/)+[\w.-]+\.(?:ts|md|sh|jsonc?|sql|toml|mjs|yaml|plist|service|grit))(?![\w/])/g;
const folder = /`((?:src|workers|bench|chaos|scripts|test|docs|migrations|examples)(?:\/[\w.-]+)*)\/?`/g;
const script = /\bnpm run ([a-z]+)/g;

export interface Project {
	files: ReadonlySet<string>;
	folders: ReadonlySet<string>;
	scripts: ReadonlySet<string>;
}

export function projectOf(files: readonly string[], scripts: readonly string[]): Project {
	return { files: new Set(files), folders: new Set(files.flatMap(foldersOf)), scripts: new Set(scripts) };
}

export const runPathsCheck: CheckPart = async () => {
	const files = (await outputOf("git", ["ls-files", "--cached", "--others", "--exclude-standard"])).trim().split("\n");
	const { scripts } = JSON.parse(await readFile("package.json", "utf8")) as { scripts: Record<string, string> };
	const project = projectOf(files, Object.keys(scripts));
	const texts = await Promise.all(
		files
			.filter((file) => read.test(file) && !history.test(file))
			// One that was deleted and not yet committed is still listed.
			.map(async (file) => ({ file, text: await readFile(file, "utf8").catch(() => "") })),
	);
	return texts.flatMap(({ file, text }) => lostPaths(file, text, project));
};

export function lostPaths(file: string, text: string, { files, folders, scripts }: Project): string[] {
	const isThere = (cited: string) =>
		[cited, join(dirname(file), cited), ...shortened.map((start) => join(start, cited))]
			.map((place) => normalize(place))
			.some((place) => files.has(place) || folders.has(place));
	const faults: string[] = [];
	text.split("\n").forEach((line, index) => {
		const said = commented.test(file) ? commentOf(line) : line;
		const cited = [...said.matchAll(path), ...said.matchAll(folder)].map(([, found = ""]) => found);
		const lost = cited.filter((found) => !made.test(found) && !isThere(found));
		const unknown = [...said.matchAll(script)].map(([, name = ""]) => name).filter((name) => !scripts.has(name));
		for (const found of [...lost, ...unknown.map((name) => `npm run ${name}`)]) {
			faults.push(`${file}:${index + 1} cites ${found}, which is not there`);
		}
	});
	return faults;
}

/** The part of a line of code that is a comment. */
function commentOf(line: string): string {
	return /^\s*(?:\/\/|\/\*|\*)(.*)$/.exec(line)?.[1] ?? /\s\/\/ (.*)$/.exec(line)?.[1] ?? "";
}

function foldersOf(file: string): string[] {
	const parts = file.split("/").slice(0, -1);
	return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}
