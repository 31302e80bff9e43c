// The rule for refs against the one who made it: the real `git check-ref-format`.
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../testing/random.ts";
import { isRefName } from "./git-names.ts";

/** One shell asks git about all of them: a process for each from here would take minutes. */
function askGit(names: string[]): boolean[] {
	const script = 'for name in "$@"; do git check-ref-format --allow-onelevel "$name" && echo yes || echo no; done';
	const { stdout } = spawnSync("bash", ["-c", script, "ask", ...names], { encoding: "utf8" });
	return stdout
		.trim()
		.split("\n")
		.map((line) => line === "yes");
}

describe("the name of a ref", () => {
	const table = [
		...["main", "HEAD", "refs/heads/main", "refs/pull/12/merge", "v1.0.0", "a/b/c", "1", "+x", "tag", "!x", "%20"],
		...[
			"@scope/pkg@1.0.0",
			"#12-fix",
			"фича/один",
			"日本",
			"a\u00a0b",
			"a@b",
			"a{b}",
			"@@",
			"a/@",
			"@/a",
			"x$(id)",
			"a'b\"c;&|",
		],
		...["", "@", "/", "a/", "/a", "a//b", "a..b", "a.", "a/.", ".a", "a/.b", "a.lock", "a.lock/b", "a.lockx", "x.LOCK"],
		...[
			"a b",
			"a\tb",
			"a\nb",
			"a\u007fb",
			"a\u0001",
			"a~1",
			"a^",
			"a:b",
			"a?",
			"a*",
			"[a]",
			"a]",
			"a\\b",
			"a@{1}",
			"@{u}",
		],
		...["a.b", "...", "..", ".", "a/..", "a-", "a/-b", "lock", ".lock", "a/.lock"],
	];

	it("[A57] is what git's own check-ref-format takes, by a table", () => {
		const git = askGit(table);
		expect(table.map((name) => [name, isRefName(name)])).toEqual(table.map((name, at) => [name, git[at]]));
	});

	it.each([1, 2, 3])("[A57] and by chance, from seed %i", (seed) => {
		const random = seededRandom(seed);
		const pieces = [
			"a",
			"b",
			"/",
			".",
			"..",
			"@",
			"{",
			"@{",
			".lock",
			"~",
			"^",
			":",
			"?",
			"*",
			"[",
			"]",
			"\\",
			" ",
			"\u007f",
			"é",
			"#",
			"+",
			"lock",
		];
		const pick = () => pieces[Math.floor(random() * pieces.length)] ?? "";
		const names = Array.from({ length: 400 }, () =>
			Array.from({ length: 1 + Math.floor(random() * 5) }, pick).join(""),
		);
		const git = askGit(names);
		expect(names.map((name) => [name, isRefName(name)])).toEqual(names.map((name, at) => [name, git[at]]));
	});

	it.each(["-dash", "--upload-pack=x", "-"])("[A57] is never an option: %s", (name) => {
		expect(isRefName(name)).toBe(false);
	});
});
