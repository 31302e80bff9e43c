// A parameter that its route does not have is refused: a filter that is misspelt would pass unseen, and answer with everything.
import type { Context } from "hono";
import type { ApiEnv } from "../context.ts";
import { queryNames } from "../document/document.ts";
import { malformed } from "./request.ts";

/** Named at most: a query may hold thousands. */
const errorsShown = 20;

/** [A41] [A50] Throws 400. Called where the caller is found to have a good token, so that nobody else learns anything of a route. */
export function checkQuery(c: Context<ApiEnv>): void {
	// By its text: Hono's own reading takes the first of two parameters and passes over escapes that are none.
	const asked = readQuery(c.req.url);
	if (asked.length === 0) return;
	const method = c.req.method === "HEAD" ? "get" : c.req.method.toLowerCase();
	const known = queryNames(method, c.req.routePath.replace(/:(\w+)/g, "{$1}"));
	const seen = new Set<string>();
	const errors = asked.flatMap(({ name: path, isWhole }) => {
		const isDoubled = seen.has(path);
		seen.add(path);
		// `known` null: a route that the document does not have says nothing of its parameters.
		if (known !== null && !known.has(path)) return isDoubled ? [] : [{ path, message: "is not known here" }];
		if (isDoubled) return [{ path, message: "is there twice" }];
		return isWhole ? [] : [{ path, message: "is no UTF-8 in percent escapes" }];
	});
	if (errors.length > 0) throw malformed("The query is not as it should be.", errors.slice(0, errorsShown));
}

/** Each parameter as it stands there, doubled ones too. `isWhole`: its escapes are text. */
function readQuery(url: string): { name: string; isWhole: boolean }[] {
	const [, query = ""] = /\?([^#]*)/.exec(url) ?? [];
	return query.split("&").flatMap((pair) => {
		if (pair === "") return [];
		const [name = "", ...value] = pair.split("=").map(decode);
		return [{ name: name ?? pair, isWhole: name !== null && !value.includes(null) }];
	});
}

function decode(text: string): string | null {
	try {
		return decodeURIComponent(text.replaceAll("+", " "));
	} catch {
		return null;
	}
}
