// What the object of a person answers to: it has the person's sessions, and a copy of what the person is at each owner, whose object
// is the truth about that. Objects of the same class stand for what else may be a member or hold sessions: an invitation's name, a
// token, the operator.
import type { Millis } from "../../domain/ids.ts";
import type { Role } from "../../domain/role.ts";
import type { AccessPayload } from "./token-payload.ts";

/** Whose sessions an object holds. */
export type Holder =
	| {
			kind: "person";
			issuer: string;
			subject: string;
			login: string | null;
			/** Verified. */
			email: string | null;
			/** As the issuer calls that person; anybody may be called anything. */
			name: string | null;
	  }
	| { kind: "token"; access: AccessPayload }
	| { kind: "operator" };

/** What a member is at one owner. `version` grows with each change there. */
export interface OwnerMembership {
	owner: string;
	role: Role;
	/** Null: all of the owner's repositories. */
	repos: string[] | null;
	version: number;
}

export interface HeldSession {
	id: string;
	openedAt: Millis;
	/** Within ten minutes. */
	usedAt: Millis;
	/** The latest; it ends before that when it is not used. */
	expiresAt: Millis;
	/** The address that opened it. */
	from: string | null;
}

export interface SessionStanding {
	/** Of the sessions that were asked about, those that are over. */
	ended: string[];
	/** Null: it never held a session. */
	holder: Holder | null;
	memberships: OwnerMembership[];
}

export interface PersonCalls {
	/** The question is a sign of use of each of them. */
	standing(sessions: string[]): Promise<SessionStanding>;
	/** Again, it changes nothing. Past the bound of sessions the one that was not used for longest ends. */
	openSession(call: { session: HeldSession; holder: Holder }): Promise<void>;
	/** The last used first. */
	sessions(): Promise<HeldSession[]>;
	/** False: it was over before. */
	endSession(id: string): Promise<boolean>;
	/** From an owner's object: what the person is there from that version on; null: no member. An older version changes nothing. */
	hearMembership(news: { owner: string; version: number; membership: OwnerMembership | null }): Promise<void>;
	/** Also the invitations under a name. */
	memberships(): Promise<OwnerMembership[]>;
	/** Null: nobody signed in as that person. */
	holder(): Promise<Holder | null>;
}
