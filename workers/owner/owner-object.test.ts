// The owner's object in the runtime: what has ended stays so through evictions and without the read model, which is told later.
import { evictAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { addToken, findToken } from "../../src/store/tokens.ts";
import { moveClock } from "../testing/clock-fixture.ts";
import { database } from "../bindings/read-model.ts";
import { ownerCalls } from "../bindings/stubs.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

const dayMs = 24 * 3_600_000;
let owners = 0;
const anOwner = () => `owner-${++owners}`;
const stubOf = (owner: string) => env.OWNER.get(env.OWNER.idFromName(owner));

async function record(owner: string, id: string, { expiresAt = null as string | null, revokedAt = 0 } = {}) {
	const createdAt = new Date().toISOString();
	const rest = {
		name: "x",
		scopes: ["read" as const],
		repos: null,
		pools: null,
		uses: null,
		createdBy: "x",
		revokedAt: null,
	};
	await addToken(database(env), { id, owner, createdAt, expiresAt, ...rest }, null);
	if (revokedAt > 0) await env.DB.prepare("UPDATE token SET revoked_at = ? WHERE id = ?").bind(revokedAt, id).run();
}

/** D1 without its table of tokens. */
async function withoutTokens(act: () => Promise<void>): Promise<void> {
	vi.spyOn(console, "error").mockImplementation(() => undefined);
	await env.DB.exec("ALTER TABLE token RENAME TO gone");
	try {
		await act();
	} finally {
		await env.DB.exec("ALTER TABLE gone RENAME TO token");
	}
}

it("[W59] a token that was ended stays so, of this owner alone, through evictions and without the read model", async () => {
	const [owner, other] = [anOwner(), anOwner()];
	await record(owner, "tk1");
	expect(await ownerCalls(env, owner).ended(["tk1"])).toEqual([]);
	await ownerCalls(env, owner).endToken({ id: "tk1", at: 5, until: null });
	await ownerCalls(env, owner).endToken({ id: "tk1", at: 6, until: null });
	await withoutTokens(async () => {
		await evictAllDurableObjects();
		expect(await ownerCalls(env, owner).ended(["tk0", "tk1"])).toEqual(["tk1"]);
	});
	expect(await ownerCalls(env, other).ended(["tk0", "tk1"])).toEqual([]);
});

it("[W59] the read model is told of an end when it answers again", async () => {
	const owner = anOwner();
	await record(owner, "tk2");
	await withoutTokens(async () => {
		await ownerCalls(env, owner).endToken({ id: "tk2", at: 7_000, until: null });
		expect(await runDurableObjectAlarm(stubOf(owner))).toBe(true);
	});
	await evictAllDurableObjects();
	expect(await runDurableObjectAlarm(stubOf(owner))).toBe(true);
	expect((await findToken(database(env), "tk2"))?.revokedAt).toBe(new Date(7_000).toISOString());
	expect(await runDurableObjectAlarm(stubOf(owner))).toBe(false);
});

it("[W60] what the read model knew as revoked before there was an object counts, and is asked for once", async () => {
	const owner = anOwner();
	await record(owner, "tk3", { revokedAt: 1 });
	await record(owner, "tk4");
	expect(await ownerCalls(env, owner).ended(["tk3", "tk4"])).toEqual(["tk3"]);
	// The truth is here from now on: neither a loss there nor an addition changes it.
	await env.DB.prepare("UPDATE token SET revoked_at = CASE id WHEN 'tk4' THEN 1 END").run();
	await evictAllDurableObjects();
	expect(await ownerCalls(env, owner).ended(["tk3", "tk4"])).toEqual(["tk3"]);
});

it("[W60] while the read model is away at that first time, nobody can be told; what was ended here is", async () => {
	const owner = anOwner();
	await record(owner, "tk5", { revokedAt: 1 });
	await withoutTokens(async () => {
		await ownerCalls(env, owner).endToken({ id: "tk6", at: 1, until: null });
		expect(await ownerCalls(env, owner).ended(["tk5", "tk6"])).toBeNull();
	});
	expect(await ownerCalls(env, owner).ended(["tk5", "tk6"])).toEqual(["tk5", "tk6"]);
});

it("[W61] an end is forgotten when its token has expired by itself, and one without an expiry never", async () => {
	const owner = anOwner();
	const expiresAt = new Date(Date.now() + dayMs).toISOString();
	await record(owner, "tk7", { expiresAt, revokedAt: 1 });
	await record(owner, "tk8", { revokedAt: 1 });
	const calls = ownerCalls(env, owner);
	await calls.endToken({ id: "tk9", at: 1, until: Date.parse(expiresAt) });
	expect(await calls.ended(["tk7", "tk8", "tk9"])).toEqual(["tk7", "tk8", "tk9"]);
	await runDurableObjectAlarm(stubOf(owner));
	expect(await calls.ended(["tk7", "tk8", "tk9"])).toEqual(["tk7", "tk8", "tk9"]);
	moveClock(dayMs + 1);
	await runDurableObjectAlarm(stubOf(owner));
	expect(await calls.ended(["tk7", "tk8", "tk9"])).toEqual(["tk8"]);
});

it("[W62] a ticket is used once, also through an eviction, and forgotten after its minute", async () => {
	const owner = anOwner();
	const ticket = { id: "one", until: Date.now() + 60_000 };
	const uses = await Promise.all([1, 2, 3].map(() => ownerCalls(env, owner).useTicket(ticket)));
	expect(uses.sort()).toEqual([false, false, true]);
	await evictAllDurableObjects();
	expect(await ownerCalls(env, owner).useTicket(ticket)).toBe(false);
	moveClock(11 * 60_000);
	await runDurableObjectAlarm(stubOf(owner));
	const rows = await runInDurableObject(stubOf(owner), (_, { storage }) =>
		storage.sql.exec("SELECT * FROM ended").toArray(),
	);
	expect(rows).toEqual([]);
});

it("[W59] an owner of whom nothing was asked keeps nothing", async () => {
	const owner = anOwner();
	const tables = await runInDurableObject(stubOf(owner), (_, { storage }) =>
		storage.sql.exec("SELECT name FROM sqlite_master").toArray(),
	);
	expect(tables).toEqual([]);
});
