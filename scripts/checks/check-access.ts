// Who may do what, as a page that is committed: a change of it shows in a diff.
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { AccessFacts, ApiPaths } from "../access-page.ts";
import { accessPage } from "../access-page.ts";
import type { CheckPart } from "./check-process.ts";

const committed = "docs/access.md";
const table = "src/operations/access-table.ts";
const source = "src/doors/http/document/openapi.ts";

export const runAccessCheck: CheckPart = async ({ write }) => {
	const facts = (await import(pathToFileURL(table).href)) as AccessFacts;
	const { openApiDocument } = (await import(pathToFileURL(source).href)) as {
		openApiDocument: () => { paths: ApiPaths };
	};
	const text = accessPage(openApiDocument().paths, facts);
	if (write) await writeFile(committed, text);
	const known = await readFile(committed, "utf8").catch(() => "");
	return known === text ? [] : [`${committed} is not what the table says: npm run check -- access --write`];
};
