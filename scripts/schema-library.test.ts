// What is built of the parts that must stay small: no way, however long, leads from them to the schema library. The linter sees
// one import at a time, and cannot tell a type, which is erased, from a value.
import { build } from "esbuild";
import { glob } from "node:fs/promises";
import { describe, expect, it } from "vitest";

const libraries = ["zod", "@hono/zod-openapi"];

const parts = [
	{ part: "the engines", files: "src/engine/**/*.ts" },
	{ part: "the objects", files: "workers/*/*-object.ts" },
	{ part: "the client", files: "src/client/**/*.ts" },
	{ part: "the words of the wire", files: "src/contracts/wire/**/*.ts" },
	{ part: "the calls between objects", files: "src/contracts/objects/**/*.ts" },
];

describe("what is built", () => {
	it.each(parts)("[T15] of $part has no schema library", async ({ files }) => {
		expect(await schemaFilesOf(files)).toEqual([]);
	});

	it("[T15] of the API's bodies has one, or nothing would be seen here", async () => {
		expect(await schemaFilesOf("src/contracts/http/**/*.ts")).not.toEqual([]);
	});
});

/** The files of this project through which the library comes. */
async function schemaFilesOf(pattern: string): Promise<string[]> {
	const entryPoints: string[] = [];
	for await (const file of glob(pattern)) if (!file.endsWith(".test.ts")) entryPoints.push(file);
	expect(entryPoints).not.toEqual([]);
	const { metafile } = await build({
		entryPoints,
		bundle: true,
		write: false,
		metafile: true,
		outdir: "never-written",
		format: "esm",
		conditions: ["workerd"],
		external: ["cloudflare:*", "node:*", ...libraries],
		logLevel: "silent",
	});
	return Object.entries(metafile.inputs)
		.filter(([, { imports }]) => imports.some(({ path }) => libraries.includes(path)))
		.map(([file]) => file);
}
