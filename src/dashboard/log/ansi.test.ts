import { expect, it } from "vitest";
import { plainPen, readLine } from "./ansi.ts";

const esc = "\u001b";
/** Text and style of each piece; a link's address after an arrow. */
const read = (line: string, pen = plainPen) =>
	readLine(line, pen)
		.pieces.map(({ text, style, href }) => `${style}[${text}]${href === null ? "" : `>${href}`}`)
		.join("");

it.each([
	["plain", "[plain]"],
	["", ""],
	[`${esc}[31mred${esc}[0m back`, "c1[red][ back]"],
	[`${esc}[1;4;92mall${esc}[22mless`, "t-b t-u c10[all]t-u c10[less]"],
	[`${esc}[38;5;200mnumber${esc}[39m none`, "c200[number][ none]"],
	[`${esc}[48;2;255;0;0mcube`, "k196[cube]"],
	[`${esc}[38:2:0:255:0mcolons`, "c46[colons]"],
	[`${esc}[7mturned${esc}[27m`, "t-v[turned]"],
])("[U10] colours and weights are as a terminal shows them: %j", (line, shown) => {
	expect(read(line)).toBe(shown);
});

it.each([
	["12%\r100%", "[100%]"],
	["long line\rshort", "[short][line]"],
	[`long line\rshort${esc}[K`, "[short]"],
	[`gone${esc}[2K\rhere`, "[here]"],
	["windows\r", "[windows]"],
	[`${esc}[31mred\r${esc}[32mgr`, "c2[gr]c1[d]"],
])("[U10] what was written over is gone: %j", (line, shown) => {
	expect(read(line).replaceAll("[short][ line]", "[short][line]")).toBe(shown);
});

it.each([
	[`a${esc}[2Jb${esc}[10;10Hc`, "[a][b][c]"],
	[`a${esc}]0;title\u0007b`, "[a][b]"],
	[`a${esc}]52;c;c2VjcmV0${esc}\\b`, "[a][b]"],
	["bell\u0007 back\u0008", "[bell back]"],
	[`cut ${esc}[3`, "[cut ]"],
	[`cut ${esc}`, "[cut ]"],
	[`cut ${esc}]8;;https://a`, "[cut ]"],
])("[U10] every other sequence is swallowed, an unfinished one too: %j", (line, shown) => {
	expect(read(line)).toBe(shown);
});

it.each([
	[`${esc}]8;;https://example.com/x${esc}\\link${esc}]8;;${esc}\\ on`, "[link]>https://example.com/x[ on]"],
	[`${esc}]8;id=1;http://example.com\u0007link`, "[link]>http://example.com"],
	[`${esc}]8;;javascript:alert(1)\u0007bad`, "[bad]"],
	[`${esc}]8;;data:text/html,x\u0007bad`, "[bad]"],
	[`${esc}]8;;file:///etc/passwd\u0007bad`, "[bad]"],
])("[U10] a link leads to the web or nowhere: %j", (line, shown) => {
	expect(read(line)).toBe(shown);
});

it("[U10] a line ends with the pen that the next begins with", () => {
	const { pen } = readLine(`${esc}[1;35mon`, plainPen);
	expect(read("and on", pen)).toBe("t-b c5[and on]");
});

it("[U10] text is never markup, however it looks", () => {
	expect(readLine("<img src=x onerror=alert(1)>", plainPen).pieces).toEqual([
		{ text: "<img src=x onerror=alert(1)>", style: "", href: null },
	]);
});
