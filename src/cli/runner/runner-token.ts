// What a token lets its holder do, as far as it says so itself. A job that is not isolated runs as the runner's user, and reads
// what that user can: so a runner's token should be good for registering and for nothing else.
import { Buffer } from "node:buffer";

/** Null for a token that registers runners and does nothing else, and for a runner's own; else what it can do, in words. */
export function moreThanRegister(token: string): string | null {
	if (token.startsWith("spw_runner_")) return null;
	if (!token.startsWith("spw_access_")) return "everything, if it is the operator's: no other kind looks like this";
	const more = scopesOf(token).filter((scope) => scope !== "runner:register");
	return more.length === 0 ? null : more.join(", ");
}

/** Unproven, as the token says it: only the server can tell whether it is true. */
function scopesOf(token: string): string[] {
	try {
		const payload = token.slice("spw_access_".length, token.lastIndexOf("_"));
		const { c } = JSON.parse(Buffer.from(payload, "base64url").toString());
		return Array.isArray(c?.scopes) ? c.scopes.map(String) : [];
	} catch {
		return [];
	}
}
