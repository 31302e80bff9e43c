// What an owner's object answers to: the truth about what of the owner's has ended before its time.
import type { Millis } from "../../domain/ids.ts";
import type { LimitUse } from "../http/limit.ts";
import type { TokenRecord } from "../http/token.ts";
import type { Role } from "../../domain/role.ts";
import type { Result } from "../../domain/refusal.ts";
import type { LimitsCall } from "./objects.ts";
import type { OwnerMembership } from "./person.ts";
import type { OwnedThing } from "./projectable.ts";
import type { DataKey, Resealed, SealedSecret, SecretCall, SecretFacts } from "./secrets.ts";

export interface TokenName {
	owner: string;
	/** The token's id. */
	token: string;
}

export interface CountedRegistration {
	/** The token's id. */
	token: string;
	/** The runner's. */
	runner: string;
}

export interface OwnerRunner {
	/** The runner's id. */
	id: string;
	pool: string;
	shard: number;
	/** The id of the token that registered it; null: none did. */
	token: string | null;
}

export interface TokenEnd {
	id: string;
	at: Millis;
	/** From when on nothing depends on it any more, since the token has expired by itself; null: never. */
	until: Millis | null;
}

export interface OwnerMember extends OwnerMembership {
	/** A person's id; of an invitation, the name that it is under. */
	member: string;
	/** The name by which the person was invited; null: none, or nobody took it yet. */
	invitedAs: string | null;
	name: string | null;
	since: Millis;
}

/** Who changes members. A person's role is looked up where the truth is; a token or the operator was found to be allowed. */
export type MemberChanger = { kind: "operator" } | { kind: "token" } | { kind: "person"; person: string };

export interface MemberSet {
	member: OwnerMember;
	/** What it was before; null: no member. */
	before: OwnerMember | null;
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
	 * To be said before a runner is registered by that token, and before a session is opened that rests on it: this object will
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
	/**
	 * As `own`, of one thing, unless there are as many of its kind as the owner may have; one that is there already is. An object of
	 * an older deploy knows none of these three calls.
	 */
	admit(thing: OwnedThing): Promise<Result<null>>;
	/**
	 * Before a pool takes a runner: counts it, unless the owner has as many as may be; one that is counted already is. Objects of an
	 * older deploy know none of these three calls.
	 */
	admitRunner(runner: OwnerRunner): Promise<Result<null>>;
	/** Counts it at any number: its pool has it. */
	ownRunner(runner: OwnerRunner): Promise<void>;
	/** It was removed, or its pool took no such runner. */
	disownRunner(id: string): Promise<void>;
	limits(): Promise<LimitUse[]>;
	setLimits(call: LimitsCall): Promise<LimitUse[]>;
	/** By name, after one name: members, and invitations that nobody took yet. */
	members(call: { after: string; limit: number }): Promise<OwnerMember[]>;
	/** Durable when it returns; the person hears of it soon after. `name`: what the person is called, where that is known. */
	setMember(call: {
		member: string;
		role: Role;
		repos: string[] | null;
		name: string | null;
		by: MemberChanger;
	}): Promise<Result<MemberSet>>;
	removeMember(call: { member: string; by: MemberChanger }): Promise<Result<{ removed: OwnerMember | null }>>;
	/**
	 * Somebody signed in with a verified claim. Null: nobody is invited by that name, or another was first. Again by the same person,
	 * it answers what that one is now.
	 */
	takeInvitation(call: {
		claim: string;
		person: string;
		name: string;
	}): Promise<{ membership: OwnerMembership; isNews: boolean } | null>;
	/** Sealed by the Worker's key; the object seals it anew by the owner's. Refuses only to take away what is not there. */
	setSecret(call: SecretCall): Promise<Result<null>>;
	/** By name. */
	secrets(): Promise<SecretFacts[]>;
	/** Those of these names that there are, for a repository of the owner's. */
	secretsFor(names: string[]): Promise<SealedSecret[]>;
	/** What seals secrets now; for a repository that has some, or, null, for whoever asks. */
	dataKey(call: { repo: string | null }): Promise<DataKey>;
	/** A new data key, or the one that has not been brought to all secrets yet. What older ones sealed opens all the same. */
	beginRotation(): Promise<DataKey>;
	/** A slice of the owner's own secrets, by name, sealed by the present data key. */
	resealSecrets(call: { after: string; limit: number }): Promise<Resealed>;
	endRotation(version: number): Promise<void>;
	/**
	 * Counts a runner that a token with a count registers; the same runner again counts once. Refused where the token has registered as
	 * many as it may, or has ended. Objects of an older deploy do not know this call: such a token then registers nobody.
	 */
	countRegistration(registration: CountedRegistration & { uses: number; until: Millis | null }): Promise<Result<null>>;
	/** The pool took no such runner: it is as if it had not been counted. */
	uncountRegistration(registration: CountedRegistration): Promise<void>;
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
