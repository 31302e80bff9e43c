import { describe, expect, it } from "vitest";
import { lostPaths, projectOf } from "./check-paths.ts";

const project = projectOf(
	["src/domain/ids.ts", "src/domain/job/job.ts", "docs/jobs.md", "scripts/build.ts"],
	["check"],
);

const lost = (file: string, text: string) => lostPaths(file, text, project);

describe("a cited path", () => {
	it.each([
		["from the root", "src/doors/http/app.ts", "// See src/domain/ids.ts."],
		["from the file that cites it", "src/domain/run.ts", "/** As in `job/job.ts`. */"],
		["from a well-known folder", "workers/env.ts", " * `domain/ids.ts` has them"],
		["of a folder", "docs/jobs.md", "the rules are in `src/domain/`"],
		["in a link", "docs/jobs.md", "[jobs](../docs/jobs.md)"],
		["of what is made", "scripts/prepare", "touch node_modules/.package-lock.json"],
		["of a script", "docs/jobs.md", "`npm run check`"],
		["in code, which the compiler reads", "src/doors/http/app.ts", `import "./gone/away.ts";`],
	])("[T17] %s is found", (_, file, text) => {
		expect(lost(file, text)).toEqual([]);
	});

	it.each([
		["a file that moved", "src/doors/http/app.ts", "// See src/domain/job.ts.", "src/domain/job.ts"],
		[
			"a file at a line's end",
			"src/doors/http/app.ts",
			"run();\t// as scripts/check-drift.ts does",
			"scripts/check-drift.ts",
		],
		["a folder that is gone", "docs/jobs.md", "in `src/queue`", "src/queue"],
		["a script that is gone", "docs/jobs.md", "`npm run drift`", "npm run drift"],
	])("[T17] %s is told with its place", (_, file, text, cited) => {
		expect(lost(file, `\n${text}`)).toEqual([`${file}:2 cites ${cited}, which is not there`]);
	});
});
