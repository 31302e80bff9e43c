// JSON as one line for a program, which may be shown by a terminal all the same: what a terminal acts on and JSON leaves as it
// is (DEL, C1 controls, marks that reorder or hide) stands as an escape, so that the value is the same and the text harmless.

const acting = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function jsonLine(value: unknown): string {
	return JSON.stringify(value).replace(acting, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
