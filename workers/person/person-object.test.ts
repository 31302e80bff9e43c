// The object of a person in the runtime: what it has stays through evictions, and goes when nothing of it is left.
import { evictAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import type { HeldSession, Holder } from "../../src/contracts/objects/person.ts";
import { sessionIdleMs } from "../../src/domain/limits.ts";
import { ownerCalls, personCalls } from "../bindings/stubs.ts";
import { moveClock } from "../testing/clock-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

let made = 0;
const aPerson = () => `pe${String.fromCharCode(97 + ++made).repeat(24)}`;
const holder: Holder = { kind: "person", issuer: "github", subject: "1", login: "ada", email: null, name: "Ada" };
const stubOf = (name: string) => env.PERSON.get(env.PERSON.idFromName(name));

function aSession(id: string): HeldSession {
	return { id, openedAt: Date.now(), usedAt: Date.now(), expiresAt: Date.now() + 100 * sessionIdleMs, from: null };
}

const tablesOf = (name: string) =>
	runInDurableObject(stubOf(name), (_, { storage }) => storage.sql.exec("SELECT name FROM sqlite_master").toArray());

it("[W99] a person's sessions and memberships are there after an eviction between any two calls, and a session that has ended stays so", async () => {
	const name = aPerson();
	const calls = personCalls(env, name);
	await calls.openSession({ session: aSession("se1"), holder });
	await evictAllDurableObjects();
	await calls.openSession({ session: aSession("se1"), holder });
	await calls.openSession({ session: aSession("se2"), holder });
	await evictAllDurableObjects();
	const membership = { owner: "acme", role: "viewer" as const, repos: null, version: 1 };
	await calls.hearMembership({ owner: "acme", version: 1, membership });
	await evictAllDurableObjects();
	expect(await calls.standing(["se1", "se2", "se3"])).toEqual({ ended: ["se3"], holder, memberships: [membership] });
	expect([await calls.endSession("se1"), await calls.endSession("se1")]).toEqual([true, false]);
	await evictAllDurableObjects();
	expect((await calls.standing(["se1", "se2"])).ended).toEqual(["se1"]);
	expect((await calls.sessions()).map(({ id }) => id)).toEqual(["se2"]);
});

it("[W99] one of whom nothing was asked keeps nothing, and neither does one whose last session has ended", async () => {
	const [nobody, name] = [aPerson(), aPerson()];
	expect(await personCalls(env, nobody).standing(["se1"])).toEqual({ ended: ["se1"], holder: null, memberships: [] });
	expect(await tablesOf(nobody)).toEqual([]);
	await personCalls(env, name).openSession({ session: aSession("se1"), holder });
	moveClock(sessionIdleMs + 1);
	expect((await personCalls(env, name).standing(["se1"])).ended).toEqual(["se1"]);
	await runDurableObjectAlarm(stubOf(name));
	expect(await tablesOf(name)).toEqual([]);
	vi.useRealTimers();
	await personCalls(env, name).openSession({ session: aSession("se2"), holder });
	expect((await personCalls(env, name).standing(["se2"])).ended).toEqual([]);
});

it("[W97] what a person's object could not hear when its owner's object told it, it hears later, through an eviction of both", async () => {
	const [owner, member] = [`people-${made}`, aPerson()];
	vi.spyOn(console, "error").mockImplementation(() => undefined);
	const away = vi.spyOn(env.PERSON, "get").mockImplementation(() => {
		throw new Error("away");
	});
	const call = { member, role: "viewer" as const, repos: null, name: null, by: { kind: "operator" as const } };
	expect((await ownerCalls(env, owner).setMember(call)).ok).toBe(true);
	const ownerStub = env.OWNER.get(env.OWNER.idFromName(owner));
	await runDurableObjectAlarm(ownerStub);
	away.mockRestore();
	await evictAllDurableObjects();
	await vi.waitFor(async () => {
		await runDurableObjectAlarm(ownerStub);
		expect(await personCalls(env, member).memberships()).toMatchObject([{ owner, role: "viewer" }]);
	});
	await runDurableObjectAlarm(ownerStub);
	expect(await runDurableObjectAlarm(ownerStub)).toBe(false);
});
