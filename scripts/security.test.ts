// SECURITY.md promises by rules: what it names as the proof of a promise is there.
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { rulesIn } from "./checks/check-rules.ts";

/** In the last cell of a table's row, and in brackets. */
function rulesNamed(text: string): string[] {
	const cells = [...text.matchAll(/^\| .* \| ([^|]+) \|$/gm)].map(([, cell = ""]) => cell);
	const brackets = [...text.matchAll(/\[([A-Z]\d+(?:, [A-Z]\d+)*)\](?!\()/g)].map(([, ids = ""]) => ids);
	return [...cells, ...brackets].flatMap((words) => words.match(/\b[A-Z]\d{1,3}\b/g) ?? []);
}

it("[T40] each rule that SECURITY.md names as a proof is in the book, and each kind of attacker has some", async () => {
	const [page, book] = await Promise.all([readFile("SECURITY.md", "utf8"), readFile("src/domain/RULES.md", "utf8")]);
	const invariants = [...book.matchAll(/^\| \*\*(I\d+)\*\*/gm)].map(([, id = ""]) => id);
	const known = new Set([...rulesIn(book), ...invariants]);
	expect(rulesNamed("| a | b | J1, Q999 |\n[A1, B2] [A3](x)")).toEqual(["J1", "Q999", "A1", "B2"]);
	expect(rulesNamed(page).filter((id) => !known.has(id))).toEqual([]);
	const attackers = page.split("## Who attacks, and what holds")[1]?.split("\n## ")[0]?.split("\n**").slice(1) ?? [];
	expect(attackers.length).toBeGreaterThanOrEqual(7);
	for (const attacker of attackers)
		expect([attacker.slice(0, 30), rulesNamed(`**${attacker}`)[0]]).toEqual([
			attacker.slice(0, 30),
			expect.any(String),
		]);
});
