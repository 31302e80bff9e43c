// Somebody whom an issuer vouches for comes in: the invitations under the names that the issuer vouches for are taken, and a
// session is opened. Whoever verified that asks here; nothing is asked of an issuer.
import type { Holder, OwnerMembership } from "../../contracts/objects/person.ts";
import type { VerifiedPerson } from "../../contracts/objects/verified-person.ts";
import { invitationsTakenMax } from "../../domain/limits.ts";
import { claimsOf } from "../../domain/text/member-name.ts";
import type { Caller } from "../access.ts";
import { noteAct } from "../act-notes.ts";
import type { Ports } from "../ports.ts";
import { principalOf } from "../principal.ts";
import { newSession, beginSession } from "./begin-session.ts";
import type { SessionBegun, SessionPorts } from "./begin-session.ts";
import { personIdOf } from "./person-id.ts";

export type SignInPorts = SessionPorts & Pick<Ports, "owner">;

/** `address`: where the call came from. Throws an `Outage` when an object does not answer: then nobody is signed in, and it may be tried again. */
export async function signIn(
	ports: SignInPorts,
	person: VerifiedPerson,
	{ address }: { address: string | null },
): Promise<SessionBegun> {
	const id = personIdOf(person);
	// A name for people could be anybody's: records show what the issuer vouches for.
	const login = person.login === null ? null : `${person.issuer}:${person.login}`;
	const by = { name: person.email ?? login ?? id, address };
	const claims = claimsOf(person);
	const invited = await Promise.all(
		claims.map(async (claim) => (await ports.person(claim).memberships()).map(({ owner }) => ({ claim, owner }))),
	);
	const session = newSession(id, { now: ports.now(), until: null });
	const holder: Holder = { kind: "person", ...person };
	const caller = { who: principalOf(session, { holder, memberships: [] }), ...by };
	for (const invitation of invited.flat().slice(0, invitationsTakenMax)) {
		await take(ports, caller, { ...invitation, person: id, shown: person.name ?? by.name });
	}
	return beginSession(ports, session, { holder, ...by });
}

/** [A83] The owner's object decides: an invitation that was withdrawn, or that another took, is none. */
async function take(
	ports: SignInPorts,
	caller: Caller,
	{ owner, claim, person, shown }: { owner: string; claim: string; person: string; shown: string },
): Promise<void> {
	const taken = await ports.owner(owner).takeInvitation({ claim, person, name: shown });
	if (taken === null) return;
	const { membership, isNews } = taken;
	// The owner's object tells it too, and again; said here, the first look shows it.
	await ports.person(person).hearMembership({ owner, version: membership.version, membership });
	if (isNews) noteAct(ports, caller, actOf(owner, { claim, person, membership }));
}

function actOf(owner: string, taken: { claim: string; person: string; membership: OwnerMembership }) {
	const { claim, person, membership } = taken;
	const details = { invitedAs: claim, role: membership.role, repos: membership.repos };
	return { action: "member-join", owner, subject: person, details } as const;
}
