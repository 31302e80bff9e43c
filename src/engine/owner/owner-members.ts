// An owner's members: changed here, in one step with the rules that guard them, and then told to each person's object, again until
// it has heard. What a person's object has is a copy; between the two the person is what the copy says, for as long as a call takes.
import type { MemberChanger, MemberSet, OwnerCalls, OwnerMember } from "../../contracts/objects/owner.ts";
import type { OwnerMembership } from "../../contracts/objects/person.ts";
import { membersMax } from "../../domain/limits.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { isAtLeast } from "../../domain/role.ts";
import { isPersonId } from "../../domain/text/member-name.ts";
import type { MemberTables } from "./member-tables.ts";
import type { OwnerPorts } from "./owner-ports.ts";
import type { OwnerTables } from "./owner-tables.ts";

/** Persons told by one alarm. */
const toldAtOnce = 100;

type Calls = Pick<OwnerCalls, "setMember" | "removeMember" | "takeInvitation">;
type Answer<Name extends keyof Calls> = Awaited<ReturnType<Calls[Name]>>;

export class OwnerMembers {
	readonly #ports: OwnerPorts;
	readonly #tables: OwnerTables;
	readonly #members: MemberTables;

	constructor(ports: OwnerPorts, tables: OwnerTables, members: MemberTables) {
		this.#ports = ports;
		this.#tables = tables;
		this.#members = members;
	}

	page(after: string, limit: number): OwnerMember[] {
		return this.#members.page(after, limit);
	}

	set(call: Parameters<Calls["setMember"]>[0]): Result<MemberSet> {
		const { role, repos, by } = call;
		const may = this.#mayChange(by);
		if (!may.ok) return may;
		const before = this.#find(call.member);
		const member = before?.member ?? call.member;
		const keepsOwner = role === "owner" && repos === null;
		if (!keepsOwner && this.#isLastOwner(before) && by.kind !== "operator")
			return refuse({ code: "member-last-owner" });
		if (before === null && this.#members.count() >= membersMax) return refuse({ code: "members-max", max: membersMax });
		const name = call.name ?? before?.name ?? null;
		const isSame = before !== null && before.role === role && sameRepos(before.repos, repos) && before.name === name;
		if (isSame) return accept({ member: before, before });
		const since = before?.since ?? this.#ports.world.now();
		const changed = this.#tables.transaction(() => {
			const version = this.#members.nextVersion();
			const row = {
				owner: this.#ports.name,
				member,
				role,
				repos,
				invitedAs: before?.invitedAs ?? null,
				name,
				since,
				version,
			};
			this.#members.put(row);
			return row;
		});
		return accept({ member: changed, before });
	}

	remove({ member, by }: Parameters<Calls["removeMember"]>[0]): Answer<"removeMember"> {
		const may = this.#mayChange(by);
		if (!may.ok) return may;
		const before = this.#find(member);
		if (before === null) return accept({ removed: null });
		if (this.#isLastOwner(before) && by.kind !== "operator") return refuse({ code: "member-last-owner" });
		this.#tables.transaction(() => this.#members.remove(before.member, this.#members.nextVersion()));
		return accept({ removed: before });
	}

	/** [A83] The name is the person's from then on: another who signs in with it later finds no invitation. */
	take({ claim, person, name }: Parameters<Calls["takeInvitation"]>[0]): Answer<"takeInvitation"> {
		const invitation = this.#members.member(claim);
		const known = this.#members.member(person);
		if (invitation === null)
			return known !== null && this.#members.invitedAs(claim)?.member === person
				? { membership: membershipOf(known), isNews: false }
				: null;
		const taken = this.#tables.transaction(() => {
			const version = this.#members.nextVersion();
			this.#members.remove(claim, version);
			// Whoever invites a member once more, under another name, takes nothing away.
			const { role, repos } = known === null || holdsAll(invitation, known) ? invitation : known;
			const since = known?.since ?? invitation.since;
			const row = { owner: this.#ports.name, member: person, role, repos, invitedAs: claim, name, since, version };
			this.#members.put(row);
			this.#members.nameTaken(claim, person);
			return row;
		});
		return { membership: membershipOf(taken), isNews: true };
	}

	get hasUntold(): boolean {
		return this.#members.untold(1).length > 0;
	}

	/** False: somebody's object did not answer, and is told again. Never throws. */
	async tell(): Promise<boolean> {
		const untold = this.#members.untold(toldAtOnce);
		const { name: owner, outside, world } = this.#ports;
		const told = await Promise.allSettled(
			untold.map(async ({ member, version }) => {
				const row = this.#members.member(member);
				// As it is now: a change since then has a version of its own, and comes with it.
				const news = { owner, version, membership: row && { ...membershipOf(row), version } };
				await outside.person(member).hearMembership(news);
				this.#members.told({ member, version });
			}),
		);
		const failed = told.find(({ status }) => status === "rejected");
		if (failed?.status !== "rejected") return true;
		world.report({ event: "membership-untold", owner, cause: String(failed.reason) });
		return false;
	}

	/** As somebody names it: the person who took the invitation under that name, where there is none open. */
	#find(member: string): OwnerMember | null {
		return this.#members.member(member) ?? this.#members.invitedAs(member);
	}

	/** Asked of the truth: what the door knew of a person may be older than the last change. */
	#mayChange(by: MemberChanger): Result<null> {
		if (by.kind !== "person") return accept(null);
		const changer = this.#members.member(by.person);
		if (changer === null) return refuse({ code: "unknown" });
		const isOwner = changer.role === "owner" && changer.repos === null;
		return isOwner ? accept(null) : refuse({ code: "role-missing", role: "owner" });
	}

	#isLastOwner(member: OwnerMember | null): boolean {
		if (member?.role !== "owner" || member.repos !== null || !isPersonId(member.member)) return false;
		return this.#members.ownersWithout(member.member) === 0;
	}
}

function membershipOf({ owner, role, repos, version }: OwnerMember): OwnerMembership {
	return { owner, role, repos, version };
}

/** Whether nothing of `known` is missing from it: a higher role for fewer repositories takes the others away. */
function holdsAll(invitation: OwnerMember, known: OwnerMember): boolean {
	const { role, repos } = invitation;
	const reaches = repos === null || (known.repos?.every((repo) => repos.includes(repo)) ?? false);
	return reaches && isAtLeast(role, known.role);
}

function sameRepos(a: readonly string[] | null, b: readonly string[] | null): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}
