import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { loadIssuers } from "./issuers.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "spillway-issuers-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

it("[A115] one machine has its issuers from the environment, else from two files of its data folder", () => {
	expect(loadIssuers(folder, {})).toEqual({});
	writeFileSync(join(folder, "issuers.json"), "[1]");
	writeFileSync(join(folder, "issuer-secrets.json"), "{}");
	expect(loadIssuers(folder, { SPILLWAY_ISSUERS: "" })).toEqual({
		SPILLWAY_ISSUERS: "[1]",
		SPILLWAY_ISSUER_SECRETS: "{}",
	});
	expect(loadIssuers(folder, { SPILLWAY_ISSUERS: "[2]" })).toMatchObject({ SPILLWAY_ISSUERS: "[2]" });
});

it("[A115] a file that cannot be read keeps the server from starting, with its name", () => {
	mkdirSync(join(folder, "issuers.json"));
	expect(() => loadIssuers(folder, {})).toThrow(/issuers\.json cannot be read/);
});
