// What a terminal is shown of a log, however the log's bytes are cut.
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { LogLines } from "./log-lines.ts";
import { TerminalText } from "./terminal-text.ts";

/** In pieces that begin at `cuts`. */
function shown(text: string, { cuts = [], hasColors = true }: { cuts?: number[]; hasColors?: boolean } = {}): string {
	const terminal = new TerminalText(hasColors);
	const places = [0, ...[...cuts].sort((a, b) => a - b), text.length];
	const pieces = places.slice(1).map((to, at) => terminal.push(text.slice(places[at], to)));
	return pieces.join("") + terminal.end();
}

const clipboard = "\u001b]52;c;Y3VybCBldmlsfHNo";

describe("a log on a terminal", () => {
	it.each([
		["a clipboard write, ended by BEL", `a${clipboard}\u0007b`, "ab"],
		["a clipboard write, ended by ST", `a${clipboard}\u001b\\b`, "ab"],
		["a clipboard write in C1", "a\u009d52;c;Y3Vy\u009cb", "ab"],
		["a clipboard write that never ends hides its own line only", `a${clipboard}\nb\n`, "a\nb\n"],
		["clear screen, cursor, modes", "a\u001b[2J\u001b[H\u001b[?1049hb", "ab"],
		["clear screen in C1", "a\u009b2Jb", "ab"],
		["a reset of the terminal", "a\u001bcb", "ab"],
		["a character set", "a\u001b(0b", "ab"],
		["a device control string", "a\u001bP$q q\u001b\\b", "ab"],
		["a question to the terminal", "a\u001b[6n\u0005b", "ab"],
		["bell, backspace, DEL, NEL", "a\u0007\u0008\u007f\u0085b", "ab"],
		["a sequence within a sequence", "a\u001b[2\u001b[31mb", "a\u001b[31mb\u001b[0m"],
		["a sequence that is no end of one", "a\u001b[2\u00e4b", "a\u00e4b"],
		["tabs and line ends stay", "a\tb\r\nc\r", "a\tb\r\nc\r"],
		["colours stay, and are taken back", "\u001b[1;38:2::1:2:3mred", "\u001b[1;38:2::1:2:3mred\u001b[0m"],
		["a colour that was taken back is not taken back again", "\u001b[31mred\u001b[m", "\u001b[31mred\u001b[m"],
	])("[X30] %s", (_, text, expected) => {
		expect(shown(text)).toBe(expected);
		const everywhere = [...text].map((_, at) => at);
		expect(shown(text, { cuts: everywhere })).toBe(expected);
	});

	it("[X30] is the same wherever it is cut, and never has a control character but those of colours", () => {
		const piece = fc.constantFrom(
			...[
				"\u001b",
				"[",
				"]",
				"2",
				";",
				"m",
				"J",
				"P",
				"\\",
				"\u0007",
				"\u009b",
				"\u009d",
				"\u009c",
				"\n",
				"\r",
				"(",
				"x",
			],
		);
		const texts = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""));
		fc.assert(
			fc.property(texts, fc.array(fc.nat(30)), (text, cuts) => {
				const whole = shown(text);
				expect(shown(text, { cuts: cuts.map((cut) => Math.min(cut, text.length)) })).toBe(whole);
				const rest = stripVTControlCharacters(whole);
				expect(rest).toMatch(/^[\t\n\r\u0020-\u007e]*$/);
				expect(shown(text, { hasColors: false })).toBe(rest);
			}),
			{ numRuns: 2_000 },
		);
	});

	it("[X30] raw bytes that are no text are shown as such, and none of them acts", () => {
		const lines: string[] = [];
		const log = new LogLines((line) => void lines.push(line), true);
		log.push(Uint8Array.of(0x61, 0x9b, 0x32, 0x4a, 0x1b, 0x5d, 0x35));
		log.push(Uint8Array.of(0x32, 0x07, 0x62, 0xc2));
		log.push(Uint8Array.of(0x9b, 0x32, 0x4a, 0x63, 0x0a));
		log.end();
		expect(lines).toEqual(["a\ufffd2Jbc"]);
	});
});
