// `__proto__` is a key of JSON like any other. An object that is built from it key by key has it as no key at all: schemas and
// copies drop it without a word, so a variable, a limit or a weight of that name would be accepted and never act. It is
// refused before anything else looks at a body.

const lostKey = "__proto__";

/** Whether a text may have such a key: it can also be written in escapes. */
const suspicious = /__proto__|\\u/;

export interface JsonPlace {
	value: unknown;
	key: PropertyKey;
	parent: JsonPlace | null;
}

/** The paths of all such keys in what `text` was parsed to, at any depth; a value that says `__proto__` is none. */
export function lostKeys(text: string, parsed: unknown): PropertyKey[][] {
	if (!suspicious.test(text)) return [];
	return [...places(parsed)].filter(({ key }) => key === lostKey).map(jsonPath);
}

/** Everything in a value of JSON, in its order; what a lost key holds is lost with it. */
export function* places(parsed: unknown): Generator<JsonPlace> {
	// Not by recursion: a body of 1 MiB may be half a million arrays deep.
	const left: JsonPlace[] = [{ value: parsed, key: "", parent: null }];
	for (let place = left.pop(); place !== undefined; place = left.pop()) {
		yield place;
		if (place.key !== lostKey && typeof place.value === "object" && place.value !== null) {
			for (const held of inside(place)) left.push(held);
		}
	}
}

function inside(parent: JsonPlace): JsonPlace[] {
	const entries: [PropertyKey, unknown][] = Array.isArray(parent.value)
		? [...parent.value.entries()]
		: Object.entries(parent.value as object);
	return entries.map(([key, value]) => ({ key, value, parent })).reverse();
}

export function jsonPath(place: JsonPlace): PropertyKey[] {
	const path: PropertyKey[] = [];
	for (let at = place; at.parent !== null; at = at.parent) path.push(at.key);
	return path.reverse();
}
