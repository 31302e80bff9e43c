// Tokens that verify themselves: `spw_<kind>_<payload>_<mac>`. The payload is base64url JSON, the MAC is HMAC-SHA-256 in
// hexadecimal over everything before it, so the last underscore always parts them. No look-up stands on the hot path.
import { createHmac, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import type { TokenPayload, TokenKind } from "../contracts/objects/token-payload.ts";

/** Signing keys by id; the first signs, all verify, so that rotation strands nobody. */
export interface Keys {
	signing: { id: string; secret: string }[];
}

/** `keys` as text: `id:secret`, comma between several. Throws when there is none. */
export function parseKeys(text: string): Keys {
	const signing = text
		.split(",")
		.map((part) => part.trim().split(":"))
		.filter((part): part is [string, string] => part.length === 2 && (part[1]?.length ?? 0) >= 32)
		.map(([id, secret]) => ({ id, secret }));
	if (signing.length === 0) throw new Error("no signing key: want `id:secret` with a secret of 32 characters or more");
	return { signing };
}

export function signToken<K extends TokenKind>(keys: Keys, kind: K, payload: TokenPayload[K]): string {
	const key = keys.signing[0];
	if (!key) throw new Error("no signing key");
	const encoded = Buffer.from(JSON.stringify({ k: key.id, c: payload })).toString("base64url");
	const head = `spw_${kind}_${encoded}`;
	return `${head}_${mac(key.secret, head)}`;
}

/** Null for anything but a whole token of that kind with a good MAC; expiry and revocation are the caller's. */
export function readToken<K extends TokenKind>(keys: Keys, kind: K, token: string): TokenPayload[K] | null {
	const prefix = `spw_${kind}_`;
	const cut = token.lastIndexOf("_");
	if (!token.startsWith(prefix) || cut <= prefix.length || token.length > 8_192) return null;
	try {
		const body = JSON.parse(Buffer.from(token.slice(prefix.length, cut), "base64url").toString());
		const key = keys.signing.find(({ id }) => id === body.k);
		if (!key) return null;
		const expected = Buffer.from(mac(key.secret, token.slice(0, cut)));
		const given = Buffer.from(token.slice(cut + 1));
		return expected.length === given.length && timingSafeEqual(expected, given) ? body.c : null;
	} catch {
		return null;
	}
}

/** Constant in time for strings of one length. */
export function sameText(a: string, b: string): boolean {
	const left = Buffer.from(a);
	const right = Buffer.from(b);
	return left.length === right.length && timingSafeEqual(left, right);
}

function mac(secret: string, text: string): string {
	return createHmac("sha256", secret).update(text).digest("hex");
}
