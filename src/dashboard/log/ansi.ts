// A line of a log as pieces of text with classes: colours and weights as terminals take them, links, and what a carriage return or
// an erasure left of the line. All other escape sequences are swallowed. Nothing here makes HTML: whoever draws sets text.

export interface Piece {
	text: string;
	/** Classes, a space between; empty for plain text. */
	style: string;
	/** Of http and https alone; null: none. */
	href: string | null;
}

/** What a line ends with, and the next begins with. Colours are of the 256 that terminals number; null: the page's own. */
export interface Pen {
	front: number | null;
	back: number | null;
	/** Letters of `flags` below. */
	flags: string;
	href: string | null;
}

export const plainPen: Pen = { front: null, back: null, flags: "", href: null };

/** SGR codes that set one letter, and those that take letters away. */
const setting: Record<number, string> = { 1: "b", 2: "d", 3: "i", 4: "u", 7: "v", 9: "s" };
const unsetting: Record<number, string> = { 22: "bd", 23: "i", 24: "u", 27: "v", 29: "s" };

const escapeSign = "\u001b";
/** One sequence: CSI, OSC and other strings up to their end, or two characters. Anything unfinished at the line's end goes too. */
const sequence =
	// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for.
	/\u001b(?:\[([0-?]*)([ -/]*[@-~])|\]([^\u0007\u001b]*)(?:\u0007|\u001b\\|(?=\u001b)|$)|[PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|(?=\u001b)|$)|\[[0-?]*[ -/]*$|[ -/]*[0-~]|$)/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would not show.
const unshown = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** A line with more has the rest as one, in its page's own colour: each is an element, and a log is not to make a page heavy. */
const piecesMax = 100;

/** `line` without its line break. Cells that a carriage return went back over are those that were written last. */
export function readLine(line: string, pen: Pen): { pieces: Piece[]; pen: Pen } {
	if (!line.includes(escapeSign) && !line.includes("\r")) {
		return { pieces: line === "" ? [] : [pieceOf(line, pen)], pen };
	}
	const cells = new Cells();
	let now = pen;
	let at = 0;
	sequence.lastIndex = 0;
	for (let found = sequence.exec(line); found; found = sequence.exec(line)) {
		cells.write(line.slice(at, found.index), now);
		at = found.index + found[0].length;
		const [whole, parameters = "", final] = found;
		now = penAfter(now, found);
		if (final === "K") cells.erase(parameters);
		// An empty match would be found for ever.
		if (whole === "") sequence.lastIndex++;
	}
	cells.write(line.slice(at), now);
	return { pieces: cells.pieces(), pen: now };
}

/** What a line leaves on for the next one. */
export function penAfterLine(line: string, pen: Pen): Pen {
	if (!line.includes(escapeSign)) return pen;
	let now = pen;
	for (const found of line.matchAll(sequence)) now = penAfter(now, found);
	return now;
}

function penAfter(pen: Pen, [, parameters = "", final, command]: readonly (string | undefined)[]): Pen {
	// With a sign of its own before, as `>4;1m`, it is a setting of the keyboard.
	if (final === "m") return /^[\d;:]*$/.test(parameters) ? paint(pen, parameters) : pen;
	return command?.startsWith("8;") ? { ...pen, href: linkOf(command) } : pen;
}

/** OSC 8: `8;parameters;address`, without an address the link ends. */
function linkOf(command: string): string | null {
	const address = command.slice(command.indexOf(";", 2) + 1);
	return /^https?:\/\//i.test(address) ? address : null;
}

function paint(pen: Pen, parameters: string): Pen {
	const codes = parameters.split(";").flatMap(codesOf);
	let { front, back, flags } = pen;
	for (let at = 0; at < codes.length; at++) {
		const code = codes[at] ?? 0;
		if (code === 0) [front, back, flags] = [null, null, ""];
		else if (setting[code] !== undefined) flags = flags.includes(setting[code]) ? flags : flags + setting[code];
		else if (unsetting[code] !== undefined) {
			const gone = unsetting[code];
			flags = [...flags].filter((flag) => !gone.includes(flag)).join("");
		} else if (code >= 30 && code <= 37) front = code - 30;
		else if (code >= 90 && code <= 97) front = code - 82;
		else if (code === 39) front = null;
		else if (code >= 40 && code <= 47) back = code - 40;
		else if (code >= 100 && code <= 107) back = code - 92;
		else if (code === 49) back = null;
		else if (code === 38 || code === 48) {
			const { colour, used } = longColour(codes.slice(at + 1));
			if (code === 38) front = colour;
			else back = colour;
			at += used;
		}
	}
	return { ...pen, front, back, flags };
}

/** One part, or with colons one and what belongs to it: `38:5:n`, `38:2::red:green:blue`, `4:3` for a wavy underline. */
function codesOf(part: string): number[] {
	const [code = 0, kind = 0, ...rest] = part.split(":").map(Number);
	if (code === 38 || code === 48) return part.includes(":") ? [code, kind, ...rest.slice(kind === 2 ? -3 : 0)] : [code];
	return [code === 4 && part === "4:0" ? 24 : code];
}

/** `5;n`, or `2;red;green;blue` brought to the nearest of the cube of 216. */
function longColour([kind, ...rest]: number[]): { colour: number | null; used: number } {
	if (kind === 5) return { colour: Math.min(255, rest[0] ?? 0), used: 2 };
	if (kind !== 2) return { colour: null, used: 1 };
	const [red = 0, green = 0, blue = 0] = rest.slice(0, 3).map((value) => Math.round((Math.min(255, value) / 255) * 5));
	return { colour: 16 + 36 * red + 6 * green + blue, used: 4 };
}

const styles = new Map<Pen, string>();
const stylesMax = 1_000;

function styleOf(pen: Pen): string {
	const known = styles.get(pen);
	if (known !== undefined) return known;
	const { front, back, flags } = pen;
	const classes = [...flags].map((flag) => `t-${flag}`);
	if (front !== null) classes.push(`c${front}`);
	if (back !== null) classes.push(`k${back}`);
	if (styles.size >= stylesMax) styles.clear();
	const style = classes.join(" ");
	styles.set(pen, style);
	return style;
}

function pieceOf(text: string, pen: Pen): Piece {
	return { text: text.replace(unshown, ""), style: styleOf(pen), href: pen.href };
}

/** The line as a terminal holds it: parts that were written, in order of place; a later one lies over an earlier one. */
class Cells {
	readonly #parts: { from: number; text: string; pen: Pen }[] = [];
	#at = 0;
	/** Nothing was written there or beyond. */
	#end = 0;

	write(text: string, pen: Pen): void {
		const runs = text.split("\r");
		for (const [index, run] of runs.entries()) {
			if (index > 0) this.#at = 0;
			if (run === "") continue;
			const shown = run.replace(unshown, "");
			if (this.#at < this.#end) this.#cut(this.#at, this.#at + shown.length);
			this.#parts.push({ from: this.#at, text: shown, pen });
			this.#at += shown.length;
			this.#end = Math.max(this.#end, this.#at);
		}
	}

	/** `K`: 0 or nothing to the end, 1 from the beginning, 2 all. */
	erase(parameter: string): void {
		if (parameter === "1") this.#cut(0, this.#at);
		else if (parameter === "2") this.#cut(0, Number.POSITIVE_INFINITY);
		else this.#cut(this.#at, Number.POSITIVE_INFINITY);
	}

	pieces(): Piece[] {
		const pieces: Piece[] = [];
		let end = 0;
		for (const { from, text, pen } of this.#parts.sort((a, b) => a.from - b.from)) {
			if (from > end) pieces.push({ text: " ".repeat(from - end), style: "", href: null });
			pieces.push({ text, style: styleOf(pen), href: pen.href });
			end = from + text.length;
		}
		if (pieces.length <= piecesMax) return pieces;
		const rest = pieces.slice(piecesMax - 1).map(({ text }) => text);
		return [...pieces.slice(0, piecesMax - 1), { text: rest.join(""), style: "", href: null }];
	}

	#cut(from: number, to: number): void {
		for (let at = this.#parts.length - 1; at >= 0; at--) {
			const part = this.#parts[at];
			if (part === undefined) continue;
			const end = part.from + part.text.length;
			if (end <= from || part.from >= to) continue;
			const left = { ...part, text: part.text.slice(0, Math.max(0, from - part.from)) };
			const right = { ...part, from: to, text: part.text.slice(Math.max(0, to - part.from)) };
			this.#parts.splice(at, 1, ...[left, right].filter(({ text }) => text !== ""));
		}
	}
}
