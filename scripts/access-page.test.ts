import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import * as facts from "../src/operations/access-table.ts";
import type { ApiPaths } from "./access-page.ts";
import { accessPage } from "./access-page.ts";

const paths: ApiPaths = {
	"/v1/repos/{owner}/{repo}/jobs/{job}": { get: { operationId: "getJob", tags: ["jobs"] } },
	"/v1/repos/{owner}/{repo}/runs/{run}/jobs/{job}": { get: { operationId: "getJobInRun", tags: ["jobs"] } },
	"/v1/switches": { get: { operationId: "getSwitches", tags: ["operation"] } },
	"/healthz": { get: { operationId: "getHealth", tags: ["operation"] } },
	"/metrics": { get: { operationId: "getMetrics", tags: ["operation"] } },
};

it("[A128] each operation is one line, with all its paths and who may", () => {
	const rows = accessPage(paths, facts)
		.split("\n")
		.filter((line) => line.startsWith("| `"));
	expect(rows).toEqual([
		"| `getJob` | `GET /v1/repos/{owner}/{repo}/jobs/{job}`<br>`GET /v1/repos/{owner}/{repo}/runs/{run}/jobs/{job}` | a repository | token, operator, session | `read` | `viewer` |",
		"| `getSwitches` | `GET /v1/switches` | the installation | operator |  |  |",
		"| `getHealth` | `GET /healthz` | nobody in particular | *everybody* |  |  |",
		"| `getMetrics` | `GET /metrics` | nobody in particular | token, operator | `metrics` |  |",
	]);
});

it("[A128] a route without a row, and one without a heading, make no page", () => {
	const one = (operationId: string, tag: string) => ({ "/x": { get: { operationId, tags: [tag] } } });
	expect(() => accessPage(one("noSuchRow", "jobs"), facts)).toThrow("no row noSuchRow");
	expect(() => accessPage(one("getJob", "elsewhere"), facts)).toThrow("no heading for elsewhere");
});

it("[A128] the committed page has every operation", async () => {
	const page = await readFile("docs/access.md", "utf8");
	expect(Object.keys(facts.accessTable).filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
});
