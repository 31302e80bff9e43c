// Which limits there are, as a page that is committed: a change of a number shows in a diff.
import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { LimitFacts } from "../limits-page.ts";
import { limitsPage } from "../limits-page.ts";
import type { CheckPart } from "./check-process.ts";

const committed = "docs/limits.md";
const table = "src/domain/limit/limit-table.ts";

export const runLimitsCheck: CheckPart = async ({ write }) => {
	const text = limitsPage((await import(pathToFileURL(table).href)) as LimitFacts);
	if (write) await writeFile(committed, text);
	const known = await readFile(committed, "utf8").catch(() => "");
	return known === text ? [] : [`${committed} is not what the table says: npm run check -- limits --write`];
};
