// JSON of which there is one reading. `JSON.parse` takes the last of two equal keys and half a surrogate pair, a decoder drops a
// byte order mark and replaces what is no UTF-8: another reader of the same bytes would see something else. All of it is refused
// with its place. What is in order costs a parse, one pass over the text and one over the value.
import { lostKeys, jsonPath, places } from "./lost-keys.ts";

export interface JsonFault {
	path: PropertyKey[];
	message: string;
}

export type StrictJson =
	| { ok: true; value: unknown }
	/** `isJson`: it can be read, but not in one way only. */
	| { ok: false; isJson: boolean; faults: JsonFault[] };

/** Faults in one answer: a body may hold a great many. */
const faultsMax = 20;

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;

export function readStrictJson(bytes: Uint8Array): StrictJson {
	if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return unreadable("begins with a byte order mark");
	try {
		return parseStrictJson(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
	} catch {
		return unreadable(`is no UTF-8 at byte ${brokenAt(bytes)}`);
	}
}

/** `text` has no halves of surrogate pairs itself, as what was decoded has not. */
export function parseStrictJson(text: string): StrictJson {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (cause) {
		// The engine's own words quote the text, which may be a secret: only the place is passed on.
		const place = / at position \d+/.exec((cause as Error).message)?.[0] ?? "";
		return unreadable(`is not JSON${place}`);
	}
	const faults = [
		...(keysIn(text) === keysOf(value) ? [] : doubledKeys(text)),
		...lostKeys(text, value).map((path) => ({ path, message: "is a name that cannot be kept" })),
		...brokenTexts(text, value),
	];
	return faults.length === 0 ? { ok: true, value } : { ok: false, isJson: true, faults: faults.slice(0, faultsMax) };
}

/** `["jobs", 0, "needs"]` to `jobs[0].needs`. */
export function pathText(path: readonly PropertyKey[]): string {
	return path.reduce<string>((text, key) => {
		if (typeof key === "number") return `${text}[${key}]`;
		return text === "" ? String(key) : `${text}.${String(key)}`;
	}, "");
}

function unreadable(message: string): StrictJson {
	return { ok: false, isJson: false, faults: [{ path: [], message }] };
}

/** What is well-formed comes out of a lossy decoder as it went in. */
function brokenAt(bytes: Uint8Array): number {
	const again = new TextEncoder().encode(new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes));
	const at = bytes.findIndex((byte, place) => byte !== again[place]);
	return at < 0 ? bytes.length : at;
}

/** Keys as they are written, doubled ones too: each has its colon, and no other colon stands outside of a string. */
function keysIn(text: string): number {
	let count = 0;
	for (let at = 0; at < text.length; at++) {
		const code = text.charCodeAt(at);
		if (code === quote) at = endOfString(text, at);
		else if (code === colon) count++;
	}
	return count;
}

/** Keys as they are kept. */
function keysOf(value: unknown): number {
	let count = 0;
	const left: object[] = isObject(value) ? [value] : [];
	for (let object = left.pop(); object !== undefined; object = left.pop()) {
		const held: unknown[] = Array.isArray(object) ? object : Object.values(object);
		if (held !== object) count += held.length;
		for (const one of held) if (isObject(one)) left.push(one);
	}
	return count;
}

function isObject(value: unknown): value is object {
	return typeof value === "object" && value !== null;
}

/** The place of the quotation mark that ends the string which begins at `from`, in text that is JSON. */
function endOfString(text: string, from: number): number {
	for (let end = text.indexOf('"', from + 1); ; end = text.indexOf('"', end + 1)) {
		let escapes = 0;
		while (text.charCodeAt(end - 1 - escapes) === backslash) escapes++;
		if (escapes % 2 === 0) return end;
	}
}

/** Where we are in an object (`keys` so far) or in an array (null), and the key or index that is open there. */
interface Frame {
	keys: Set<string> | null;
	key: PropertyKey;
	wantsKey: boolean;
}

function doubledKeys(text: string): JsonFault[] {
	const faults: JsonFault[] = [];
	const open: Frame[] = [];
	for (let at = 0; at < text.length && faults.length < faultsMax; at++) {
		const frame = open.at(-1);
		switch (text[at]) {
			case "{":
				open.push({ keys: new Set(), key: "", wantsKey: true });
				break;
			case "[":
				open.push({ keys: null, key: 0, wantsKey: false });
				break;
			case "}":
			case "]":
				open.pop();
				break;
			case ",":
				if (frame) frame.wantsKey = frame.keys !== null;
				if (typeof frame?.key === "number") frame.key++;
				break;
			case '"': {
				const end = endOfString(text, at);
				if (frame?.keys && frame.wantsKey) {
					const key: string = JSON.parse(text.slice(at, end + 1));
					frame.key = key;
					frame.wantsKey = false;
					if (frame.keys.has(key)) faults.push({ path: open.map((one) => one.key), message: "is there twice" });
					frame.keys.add(key);
				}
				at = end;
			}
		}
	}
	return faults;
}

/** Strings with half a surrogate pair, keys too; they can only be written in escapes. */
function brokenTexts(text: string, value: unknown): JsonFault[] {
	if (!/\\u[dD][89a-fA-F]/.test(text)) return [];
	const faults: JsonFault[] = [];
	for (const place of places(value)) {
		const isBroken = [place.key, place.value].some((one) => typeof one === "string" && !one.isWellFormed());
		if (isBroken) faults.push({ path: jsonPath(place), message: "has half a surrogate pair, which is no character" });
	}
	return faults;
}
