// Lines as programs and people with bad intent print them.
import { expect, it } from "vitest";
import { penAfterLine, plainPen, readLine } from "./ansi.ts";
import { unfinishedBytes } from "./unfinished.ts";

const shown = (line: string) =>
	readLine(line, plainPen)
		.pieces.map(({ text }) => text)
		.join("");

it.each([
	["a cursor that is hidden", "\u001b[?25lworking\u001b[?25h"],
	["a setting of the keyboard", "\u001b[>4;1mworking\u001b[<u"],
	["a device control string", "\u001bPq#0;2;0;0;0#0~~@@\u001b\\working"],
	["an application's string", "\u001b_Ga=T;AAAA\u001b\\working"],
	["a title without an end", "\u001b]0;a title\u001b[1mworking"],
	["controls of eight bits", "\u0085work\u009bing"],
])("[U27] %s is swallowed whole", (_, line) => {
	expect(shown(line)).toBe("working");
});

it("[U27] a colour of several lines is on until it is taken back", () => {
	const red = penAfterLine("\u001b[31mfirst", plainPen);
	expect(penAfterLine("second", red)).toEqual({ ...plainPen, front: 1 });
	expect(penAfterLine("third\u001b[0m", red)).toEqual(plainPen);
});

it("[U27] parts with colons are one code and what belongs to it", () => {
	expect(penAfterLine("\u001b[38:2::255:0:0;4:3m", plainPen)).toEqual({ ...plainPen, front: 196, flags: "u" });
});

it("[U27] a line of thousands of colours is a hundred pieces at most, with all its text", () => {
	const line = Array.from({ length: 4_000 }, (_, at) => `\u001b[3${at % 8}mx`).join("");
	const { pieces } = readLine(line, plainPen);
	expect(pieces.length).toBeLessThanOrEqual(100);
	expect(pieces.map(({ text }) => text).join("")).toBe("x".repeat(4_000));
});

it.each(["a", "é", "€", "😀"])("[U27] of the character %s no part is taken for a whole", (character) => {
	const bytes = new TextEncoder().encode(`x${character}`);
	expect(unfinishedBytes(bytes)).toBe(0);
	for (let cut = 1; cut < bytes.length - 1; cut++) expect(unfinishedBytes(bytes.slice(0, 1 + cut))).toBe(cut);
});
