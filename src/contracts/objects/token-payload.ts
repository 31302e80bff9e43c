// What each kind of token says of its holder. A door that read a token hands this payload to an operation.
import type { LeaseIdentity, RunnerIdentity } from "./objects.ts";
import type { Scope } from "../http/token.ts";

export interface AccessPayload {
	id: string;
	owner: string;
	name: string;
	scopes: Scope[];
	/** Null: all of the owner's repositories. */
	repos: string[] | null;
	/** The pools that it registers runners in; absent: all of the owner's. */
	pools?: string[];
	/** How many runners it registers; absent: no matter how many. */
	uses?: number;
	/** Epoch milliseconds; null: never. */
	expiresAt: number | null;
}

/** `access` null: the operator's. */
export interface TicketPayload {
	id: string;
	/** Epoch milliseconds. */
	until: number;
	access: AccessPayload | null;
}

/** What a browser's cookie carries. */
export interface SessionPayload {
	id: string;
	/** The object that has the session's record. */
	holder: string;
	/** For records of who did what: what an issuer vouches for, or the token's name. */
	name: string;
	/** Epoch milliseconds. */
	expiresAt: number;
	/** The token that opened it, and with which it ends; null: a person's or the operator's. */
	token: { owner: string; token: string } | null;
}

/** A sign-in that this browser began and an issuer has not answered yet: kept in a cookie, so that no store is needed for it. */
export interface BegunSignIn {
	/** What the issuer gives back with the browser: it must be the cookie's. */
	state: string;
	/** The issuer's name. */
	issuer: string;
	/** A path of this server, already looked at. */
	returnPath: string;
	nonce: string;
	/** PKCE's. */
	verifier: string;
	/** Epoch milliseconds. */
	until: number;
}

export interface TokenPayload {
	session: SessionPayload;
	access: AccessPayload;
	runner: RunnerIdentity;
	lease: LeaseIdentity;
	ticket: TicketPayload;
	begun: BegunSignIn;
}
export type TokenKind = keyof TokenPayload;
