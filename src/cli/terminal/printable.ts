// Text that somebody else wrote, made fit for one line of a terminal: a run's title must not move the cursor or ring the bell.

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
const lineBreak = /[\t\n\r]+/g;
/** Marks that reorder or hide what stands around them. */
const invisible = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** The same value with every text in it fit to be shown, the names of fields too. */
export function printable<T>(value: T): T {
	return shown(value) as T;
}

function shown(value: unknown): unknown {
	if (typeof value === "string") return value.replace(lineBreak, " ").replace(control, "\ufffd").replace(invisible, "");
	if (Array.isArray(value)) return value.map(shown);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, held]) => [shown(key), shown(held)]));
}

/** Several lines, which stay lines. */
export function printableLines(text: string): string {
	return text.split("\n").map(printable).join("\n");
}
