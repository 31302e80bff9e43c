// The API as OpenAPI, committed, so that a change of the contract shows in a diff.
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { CheckPart } from "./check-process.ts";

const committed = "docs/openapi.json";
const source = "src/api/openapi.ts";

export const runOpenApiCheck: CheckPart = async ({ write }) => {
	const { openApiDocument } = (await import(pathToFileURL(source).href)) as { openApiDocument: () => unknown };
	const text = `${JSON.stringify(openApiDocument(), null, 2)}\n`;
	if (write) await writeFile(committed, text);
	const known = await readFile(committed, "utf8").catch(() => "");
	return known === text ? [] : [`${committed} is not what the routes say: npm run check -- openapi --write`];
};
