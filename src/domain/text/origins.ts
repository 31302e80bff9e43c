// Web origins, as a browser writes them: scheme, host, and the port where it is not the scheme's own.

/** More than anybody has pages for; each answer is compared with all of them. */
const originsMax = 50;

/** What is said of a list that is none, in every place that reads one. */
export const originsWanted =
	"must be origins like https://ci.example, comma between: no path, no slash at the end, no *";

/**
 * The origins in `text`, comma between; empty: none. Null when a word is not exactly what a browser sends as `Origin`, since it
 * would match nothing: a slash at the end, a path, capitals, the scheme's own port. `*` and `null` are no origins, and so are
 * schemes other than the web's.
 */
export function parseOrigins(text: string): string[] | null {
	const words = text
		.split(",")
		.map((word) => word.trim())
		.filter((word) => word !== "");
	return words.length <= originsMax && words.every(isOrigin) ? [...new Set(words)] : null;
}

function isOrigin(word: string): boolean {
	// To a parser of URLs a star is a letter like any.
	return /^https?:\/\/[^*]+$/.test(word) && URL.canParse(word) && new URL(word).origin === word;
}
