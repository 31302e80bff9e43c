// The program of an owner's object in Node: its members through death between a change and the telling of it, and at its bounds.
import { expect, it } from "vitest";
import type { MemberChanger } from "../../contracts/objects/owner.ts";
import type { OwnerMembership } from "../../contracts/objects/person.ts";
import { SqliteStorage } from "../../simulation/world/sqlite-storage.ts";
import { openSealer } from "../../simulation/world/simulated-far-ends.ts";
import { PersonEngine } from "../person/person-engine.ts";
import type { World } from "../ports.ts";
import { OwnerEngine } from "./owner-engine.ts";

const operator: MemberChanger = { kind: "operator" };
const personId = (letter: string) => `pe${letter.repeat(24)}`;

function rig() {
	let now = 1_000_000;
	let isAway = false;
	let meanwhile = async () => {};
	const worldOver = (storage: SqliteStorage): World => ({
		storage,
		now: () => now,
		random: () => 0.5,
		wait: () => ({ done: Promise.resolve(), cancel: () => undefined }),
		giveWay: async () => undefined,
		report: () => undefined,
	});
	const persons = new Map<string, PersonEngine>();
	const person = (name: string) => {
		const known = persons.get(name) ?? new PersonEngine({ world: worldOver(new SqliteStorage()) });
		persons.set(name, known);
		return known;
	};
	const storage = new SqliteStorage();
	const later: Promise<unknown>[] = [];
	const published: string[] = [];
	/** An engine over what is stored: the one before has died. */
	const owner = () =>
		new OwnerEngine({
			name: "acme",
			world: worldOver(storage),
			outside: {
				rows: {
					revoked: async () => [],
					markRevoked: async (ends) => void published.push(...ends.map(({ id }) => id)),
					repositoryNames: async () => [],
					poolNames: async () => [],
					tokens: async () => [],
				},
				pool: () => ({ tokensEnded: async () => undefined, runnerIds: async () => ({ ids: [], shards: 1 }) }),
				person: (name) => ({
					hearMembership: async (news) => {
						if (isAway) throw new Error("no answer");
						await meanwhile();
						await person(name).hearMembership(news);
					},
				}),
				sealer: openSealer,
				later: (work) => later.push(work),
			},
		});
	return {
		...{ owner, person, storage, published },
		settled: () => Promise.all(later.splice(0)),
		away: (away: boolean) => {
			isAway = away;
		},
		/** Once, while a person's object is told something. */
		meanwhile: (act: () => Promise<void>) => {
			meanwhile = async () => {
				meanwhile = async () => {};
				await act();
			};
		},
		pass: (ms: number) => {
			now += ms;
		},
	};
}

const set = (member: string, role: "viewer" | "developer" | "owner", repos: string[] | null = null) => ({
	...{ member, role, repos, name: null, by: operator },
});
const rolesOf = (memberships: OwnerMembership[]) => memberships.map(({ role }) => role);

it("[W97] an object that dies between a change and its telling tells it all the same, by its alarm, until it is heard", async () => {
	const { owner, person, storage, settled, away } = rig();
	const ada = personId("a");
	away(true);
	await owner().setMember(set(ada, "viewer"));
	await settled();
	expect(storage.alarmAt).not.toBeNull();
	await owner().alarm();
	expect(await person(ada).memberships()).toEqual([]);
	expect(storage.alarmAt).not.toBeNull();
	away(false);
	await owner().alarm();
	expect(rolesOf(await person(ada).memberships())).toEqual(["viewer"]);
	expect(storage.alarmAt).toBeNull();
	await owner().removeMember({ member: ada, by: operator });
	// It dies before what it began is done.
	await owner().alarm();
	expect(await person(ada).memberships()).toEqual([]);
});

it("[W97] a change that comes while the alarm's calls are under way is told too", async () => {
	const { owner, storage, settled, away, meanwhile, published } = rig();
	const engine = owner();
	away(true);
	await engine.setMember(set(personId("a"), "viewer"));
	await settled();
	away(false);
	meanwhile(() => engine.endToken({ id: "tk1", at: 1, until: null }));
	await engine.alarm();
	expect(published).toEqual([]);
	expect(storage.alarmAt).not.toBeNull();
	await engine.alarm();
	expect(published).toEqual(["tk1"]);
});

it("[W98] a word that is older than what the person's object has changes nothing, also of a membership that ended", async () => {
	const { person } = rig();
	const ada = person(personId("a"));
	const membership = (version: number) => ({ owner: "acme", role: "owner" as const, repos: null, version });
	await ada.hearMembership({ owner: "acme", version: 3, membership: membership(3) });
	await ada.hearMembership({ owner: "acme", version: 5, membership: null });
	await ada.hearMembership({ owner: "acme", version: 4, membership: membership(4) });
	expect(await ada.memberships()).toEqual([]);
});

