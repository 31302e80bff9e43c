// The table of operational events in docs/operations.md against the list that the program has.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { severities } from "../src/contracts/wire/operational-event.ts";

const asked: Record<string, string> = { "–": "none", ticket: "ticket", page: "page" };

it("[T9] the table of operational events has each event that the program knows, once, with what it asks for", () => {
	const text = readFileSync("docs/operations.md", "utf8");
	const table = /\| event \|.*\n\| --- .*\n((?:\|.*\n)+)/.exec(text)?.[1] ?? "";
	const told = table
		.trim()
		.split("\n")
		.flatMap((row) => {
			const cells = row.split("|").map((cell) => cell.trim());
			const names = [...(cells[1] ?? "").matchAll(/`([a-z-]+)`/g)];
			return names.map(([, name = ""]): [string, string] => [name, asked[cells[4] ?? ""] ?? `? ${cells[4]}`]);
		});
	expect(new Set(told.map(([name]) => name)).size).toBe(told.length);
	expect(Object.fromEntries(told.sort())).toEqual(Object.fromEntries(Object.entries(severities).sort()));
});
