// Members of an owner through the front door: invited, taken, changed, removed; and what those get who reach for more.
import { evictAllDurableObjects } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AuditRecord } from "../../src/contracts/http/audit.ts";
import type { Member } from "../../src/contracts/http/member.ts";
import type { ShownCaller } from "../../src/contracts/http/session.ts";
import { personIdOf } from "../../src/operations/people/person-id.ts";
import { moveClock } from "../testing/clock-fixture.ts";
import { aRepo, aRepoOf, aToken, refusal, send } from "./api-fixture.ts";
import { aMember, browse, invite, signedIn, somebody } from "./people-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

const membersOf = async (owner: string) =>
	(await send<{ items: Member[] }>("GET", `/v1/owners/${owner}/members`)).body.items;
const ownersOf = async (cookie: string) => (await browse<ShownCaller>("GET", "/v1/session", cookie)).body.owners;
const memberPath = (owner: string, member: string) => `/v1/owners/${owner}/members/${encodeURIComponent(member)}`;
const by = (cookie: string) => ({ token: null, headers: { cookie, "spillway-request": "1" } });

describe("invitations", () => {
	it("[A82] somebody invited by address or login is a member from the first sign-in with that claim, through evictions", async () => {
		const { owner, path } = await aRepo();
		const [mail, login] = [somebody({ login: null }), somebody({ email: null })];
		expect(await invite(owner, (mail.email ?? "").toUpperCase(), "viewer")).toMatchObject({
			status: 200,
			body: { member: mail.email, state: "invited", role: "viewer", repos: null, name: null, invitedAs: null },
		});
		await invite(owner, `github:${login.login}`, "developer", { repos: ["web"] });
		await evictAllDurableObjects();
		const cookies = [await signedIn(mail), await signedIn(login)];
		expect(await Promise.all(cookies.map(ownersOf))).toEqual([
			[{ owner, role: "viewer" }],
			[{ owner, role: "developer" }],
		]);
		expect((await browse("GET", path, cookies[0] ?? "")).status).toBe(200);
		await evictAllDurableObjects();
		const members = await membersOf(owner);
		const shown = { state: "active", name: "Ada", invitedAs: mail.email, repos: null };
		expect(members.find(({ member }) => member === personIdOf(mail))).toMatchObject(shown);
		const limited = { role: "developer", repos: ["web"], invitedAs: `github:${login.login}` };
		expect(members.find(({ member }) => member === personIdOf(login))).toMatchObject(limited);
		expect(members).toHaveLength(2);
	});

	it("[A82] an address that the issuer has not verified takes no invitation", async () => {
		const { owner, path } = await aRepo();
		const person = somebody();
		await invite(owner, person.email ?? "", "owner");
		const unverified = await signedIn({ ...person, subject: "another", email: null });
		expect(await ownersOf(unverified)).toEqual([]);
		expect(await refusal("GET", path, by(unverified))).toBe("404 unknown");
		const issuer = await signedIn({ ...person, issuer: "gitlab", email: null });
		expect(await ownersOf(issuer)).toEqual([]);
		expect((await membersOf(owner)).map(({ state }) => state)).toEqual(["invited"]);
	});

	it("[A83] a login that another account is given later is not the member, and finds no invitation", async () => {
		const { owner } = await aRepo();
		const first = somebody({ email: null });
		await invite(owner, `github:${first.login}`, "maintainer");
		const before = await signedIn(first);
		const second = await signedIn({ ...first, subject: "somebody-else" });
		expect(await ownersOf(second)).toEqual([]);
		expect(await ownersOf(before)).toEqual([{ owner, role: "maintainer" }]);
		// The first signs in by another login: the same person.
		expect(await ownersOf(await signedIn({ ...first, login: "renamed" }))).toEqual([{ owner, role: "maintainer" }]);
	});

	it("[A83] whoever is invited once more under another name keeps what that one is", async () => {
		const { owner } = await aRepo();
		const person = somebody();
		await invite(owner, person.email ?? "", "owner");
		await signedIn(person);
		await invite(owner, `github:${person.login}`, "viewer");
		const cookie = await signedIn(person);
		expect(await ownersOf(cookie)).toEqual([{ owner, role: "owner" }]);
		expect(await membersOf(owner)).toHaveLength(1);
	});

	it("[A82] an invitation that was withdrawn is taken by nobody", async () => {
		const { owner } = await aRepo();
		const person = somebody();
		await invite(owner, person.email ?? "", "owner");
		expect((await send("DELETE", memberPath(owner, person.email ?? ""))).status).toBe(204);
		expect(await ownersOf(await signedIn(person))).toEqual([]);
		const again = await send("DELETE", memberPath(owner, person.email ?? ""));
		expect([again.status, again.headers.get("spillway-absent")]).toEqual([204, "true"]);
	});

	it("[A81] a name that is none is malformed, and a person that nobody is is unknown", async () => {
		const { owner } = await aRepo();
		expect(await refusal("PUT", memberPath(owner, "ada"), { body: { role: "viewer" } })).toBe("400 member");
		expect(await refusal("DELETE", memberPath(owner, "a b@c"))).toBe("400 member");
		const nobody = memberPath(owner, `pe${"a".repeat(24)}`);
		expect(await refusal("PUT", nobody, { body: { role: "viewer" } })).toBe("404 member-unknown");
		expect(await refusal("PUT", memberPath(owner, "a@b.example"), { body: { role: "boss" } })).toBe("400 role");
		const issuer = "https://id.example/realms/one:ada";
		expect((await invite(owner, issuer, "viewer")).body.member).toBe(issuer);
	});
});

