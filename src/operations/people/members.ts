// An owner's members, as those with the role `owner` see and change them. What is refused here for who asks is looked at again
// where the truth is.
import type { Member, MemberRequest } from "../../contracts/http/member.ts";
import type { MemberChanger, OwnerMember } from "../../contracts/objects/owner.ts";
import { timeText } from "../../contracts/wire/time-text.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { isAtLeast } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";
import { isPersonId } from "../../domain/text/member-name.ts";
import { mayAskOfOwner } from "../access.ts";
import type { Caller } from "../access.ts";
import { noteAct } from "../act-notes.ts";
import type { NotePorts } from "../act-notes.ts";
import type { Deleted, Ports } from "../ports.ts";
import { rightsAt, scopesOfRole } from "../principal.ts";
import type { Principal } from "../principal.ts";

export async function listMembers(
	ports: Pick<Ports, "owner">,
	caller: Caller,
	{ owner, limit, cursor }: { owner: string; limit: number; cursor: string | null },
): Promise<Result<{ items: Member[]; next: string | null }>> {
	const may = mayAskOfOwner(caller, "listMembers", owner);
	if (!may.ok) return may;
	const found = await ports.owner(owner).members({ after: cursor ?? "", limit: limit + 1 });
	const items = found.slice(0, limit);
	return accept({ items: items.map(shown), next: found.length > limit ? (items.at(-1)?.member ?? null) : null });
}

/** `member`: as `readMemberName` gives it. */
export async function setMember(
	ports: Pick<Ports, "owner" | "person"> & NotePorts,
	caller: Caller,
	{ owner, member, request }: { owner: string; member: string; request: MemberRequest },
): Promise<Result<Member>> {
	const may = mayAskOfOwner(caller, "setMember", owner);
	if (!may.ok) return may;
	const { role } = request;
	if (!mayGive(caller.who, owner, role)) return refuse({ code: "role-limited" });
	const name = isPersonId(member) ? await personName(ports, member) : { known: null };
	if (name === null) return refuse({ code: "member-unknown" });
	const repos = request.repos === undefined ? null : [...new Set(request.repos)].sort();
	const by = changerOf(caller.who);
	const set = await ports.owner(owner).setMember({ member, role, repos, name: name.known, by });
	if (!set.ok) return set;
	const { member: now, before } = set.value;
	if (now.version !== before?.version) {
		const details = { role, repos, before: before && { role: before.role, repos: before.repos } };
		noteAct(ports, caller, { action: "member-set", owner, subject: now.member, details });
	}
	return accept(shown(now));
}

export async function removeMember(
	ports: Pick<Ports, "owner"> & NotePorts,
	caller: Caller,
	{ owner, member }: { owner: string; member: string },
): Promise<Result<Deleted>> {
	const may = mayAskOfOwner(caller, "removeMember", owner);
	if (!may.ok) return may;
	const done = await ports.owner(owner).removeMember({ member, by: changerOf(caller.who) });
	if (!done.ok) return done;
	const { removed } = done.value;
	if (removed === null) return accept({ wasThere: false });
	const details = { role: removed.role, repos: removed.repos, invitedAs: removed.invitedAs };
	noteAct(ports, caller, { action: "member-remove", owner, subject: removed.member, details });
	return accept({ wasThere: true });
}

/** [A84] A token gives a role whose scopes it has, a member one that is not above the own. */
function mayGive(who: Principal, owner: string, role: Role): boolean {
	const rights = rightsAt(who, owner);
	if (rights === null) return false;
	return isAtLeast(rights.role, role) && scopesOfRole[role].every((scope) => rights.scopes.includes(scope));
}

function changerOf(who: Principal): MemberChanger {
	return who.kind === "session" ? { kind: "person", person: who.person } : { kind: who.kind };
}

/** Null: nobody signed in as that person, so the id is a slip of the pen. */
async function personName(ports: Pick<Ports, "person">, person: string): Promise<{ known: string | null } | null> {
	const holder = await ports.person(person).holder();
	return holder?.kind === "person" ? { known: holder.name ?? holder.email ?? holder.login } : null;
}

function shown({ member, role, repos, name, invitedAs, since }: OwnerMember): Member {
	const state = isPersonId(member) ? "active" : "invited";
	return { member, state, role, repos, name, invitedAs, since: timeText(since) };
}
