// What an owner's object answers to: the truth about what of the owner's has ended before its time.
import type { Millis } from "../../domain/ids.ts";
import type { TokenRecord } from "../http/token.ts";
import type { OwnedThing } from "./projectable.ts";

export interface TokenName {
	owner: string;
	/** The token's id. */
	token: string;
}

export interface TokenEnd {
	id: string;
	at: Millis;
	/** From when on nothing depends on it any more, since the token has expired by itself; null: never. */
	until: Millis | null;
}

export interface OwnerCalls {
	/**
	 * Which of these tokens were ended; null while the object does not know, since it has not yet read the ends from before it
	 * existed.
	 */
	ended(tokens: string[]): Promise<string[] | null>;
	/** Again, it keeps the first instant. */
	endToken(end: TokenEnd): Promise<void>;
	/**
	 * To be said before a runner's session is opened that rests on the token which registered the runner: this object will
	 * tell the pool's shard when that token ends. False: that token has ended.
	 */
	opensSession(session: { token: string; pool: string; shard: number }): Promise<boolean>;
	/**
	 * What the owner has, of which no object of its own says whose it is: durable when it returns, told again it changes nothing. The
	 * read model shows the same, and can be rebuilt from here.
	 */
	own(things: OwnedThing[]): Promise<void>;
	/** Of one kind, by name, after one name. Throws an `Outage` while what the read model knew before could not be taken over. */
	owned(call: { kind: OwnedThing["kind"]; after: string; limit: number }): Promise<OwnedThing[]>;
	/** True once; false for whoever brings the ticket again. */
	useTicket(ticket: { id: string; until: Millis }): Promise<boolean>;
}

/**
 * A token that has expired need not be remembered as ended. One that registers runners must: what it registered outlives it, and
 * so is put out for good. Tokens of earlier versions may have no expiry.
 */
export function tokenEnd({ id, scopes, expiresAt }: TokenRecord, at: Millis): TokenEnd {
	const isLasting = expiresAt === null || scopes.includes("runner:register");
	return { id, at, until: isLasting ? null : Date.parse(expiresAt) };
}
