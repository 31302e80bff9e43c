// Who a caller is, and what such a one may at an owner: the one place where tokens, roles and the operator come to the same terms.
import type { Scope } from "../contracts/http/token.ts";
import type { AccessPayload } from "../contracts/objects/token-payload.ts";
import type { SessionStanding } from "../contracts/objects/person.ts";
import type { Millis } from "../domain/ids.ts";
import { isAtLeast } from "../domain/role.ts";
import type { Role } from "../domain/role.ts";

/** A session of a browser: the cookie's. */
export interface SessionName {
	/** The object that has the session's record: a person's, a token's or the operator's. */
	holder: string;
	/** The session's id. */
	session: string;
	expiresAt: Millis;
}

/** What a person is at one owner. */
export interface Membership {
	role: Role;
	/** Null: all of the owner's repositories. */
	repos: readonly string[] | null;
	/** Grows with each change at that owner. */
	version: number;
}

/** `session` on a token's or the operator's: the call came by a session that such a token opened, and ends with it. */
export type Principal =
	| { kind: "operator"; session?: SessionName }
	| { kind: "token"; access: AccessPayload; session?: SessionName }
	| {
			kind: "session";
			session: SessionName;
			person: string;
			/** By owner. A map, since an owner may be called `constructor`. */
			memberships: ReadonlyMap<string, Membership>;
	  };

/** What somebody may at one owner. */
export interface Rights {
	scopes: readonly Scope[];
	/** Null: in all of the owner's repositories, and in what these share. */
	repos: readonly string[] | null;
	role: Role;
}

/** What a session is, by what its holder is. */
export function principalOf(session: SessionName, { holder, memberships }: Omit<SessionStanding, "ended">): Principal {
	switch (holder?.kind) {
		case "operator":
			return { kind: "operator", session };
		case "token":
			return { kind: "token", access: holder.access, session };
		default:
			return {
				kind: "session",
				session,
				person: session.holder,
				memberships: new Map(memberships.map(({ owner, ...membership }) => [owner, membership])),
			};
	}
}

const maintainerScopes = ["read", "write", "admin", "runner:register"] as const;

/** The scope of metrics is the operator's to give: they are of all owners. */
export const scopesOfRole = {
	viewer: ["read"],
	developer: ["read", "write"],
	maintainer: maintainerScopes,
	owner: maintainerScopes,
} as const satisfies Record<Role, readonly Scope[]>;

const everything: Rights = { scopes: [...maintainerScopes, "metrics"], repos: null, role: "owner" };

/** Null: nothing of that owner is known to this principal. A token's scopes say all: among roles it counts as an owner. */
export function rightsAt(who: Principal, owner: string): Rights | null {
	switch (who.kind) {
		case "operator":
			return everything;
		case "token":
			return who.access.owner === owner ? { ...who.access, role: "owner" } : null;
		case "session": {
			const membership = who.memberships.get(owner);
			return membership ? { ...membership, scopes: scopesOfRole[membership.role] } : null;
		}
	}
}

/** The owners at which a principal is somebody; null: it is the operator, of all. */
export function ownersOf(who: Principal): readonly string[] | null {
	if (who.kind === "operator") return null;
	return who.kind === "token" ? [who.access.owner] : [...who.memberships.keys()];
}

export function hasRole({ role }: Rights, least: Role): boolean {
	return isAtLeast(role, least);
}

/** What records say beside the caller's name: the id of its token, or of its session; null for the operator's own token. */
export function credentialOf(who: Principal): string | null {
	return who.kind === "token" ? who.access.id : (who.session?.session ?? null);
}

/** The token that a principal is, by itself or by a session; null where it is none. */
export function accessOf(who: Principal): AccessPayload | null {
	return who.kind === "token" ? who.access : null;
}
