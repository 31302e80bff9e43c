// The address by which the world reaches the server, as its operator writes it.

/** Without the slash at its end. Null for what is no http or https URL of a place alone: credentials, a query or a fragment. */
export function readPublicUrl(text: string): string | null {
	if (!URL.canParse(text)) return null;
	const { protocol, origin, pathname, username, password, search, hash } = new URL(text);
	if (!["http:", "https:"].includes(protocol) || `${username}${password}${search}${hash}` !== "") return null;
	return `${origin}${pathname.replace(/\/+$/, "")}`;
}
