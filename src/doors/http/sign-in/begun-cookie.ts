// The cookie that binds a sign-in to the browser that began it. It is signed, so that what comes back in it is what was put there,
// and `Lax`, since the issuer's redirect is another site's.
import { randomBytes } from "node:crypto";
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { readToken, sameText, signToken } from "../../../auth/token.ts";
import type { BegunSignIn } from "../../../contracts/objects/token-payload.ts";
import type { Millis } from "../../../domain/ids.ts";
import type { ApiEnv } from "../context.ts";
import { isLoopback } from "../finished-answer.ts";
import { publicAddress } from "../public-address.ts";

/** As long as somebody may take at the issuer. */
const begunSeconds = 600;
const cookieName = "spillway-sign-in";

export function newBegun(to: { issuer: string; returnPath: string }, now: Millis): BegunSignIn {
	const chance = () => randomBytes(32).toString("base64url");
	return { state: chance(), nonce: chance(), verifier: chance(), ...to, until: now + begunSeconds * 1_000 };
}

export function keepBegun(c: Context<ApiEnv>, begun: BegunSignIn): void {
	writeCookie(c, signToken(c.get("services").keys, "begun", begun), begunSeconds);
}

/** [A102] Null unless this browser began it, here and lately, with this very state. */
export function readBegun(c: Context<ApiEnv>, state: string): BegunSignIn | null {
	const { now, keys } = c.get("services");
	const kept = isSecure(c) ? getCookie(c, cookieName, "host") : getCookie(c, cookieName);
	const begun = kept === undefined ? null : readToken(keys, "begun", kept);
	return begun !== null && begun.until > now() && sameText(begun.state, state) ? begun : null;
}

export function forgetBegun(c: Context<ApiEnv>): void {
	writeCookie(c, "", 0);
}

/** `__Host-`: no neighbour below the same domain can put one of its own there, and have somebody finish what it began. */
function writeCookie(c: Context<ApiEnv>, value: string, maxAge: number): void {
	const secure = isSecure(c);
	setCookie(c, cookieName, value, {
		...{ path: "/", httpOnly: true, sameSite: "Lax", maxAge, secure },
		...(secure ? { prefix: "host" } : {}),
	});
}

function isSecure(c: Context<ApiEnv>): boolean {
	return !isLoopback(publicAddress(c));
}
