// The API as OpenAPI, committed, so that a change of the contract shows in a diff; whether others can use it; and the tables of
// fields written from it.
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { CheckPart } from "./check-process.ts";
import { withFieldTables } from "../field-tables.ts";
import { documentFaults } from "./published-document.ts";
import type { PublishedDocument } from "./published-document.ts";

const committed = "docs/openapi.json";
const reference = "docs/jobs.md";
const source = "src/doors/http/document/openapi.ts";

type Document = PublishedDocument & { components: { schemas: Parameters<typeof withFieldTables>[1] } };

export const runOpenApiCheck: CheckPart = async ({ write }) => {
	const { openApiDocument } = (await import(pathToFileURL(source).href)) as { openApiDocument: () => Document };
	const document = openApiDocument();
	const text = `${JSON.stringify(document, null, 2)}\n`;
	const before = await readFile(reference, "utf8");
	const tables = withFieldTables(before, document.components.schemas);
	if (write) await Promise.all([writeFile(committed, text), writeFile(reference, tables)]);
	const known = await readFile(committed, "utf8").catch(() => "");
	const stale = [...(known === text ? [] : [committed]), ...(write || before === tables ? [] : [reference])];
	return [
		...stale.map((file) => `${file} is not what the routes say: npm run check -- openapi --write`),
		...(await documentFaults(document)),
	];
};
