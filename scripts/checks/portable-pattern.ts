// Whether a pattern of the published document means the same to everybody who compiles it: JavaScript with and without `u`, RE2 (Go,
// and near enough Rust), Python's `re`, Java and .NET. Only what all of them have is let through; RE2 then compiles it too.
import { RE2JS } from "re2js";

/** RE2 takes no more. */
const repeatMax = 1_000;

/** In a class and outside. No `\\d`, `\\w` or `\\s`: some have all of Unicode's, some ASCII's. */
const escaped = String.raw`\\(?:[\\\][^.*+?(){}|$/nrt-]|x[0-9A-Fa-f]{2})`;

/** One piece after another, between the anchors. */
const pieces = [
	{ name: "class", pattern: new RegExp(String.raw`\[\^?(?:${escaped}|[^\\[\]])+\]`, "y") },
	{ name: "escape", pattern: new RegExp(escaped, "y") },
	{ name: "group", pattern: /\((?!\?)|\(\?:|\)|\|/y },
	{ name: "repeat", pattern: /[*+?]|\{[0-9]+(?:,[0-9]*)?\}/y },
	{ name: "sign", pattern: /[^\\[\](){}*+?|^$.]/y },
] as const;

/** In a class some languages take these for the difference or the union of sets. */
const setWords = /&&|\|\||~~|--/;

/** Why others may read the pattern in another way, or not at all; empty: they do not. */
export function patternFaults(pattern: string): string[] {
	if (!/^\^[\s\S]*\$$/.test(pattern))
		return ["is not anchored at both ends, and some match the whole text, some any part"];
	const faults: string[] = [];
	const inner = pattern.slice(1, -1);
	let at = 0;
	let before = "start";
	let depth = 0;
	while (at < inner.length) {
		const found = pieces
			.map(({ name, pattern: piece }) => ({ name, text: matchAt(piece, inner, at) }))
			.find(({ text }) => text !== "");
		if (found === undefined) {
			faults.push(`has ${JSON.stringify(inner.slice(at, at + 6))}, which not every language reads alike`);
			break;
		}
		if (found.name === "repeat" && before === "repeat")
			faults.push("has a repeat of a repeat, a possessive or a lazy one");
		if (found.name === "class" && setWords.test(found.text))
			faults.push("has two signs in a class that mean sets to some");
		if (found.name === "group") depth += found.text.startsWith("(") ? 1 : found.text === ")" ? -1 : 0;
		if (found.text === "|" && depth === 0) faults.push("has arms of which none is anchored at both ends");
		const counts = found.name === "repeat" ? [...found.text.matchAll(/[0-9]+/g)].map(Number) : [];
		if (counts.some((count) => count > repeatMax)) faults.push(`repeats more than ${repeatMax} times`);
		before = found.name;
		at += found.text.length;
	}
	return faults.length > 0 ? faults : compileFaults(pattern);
}

function matchAt(piece: RegExp, text: string, at: number): string {
	piece.lastIndex = at;
	return piece.exec(text)?.[0] ?? "";
}

function compileFaults(pattern: string): string[] {
	const compilers: [name: string, compile: () => unknown][] = [
		["JavaScript", () => new RegExp(pattern)],
		["JavaScript with u", () => new RegExp(pattern, "u")],
		["RE2", () => RE2JS.compile(pattern)],
	];
	return compilers.flatMap(([name, compile]) => {
		try {
			compile();
			return [];
		} catch (error) {
			return [`does not compile in ${name}: ${error instanceof Error ? error.message : String(error)}`];
		}
	});
}
