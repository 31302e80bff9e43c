// From which pages a browser may call. What a cookie proves needs this: a browser sends cookies for any page that asks it to, and
// holds a WebSocket to no rule of CORS. Tokens need it not: no page has a token that nobody gave it.

/**
 * [A150] Whether a request that rests on a cookie comes from a page of this server's own, or of an origin in `allowed`. Without
 * `Origin` no page of another origin sent it: browsers name theirs on every WebSocket and on whatever is neither GET nor HEAD.
 * `null`, which a sandboxed page such as a raw log has, is nobody's own.
 *
 * The own origin is the `Host` that was called. Behind a proxy that ends TLS the call came by http and the page by https: there
 * either scheme is the server's own; where the call itself came by https, only that is.
 */
export function isAllowedOrigin(
	{ url, headers }: { url: string; headers: Headers },
	allowed: readonly string[],
): boolean {
	const origin = headers.get("origin");
	if (origin === null || allowed.includes(origin)) return true;
	const { protocol, host } = new URL(url);
	const schemes = protocol === "https:" ? ["https:"] : ["https:", "http:"];
	// By each scheme, since a proxy may name the port that is the scheme's own.
	return schemes.some((scheme) => new URL(`${scheme}//${host}`).origin === origin);
}
