// Where somebody goes after signing in: a path of this server, and no text that any browser reads another host into.

/** As written in a header: longer ones would not fit into the 4,096 bytes of the cookie that keeps them meanwhile. */
const charactersMax = 1_500;
/** One slash and no second; no backslash, which browsers take for one; nothing that could end a header's line. */
const pathPattern = /^\/(?![/\\])[^\\\p{Cc}\s]*$/u;
const base = "http://server.invalid";

/** [A101] As it may stand in a header, or null. Below `/auth/` there is nowhere to go: a sign-in that returns to itself never ends. */
export function readReturnPath(text: string): string | null {
	if (!pathPattern.test(text) || !URL.canParse(text, base)) return null;
	const { origin, pathname, search, hash } = new URL(text, base);
	// `/.//host` is a path that begins with two slashes once its dots are gone.
	if (origin !== base || pathname.startsWith("//") || /^\/auth(\/|$)/.test(decoded(pathname))) return null;
	const path = `${pathname}${search}${hash}`;
	return path.length <= charactersMax ? path : null;
}

/** What is no text in escapes is no path of ours either; it leads to a page that says so. */
function decoded(pathname: string): string {
	try {
		return decodeURIComponent(pathname);
	} catch {
		return pathname;
	}
}