describe("who may what", () => {
	it("[A84] nobody gives a role above the own, by membership or by token", async () => {
		const { owner } = await aRepo();
		for (const role of ["viewer", "developer", "maintainer"]) {
			const { cookie, id } = await aMember(owner, role);
			const call = { ...by(cookie), body: { role: "owner" } };
			expect(await refusal("PUT", memberPath(owner, id), call)).toBe("403 role-missing");
			expect(await refusal("GET", `/v1/owners/${owner}/members`, by(cookie))).toBe("403 role-missing");
		}
		const some = await aMember(owner, "owner", { repos: ["web"] });
		const call = { ...by(some.cookie), body: { role: "owner" } };
		expect(await refusal("PUT", memberPath(owner, some.id), call)).toBe("403 repositories-limited");
		const weak = await aToken(owner, ["admin", "read"]);
		const ask = (role: string) => refusal("PUT", memberPath(owner, "a@b.example"), { token: weak, body: { role } });
		expect([await ask("owner"), await ask("developer"), await ask("viewer")]).toEqual([
			"403 role-limited",
			"403 role-limited",
			"200",
		]);
		const foreign = await aMember((await aRepo()).owner, "owner");
		expect(
			await refusal("PUT", memberPath(owner, foreign.id), { ...by(foreign.cookie), body: { role: "owner" } }),
		).toBe("404 unknown");
	});

	it("[A84] an owner who was lowered a moment ago changes nobody, whatever the door still believes", async () => {
		const { owner } = await aRepo();
		const [keeper, lowered] = [await aMember(owner, "owner"), await aMember(owner, "owner")];
		expect((await browse("GET", `/v1/owners/${owner}/members`, lowered.cookie)).status).toBe(200);
		expect((await invite(owner, lowered.id, "viewer", by(keeper.cookie))).status).toBe(200);
		const call = { ...by(lowered.cookie), body: { role: "owner" } };
		expect(await refusal("PUT", memberPath(owner, lowered.id), call)).toBe("403 role-missing");
		expect(await refusal("DELETE", memberPath(owner, keeper.id), by(lowered.cookie))).toBe("403 role-missing");
		expect((await send("DELETE", memberPath(owner, lowered.id))).status).toBe(204);
		expect(await refusal("DELETE", memberPath(owner, keeper.id), by(lowered.cookie))).toBe("404 unknown");
	});

	it("[A85] the last owner is neither removed nor lowered by a member or a token; the operator may", async () => {
		const { owner } = await aRepo();
		const last = await aMember(owner, "owner");
		// Neither is one who may all there.
		await invite(owner, "invited@example.com", "owner");
		await aMember(owner, "owner", { repos: ["web"] });
		const token = await aToken(owner, ["read", "write", "admin", "runner:register"]);
		for (const call of [by(last.cookie), { token }]) {
			const path = memberPath(owner, last.id);
			expect(await refusal("DELETE", path, call)).toBe("409 member-last-owner");
			expect(await refusal("PUT", path, { ...call, body: { role: "maintainer" } })).toBe("409 member-last-owner");
			expect(await refusal("PUT", path, { ...call, body: { role: "owner", repos: ["web"] } })).toBe(
				"409 member-last-owner",
			);
			expect(await refusal("PUT", path, { ...call, body: { role: "owner" } })).toBe("200");
		}
		const second = await aMember(owner, "owner");
		expect(await refusal("DELETE", memberPath(owner, last.id), by(second.cookie))).toBe("204");
		expect((await send("DELETE", memberPath(owner, second.id))).status).toBe(204);
	});

	it("[A80] a role and its repositories hold through the routes, and a change of them within a minute", async () => {
		const { owner, path } = await aRepo();
		const other = await aRepoOf(owner, "other");
		const { id, cookie } = await aMember(owner, "developer", { repos: ["web"] });
		expect((await browse("POST", `${path}/runs`, cookie, { body: { jobs: [{ key: "a", run: "true" }] } })).status).toBe(
			201,
		);
		expect(await refusal("PATCH", path, { ...by(cookie), body: { maxRunning: 1 } })).toBe("403 role-missing");
		expect(await refusal("GET", other.path, by(cookie))).toBe("404 unknown");
		expect(await refusal("GET", `/v1/pools/${owner}`, by(cookie))).toBe("403 repositories-limited");
		const listed = await browse<{ items: { repo: string }[] }>("GET", `/v1/repos?owner=${owner}`, cookie);
		expect(listed.body.items.filter(({ repo }) => repo !== "web")).toEqual([]);
		await invite(owner, id, "maintainer");
		await vi.waitFor(async () => {
			moveClock(46_000);
			expect(await refusal("PATCH", other.path, { ...by(cookie), body: { maxRunning: 1 } })).toBe("200");
		});
		await send("DELETE", memberPath(owner, id));
		await vi.waitFor(async () => {
			moveClock(46_000);
			expect(await refusal("GET", path, by(cookie))).toBe("404 unknown");
		});
	});

	it("[A86] what is done to members is in the audit, by whom and over what; what changes nothing is not", async () => {
		const { owner } = await aRepo();
		const boss = await aMember(owner, "owner");
		const person = somebody();
		await invite(owner, person.email ?? "", "viewer", by(boss.cookie));
		await invite(owner, person.email ?? "", "viewer", by(boss.cookie));
		await signedIn(person);
		await signedIn(person);
		await invite(owner, person.email ?? "", "developer", by(boss.cookie));
		await browse("DELETE", memberPath(owner, personIdOf(person)), boss.cookie);
		await vi.waitFor(async () => {
			const { body } = await send<{ items: AuditRecord[] }>("GET", `/v1/audit?owner=${owner}&limit=100`);
			const acts = body.items.filter(({ details }) => JSON.stringify(details).length > 0).reverse();
			const told = acts.filter(({ action }) => action.startsWith("member-"));
			expect(told.map(({ action, actor, subject }) => [action, actor, subject])).toEqual([
				["member-set", "operator", boss.person.email],
				["member-join", boss.person.email, boss.id],
				["member-set", boss.person.email, person.email],
				["member-join", person.email, personIdOf(person)],
				["member-set", boss.person.email, personIdOf(person)],
				["member-remove", boss.person.email, personIdOf(person)],
			]);
			expect(told[4]?.details).toEqual({ role: "developer", repos: null, before: { role: "viewer", repos: null } });
			expect(told[2]?.token).toMatch(/^se[0-9a-f]{20}$/);
		});
	});
});
