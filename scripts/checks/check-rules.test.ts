import { expect, it } from "vitest";
import { compareRules, rulesIn, rulesQuoted } from "./check-rules.ts";

const book = "# Rules\n\n- **J1** A job waits.\n  It goes on here.\n- **J2** A job ends, see J1.\n";

it("[T4] a rule is a list item that begins with its id", () => {
	expect(rulesIn(book)).toEqual(["J1", "J2"]);
});

it("[T4] a title quotes the rules it begins with, below any suite", () => {
	expect(rulesQuoted("[J1] waits")).toEqual(["J1"]);
	expect(rulesQuoted("job > when lost > [J1] [J2] ends")).toEqual(["J1", "J2"]);
	expect(rulesQuoted("[J1][J12] ends")).toEqual(["J1", "J12"]);
	expect(rulesQuoted("ends as [J1] says")).toEqual([]);
});

it("[T4] nothing is said when book and tests agree", () => {
	expect(compareRules(book, [{ file: "job.test.ts", name: "[J1][J2] waits and ends" }])).toEqual([]);
});

it("[T4] a rule without a test, a test without a rule and a test of no known rule are each named", () => {
	const faults = compareRules(`${book}- **J2** Again.\n`, [
		{ file: "a.test.ts", name: "waits" },
		{ file: "b.test.ts", name: "[J3] flies" },
		{ file: "c.test.ts", name: "[J1] waits" },
	]);
	expect(faults).toEqual([
		"src/domain/RULES.md has J2 twice",
		"a.test.ts: a title begins with no rule: waits",
		"b.test.ts: J3 is not in src/domain/RULES.md: [J3] flies",
		"src/domain/RULES.md: no test quotes J2",
	]);
});
