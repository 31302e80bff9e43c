// Tokens that this isolate has verified, and whether they still stand: what every way of proving who calls comes down to.
import type { TokenName } from "../../contracts/objects/owner.ts";
import type { TokenKind, TokenPayload } from "../../contracts/objects/token-payload.ts";
import { tokenRevoked } from "../../contracts/wire/sockets/stream-token.ts";
import { readToken } from "../../auth/token.ts";
import { ProblemAnswer } from "./answer.ts";
import type { Services } from "./services.ts";

export const unauthorized = (detail: string) =>
	new ProblemAnswer({
		status: 401,
		code: "unauthorized",
		detail,
		headers: { "www-authenticate": 'Bearer realm="spillway"' },
	});

/** Throws 401 for what was ended, and 503 where that cannot be known: nobody is let in because somebody does not answer. */
export function checkStanding(services: Services, token: TokenName, mayBeUnknown = false): void {
	const standing = services.ends.standing(token);
	if (standing === "ended") throw unauthorized(tokenRevoked);
	if (standing === "good" || mayBeUnknown) return;
	throw standingUnknown("Whether this token was revoked cannot be learnt at present; nothing was done.");
}

export function standingUnknown(detail: string): ProblemAnswer {
	return new ProblemAnswer({ status: 503, code: "standing-unknown", detail });
}

/** A MAC costs more than a look-up, and a token comes many times. */
const verified = new Map<string, unknown>();
const verifiedMax = 2_000;

export function cachedPayload<K extends TokenKind>(services: Services, kind: K, token: string): TokenPayload[K] | null {
	if (!token.startsWith(`spw_${kind}_`)) return null;
	const known = verified.get(token);
	if (known !== undefined) return known as TokenPayload[K];
	const payload = readToken(services.keys, kind, token);
	if (payload !== null) {
		if (verified.size >= verifiedMax) verified.clear();
		verified.set(token, payload);
	}
	return payload;
}

/** Whether this isolate has verified it before: that costs no MAC. */
export function isKnownToken(token: string): boolean {
	return verified.has(token);
}
