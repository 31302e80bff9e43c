// The cookie of a browser's session: how it is set, ended and read. What it carries is a token that verifies itself.
import type { Context } from "hono";
import type { Millis } from "../../domain/ids.ts";
import type { ApiEnv } from "./context.ts";
import { cameByHttps, isLoopback } from "./finished-answer.ts";

const cookieName = "spillway_session";
/** A cookie's value as ours are. Longer than any of them, and shorter than what browsers keep. */
const valuePattern = /^spw_session_[A-Za-z0-9_-]{1,4000}$/;

/** Null: the browser sent none, or something that is none of ours. Of several, the first: browsers send the nearest path's first. */
export function readSessionCookie(c: Context<ApiEnv>): string | null {
	for (const part of (c.req.header("cookie") ?? "").split(";")) {
		const [name, value = ""] = part.trim().split("=");
		if (name === cookieName && valuePattern.test(value)) return value;
	}
	return null;
}

/** Kept by the browser until the session's latest end; for this server alone, out of reach of any script, and for its own pages. */
export function setSessionCookie(
	c: Context<ApiEnv>,
	{ cookie, expiresAt }: { cookie: string; expiresAt: Millis },
): void {
	const seconds = Math.max(0, Math.floor((expiresAt - c.get("services").now()) / 1_000));
	c.header("Set-Cookie", `${cookieName}=${cookie}; ${attributes(c)}; Max-Age=${seconds}`, { append: true });
}

export function clearSessionCookie(c: Context<ApiEnv>): void {
	c.header("Set-Cookie", `${cookieName}=; ${attributes(c)}; Max-Age=0`, { append: true });
}

/** `Secure` but on a machine's own address, which browsers reach without TLS: anywhere else they keep no such cookie without it. */
function attributes(c: Context<ApiEnv>): string {
	const isBare = isLoopback(c.req.url) && !cameByHttps(c);
	return `Path=/; HttpOnly; SameSite=Strict${isBare ? "" : "; Secure"}`;
}
