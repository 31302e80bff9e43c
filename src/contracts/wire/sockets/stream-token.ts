// What an open stream rests on, a token or a session: the stream ends soon after that does, whoever holds its other end.
import type { Millis } from "../../../domain/ids.ts";
import type { TokenName } from "../../objects/owner.ts";
import type { OwnerMembership } from "../../objects/person.ts";

export type StreamRest =
	| ({ kind: "token"; expiresAt: Millis | null } & TokenName)
	| {
			kind: "session";
			/** The object that has the session's record. */
			holder: string;
			session: string;
			expiresAt: Millis;
			/** What its person was at the stream's owner when it was opened; null: the session is no person's. */
			membership: { owner: string; version: number } | null;
	  };

export const tokenRevoked = "The token was revoked.";
export const tokenExpired = "The token has expired.";
export const sessionEnded = "The session has ended: sign in again.";
export const membershipChanged = "What you may here was changed: open the stream again.";
/** How often whoever holds a stream looks at what it rests on: an end then acts within 60 s. */
export const tokenLookMs = 15_000;

const parameter = "rests-on";

/** How the Worker tells an object on what a viewer's socket rests. An object is reached by the Worker alone. */
export function restsOnQuery(rests: readonly StreamRest[]): string {
	return rests.map((rest) => `&${parameter}=${encodeURIComponent(restText(rest))}`).join("");
}

/** Each as one text; none for a socket that rests on nothing that could end. */
export function readRestsOn(query: URLSearchParams): string[] {
	return query.getAll(parameter);
}

/** `<token>:<expiry>`, as every build writes it; `<session>:<expiry>:<owner>/<version>:<holder>`. An owner's name has no slash. */
function restText(rest: StreamRest): string {
	if (rest.kind === "token") return `${rest.token}:${rest.expiresAt ?? ""}`;
	const { session, expiresAt, membership, holder } = rest;
	return [session, expiresAt, membership === null ? "" : `${membership.owner}/${membership.version}`, holder].join(":");
}

/** What an object reads of it: it has the tokens of its own owner alone. */
export type HeldRest =
	| Exclude<StreamRest, { kind: "token" }>
	| { kind: "token"; token: string; expiresAt: Millis | null };

export function parseRestsOn(text: string): HeldRest {
	const [id = "", expiry = "", place, holder] = text.split(":");
	if (place === undefined || holder === undefined) {
		return { kind: "token", token: id, expiresAt: expiry === "" ? null : Number(expiry) };
	}
	const [owner = "", version = ""] = place.split("/");
	const membership = place === "" ? null : { owner, version: Number(version) };
	return { kind: "session", holder, session: id, expiresAt: Number(expiry), membership };
}

/** Whether the person is still what it was when the stream was opened: a role or repositories that changed are another right. */
export function isMembershipAsBefore(
	before: { owner: string; version: number } | null,
	now: readonly Pick<OwnerMembership, "owner" | "version">[],
): boolean {
	return before === null || now.some(({ owner, version }) => owner === before.owner && version === before.version);
}
