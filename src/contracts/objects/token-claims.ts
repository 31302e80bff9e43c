// What each kind of token says of its holder. A door that read a token hands these claims to an operation.
import type { LeaseClaim, RunnerIdentity } from "./objects.ts";
import type { Scope } from "../http/token.ts";

export interface AccessClaims {
	id: string;
	owner: string;
	name: string;
	scopes: Scope[];
	/** Null: all of the owner's repositories. */
	repos: string[] | null;
	/** Epoch milliseconds; null: never. */
	expiresAt: number | null;
}

/** `access` null: the operator's. */
export interface TicketClaims {
	id: string;
	/** Epoch milliseconds. */
	until: number;
	access: AccessClaims | null;
}

export interface TokenClaims {
	access: AccessClaims;
	runner: RunnerIdentity;
	lease: LeaseClaim;
	ticket: TicketClaims;
}
export type TokenKind = keyof TokenClaims;