it("[A83] an invitation is one account's, also while its name's object has not heard that it was taken", async () => {
	const { owner, settled } = rig();
	const engine = owner();
	await engine.setMember(set("github:ada", "owner"));
	const take = (letter: string) =>
		engine.takeInvitation({ claim: "github:ada", person: personId(letter), name: "Ada" });
	expect(await take("a")).toMatchObject({ isNews: true, membership: { role: "owner" } });
	expect(await take("b")).toBeNull();
	expect(await take("a")).toMatchObject({ isNews: false, membership: { role: "owner" } });
	await settled();
	expect((await engine.members({ after: "", limit: 9 })).map(({ member }) => member)).toEqual([personId("a")]);
});

it.each([
	{ known: set("github:ada", "viewer"), invited: set("ada@example.com", "developer", ["web"]), has: "viewer of all" },
	{
		known: set("github:ada", "viewer", ["api"]),
		invited: set("ada@example.com", "owner", ["web"]),
		has: "viewer of api",
	},
	{ known: set("github:ada", "owner", ["web"]), invited: set("ada@example.com", "developer"), has: "owner of web" },
	{
		known: set("github:ada", "viewer", ["web"]),
		invited: set("ada@example.com", "viewer", ["api", "web"]),
		has: "viewer of api,web",
	},
	{
		known: set("github:ada", "viewer", ["web"]),
		invited: set("ada@example.com", "developer"),
		has: "developer of all",
	},
])("[A83] somebody invited once more loses neither role nor repositories: $has", async ({ known, invited, has }) => {
	const { owner, settled } = rig();
	const engine = owner();
	for (const invitation of [known, invited]) {
		await engine.setMember(invitation);
		await engine.takeInvitation({ claim: invitation.member, person: personId("a"), name: "Ada" });
	}
	await settled();
	const members = await engine.members({ after: "", limit: 9 });
	expect(members.map(({ role, repos }) => `${role} of ${repos?.join() ?? "all"}`)).toEqual([has]);
});

it("[A190] whoever took several invitations is changed and removed by each of their names, and by none after that", async () => {
	const { owner, settled } = rig();
	const engine = owner();
	const ada = personId("a");
	const names = ["github:ada", "ada@example.com"];
	const takeBoth = async () => {
		for (const claim of names) {
			await engine.setMember(set(claim, "viewer"));
			await engine.takeInvitation({ claim, person: ada, name: "Ada" });
		}
	};
	const membersNow = async () => (await engine.members({ after: "", limit: 9 })).map(({ member }) => member);
	for (const name of names) {
		await takeBoth();
		expect(await engine.setMember(set(name, "developer"))).toMatchObject({ value: { member: { member: ada } } });
		expect(await engine.removeMember({ member: name, by: operator })).toMatchObject({
			value: { removed: { member: ada } },
		});
		expect(await membersNow()).toEqual([]);
		expect(await engine.takeInvitation({ claim: name, person: ada, name: "Ada" })).toBeNull();
	}
	await engine.setMember(set("github:ada", "viewer"));
	expect(await membersNow()).toEqual(["github:ada"]);
	await settled();
});

it("[A85] past the bound nobody is added, and who is there is changed; the list has each of them once", async () => {
	const { owner, settled } = rig();
	const engine = owner();
	for (let at = 0; at < 500; at++) {
		expect((await engine.setMember(set(`m${at}@example.com`, "viewer"))).ok).toBe(true);
	}
	await settled();
	const more = await engine.setMember(set("more@example.com", "viewer"));
	expect(more).toEqual({ ok: false, refusal: { code: "members-max", max: 500 } });
	expect((await engine.setMember(set("m7@example.com", "owner"))).ok).toBe(true);
	const first = await engine.members({ after: "", limit: 300 });
	const rest = await engine.members({ after: first.at(-1)?.member ?? "", limit: 300 });
	expect(new Set([...first, ...rest].map(({ member }) => member)).size).toBe(500);
});

it("[A91] past the bound of sessions the one that was not used for longest ends", async () => {
	const { person, pass } = rig();
	const ada = person(personId("a"));
	const holder = { kind: "operator" as const };
	for (let at = 0; at < 51; at++) {
		const session = { id: `se${at}`, openedAt: at, usedAt: 1_000_000 + at, expiresAt: 10_000_000_000, from: null };
		await ada.openSession({ session, holder });
		// The first of all is in use.
		if (at === 20) {
			pass(600_000);
			await ada.standing(["se0"]);
		}
	}
	const { ended } = await ada.standing(["se0", "se1", "se50"]);
	expect(ended).toEqual(["se1"]);
	expect(await ada.sessions()).toHaveLength(50);
});
