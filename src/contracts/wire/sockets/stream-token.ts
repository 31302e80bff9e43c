// The token that an open stream rests on: the stream ends soon after the token does, whoever holds its other end.
import type { Millis } from "../../../domain/ids.ts";
import type { TokenName } from "../../objects/owner.ts";

export interface StreamToken extends TokenName {
	expiresAt: Millis | null;
}

export const tokenRevoked = "The token was revoked.";
export const tokenExpired = "The token has expired.";
/** How often whoever holds a stream looks at its token: an end then acts within 60 s. */
export const tokenLookMs = 15_000;

const parameter = "rests-on";

/** How the Worker tells an object on which token a viewer's socket rests. An object is reached by the Worker alone. */
export function restsOnQuery(token: StreamToken | null): string {
	return token === null ? "" : `&${parameter}=${token.token}:${token.expiresAt ?? ""}`;
}

/** The token's id and its expiry, as one text; null for a socket that rests on no token that could end. */
export function readRestsOn(query: URLSearchParams): string | null {
	return query.get(parameter);
}

export function parseRestsOn(text: string): { id: string; expiresAt: Millis | null } {
	const [id = "", expiresAt = ""] = text.split(":");
	return { id, expiresAt: expiresAt === "" ? null : Number(expiresAt) };
}
