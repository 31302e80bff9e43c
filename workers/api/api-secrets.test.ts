// Secrets of an owner through the front door: set, listed, given to the jobs of its repositories, sealed anew.
import { evictAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { moveClock } from "../testing/clock-fixture.ts";
import { sealerOf, sealSecret } from "../bindings/sealing.ts";
import { repoOf } from "../repo/queue-fixture.ts";
import { aRepo, aRepoOf, aRunner, aToken, finish, grantOf, job, lease, refusal, send, submit } from "./api-fixture.ts";
import type { Place } from "./api-fixture.ts";

afterEach(() => void vi.useRealTimers());

const sealer = sealerOf(() => env.SPILLWAY_SEALING_KEYS);
const keyId = sealer.sealingKeys()[0] ?? "";

async function set(path: string, name: string, body: object): Promise<void> {
	expect((await send("PUT", `${path}/secrets/${name}`, { body })).status).toBe(204);
}

/** The secrets that the next job of the place is given. */
async function given(place: Place, secrets: string[]): Promise<unknown> {
	const run = await submit(place, [job("a", { secrets })]);
	const grant = await grantOf(await aRunner(place));
	expect(grant.run.id).toBe(run.id);
	expect((await lease("start", grant)).status).toBe(200);
	expect((await finish(grant)).status).toBe(200);
	return grant.job.secrets;
}

/** How a place's secrets are sealed: by which data key, and which of the Worker's. */
async function sealedBy(place: Place): Promise<Record<string, string>> {
	const rows = await runInDurableObject(repoOf(place), (_, { storage }) =>
		storage.sql.exec<{ name: string; sealed: string }>("SELECT name, sealed FROM secret").toArray(),
	);
	return Object.fromEntries(
		rows.map(({ name, sealed }) => {
			const { dataKey, sealingKey } = sealer.sealedBy(sealed);
			return [name, `${dataKey} ${sealingKey}`];
		}),
	);
}

interface Rotated {
	dataKey: number;
	resealed: number;
	right: number;
	unreadable: object[];
	sealingKeys: Record<string, number>;
	nextCursor: string | null;
}

function rotate(owner: string, cursor?: string | null) {
	return send<Rotated>("POST", `/v1/owners/${owner}/rotate-secrets`, { body: cursor ? { cursor } : {} });
}

it("[B30][B35] an owner's secrets are listed without their values, and given to jobs of all its repositories", async () => {
	const web = await aRepo();
	const api = await aRepoOf(web.owner, "api");
	const path = `/v1/owners/${web.owner}`;
	await set(path, "SHARED", { value: "of the owner", refs: ["**", "refs/tags/*"] });
	await set(path, "NPM_TOKEN", { value: "also the owner's", forks: true });
	await set(api.path, "NPM_TOKEN", { value: "the repository's" });
	const { body } = await send<{ items: object[] }>("GET", `${path}/secrets`);
	const setAt = expect.any(String);
	expect(body.items).toEqual([
		{ name: "NPM_TOKEN", refs: null, forks: true, setAt },
		{ name: "SHARED", refs: ["**", "refs/tags/*"], forks: false, setAt },
	]);
	expect(JSON.stringify(body)).not.toContain("owner's");
	expect(await given(web, ["NPM_TOKEN"])).toEqual({ NPM_TOKEN: "also the owner's" });
	expect(await given(api, ["NPM_TOKEN"])).toEqual({ NPM_TOKEN: "the repository's" });
	const reader = await aToken(web.owner, ["read", "write"]);
	expect(await refusal("GET", `${path}/secrets`, { token: reader })).toBe("403 scope-missing");
	const some = await aToken(web.owner, ["admin"], { repos: ["web"] });
	expect(await refusal("PUT", `${path}/secrets/A`, { token: some, body: { value: "x" } })).toBe(
		"403 repositories-limited",
	);
	expect(await refusal("PUT", `${path}/secrets/A`, { body: { value: "x", refs: ["[a]"] } })).toBe("400 refs[0]");
	expect((await send("DELETE", `${path}/secrets/SHARED`)).status).toBe(204);
	const again = await send("DELETE", `${path}/secrets/SHARED`);
	expect(again.headers.get("spillway-absent")).toBe("true");
});

it("[B36] a minute after it was forgotten no job is given it", async () => {
	const place = await aRepo();
	await set(`/v1/owners/${place.owner}`, "SHARED", { value: "v" });
	expect(await given(place, ["SHARED"])).toEqual({ SHARED: "v" });
	await send("DELETE", `/v1/owners/${place.owner}/secrets/SHARED`);
	moveClock(60_000);
	const run = await submit(place, [job("a", { secrets: ["SHARED"] }), job("b")]);
	const grant = await grantOf(await aRunner(place));
	expect([grant.run.id, grant.job.key]).toEqual([run.id, "b"]);
});

it("[B32][B33] what is set is sealed by the data key, and so is what an older build left, once a job was given it", async () => {
	const place = await aRepo();
	await set(place.path, "NEW", { value: "new" });
	expect(await sealedBy(place)).toEqual({ NEW: `1 ${keyId}` });
	const old = sealSecret(env.SPILLWAY_SEALING_KEYS, { owner: place.owner, repo: place.repo, name: "OLD" }, "old");
	await runInDurableObject(repoOf(place), (_, { storage }) => {
		storage.sql.exec("INSERT INTO secret (name, sealed) VALUES ('OLD', ?)", old);
	});
	expect(await sealedBy(place)).toEqual({ NEW: `1 ${keyId}`, OLD: `null ${keyId}` });
	await evictAllDurableObjects();
	expect(await given(place, ["OLD", "NEW"])).toEqual({ OLD: "old", NEW: "new" });
	await vi.waitFor(async () => expect(await sealedBy(place)).toEqual({ NEW: `1 ${keyId}`, OLD: `1 ${keyId}` }));
	expect(await given(place, ["OLD"])).toEqual({ OLD: "old" });
});

it("[B34] a rotation seals all by a new key, in slices; one that was cut short goes on with its key, and all opens meanwhile", async () => {
	const web = await aRepo();
	const { owner } = web;
	const api = await aRepoOf(owner, "api");
	await aRepoOf(owner, "empty");
	await set(`/v1/owners/${owner}`, "SHARED", { value: "shared" });
	for (const place of [web, api]) for (const name of ["A", "B"]) await set(place.path, name, { value: name });
	const first = await rotate(owner);
	expect(first.body).toMatchObject({ dataKey: 2, resealed: 1, right: 0, unreadable: [], sealingKeys: { [keyId]: 1 } });
	expect(first.body.nextCursor).not.toBeNull();
	// Killed here: everything opens, and a rotation that is begun makes no third key.
	await evictAllDurableObjects();
	expect(await given(web, ["A", "SHARED"])).toEqual({ A: "A", SHARED: "shared" });
	expect(await sealedBy(web)).toEqual({ A: `1 ${keyId}`, B: `1 ${keyId}` });
	await set(web.path, "B", { value: "set meanwhile" });
	const again = await rotate(owner);
	expect(again.body).toMatchObject({ dataKey: 2, resealed: 0, right: 1 });
	let resealed = 0;
	for (let { nextCursor } = again.body; nextCursor !== null; ) {
		const { body } = await rotate(owner, nextCursor);
		resealed += body.resealed;
		nextCursor = body.nextCursor;
	}
	expect(resealed).toBe(3);
	for (const place of [web, api]) expect(await sealedBy(place)).toEqual({ A: `2 ${keyId}`, B: `2 ${keyId}` });
	expect(await given(web, ["A", "B", "SHARED"])).toEqual({ A: "A", B: "set meanwhile", SHARED: "shared" });
	expect((await rotate(owner)).body.dataKey).toBe(3);
	const { body } = await send<{ items: { action: string; details: object }[] }>("GET", `/v1/audit?owner=${owner}`);
	const acts = body.items.filter(({ action }) => action === "secrets-rotate");
	expect(acts.map(({ details }) => details)).toEqual([{ dataKey: 3 }, { dataKey: 2 }, { dataKey: 2 }]);
});

it("[B34] a secret that does not open is named, and left as it is", async () => {
	const place = await aRepo();
	await set(place.path, "GOOD", { value: "x" });
	const lost = sealSecret(`gone:${"3".repeat(64)}`, { owner: place.owner, repo: place.repo, name: "LOST" }, "x");
	await runInDurableObject(repoOf(place), (_, { storage }) => {
		storage.sql.exec("INSERT INTO secret (name, sealed) VALUES ('LOST', ?)", lost);
	});
	const { body: first } = await rotate(place.owner);
	const { body } = await rotate(place.owner, first.nextCursor);
	expect(body).toMatchObject({
		...{ resealed: 1, unreadable: [{ repo: place.repo, name: "LOST" }], nextCursor: null },
		sealingKeys: { [keyId]: 1, gone: 1 },
	});
	expect(await sealedBy(place)).toEqual({ GOOD: `2 ${keyId}`, LOST: "null gone" });
	expect(await refusal("POST", `/v1/owners/${place.owner}/rotate-secrets`, { body: { cursor: "x" } })).toBe(
		"400 cursor",
	);
});

it("[B34] an owner whose data key does not open any more gets a new one, and secrets can be set again", async () => {
	const place = await aRepo();
	const path = `/v1/owners/${place.owner}`;
	await set(path, "BEFORE", { value: "lost" });
	const gone = `gone:${"3".repeat(64)}`;
	const stub = env.OWNER.get(env.OWNER.idFromName(place.owner));
	await runInDurableObject(stub, (_, { storage }) => {
		const { version, wrapped } = sealerOf(() => gone).makeDataKey(place.owner, 1);
		storage.sql.exec("UPDATE data_key SET wrapped = ?", wrapped);
		const sealed = sealerOf(() => gone).seal({ version, wrapped }, { ...place, repo: null, name: "BEFORE" }, "lost");
		storage.sql.exec("UPDATE secret SET sealed = ?", sealed);
	});
	await set(path, "AFTER", { value: "new" });
	await set(place.path, "OWN", { value: "own" });
	expect(await given(place, ["AFTER", "OWN"])).toEqual({ AFTER: "new", OWN: "own" });
	const { body } = await rotate(place.owner);
	expect(body).toMatchObject({ dataKey: 3, unreadable: [{ repo: null, name: "BEFORE" }] });
	const run = await submit(place, [job("a", { secrets: ["BEFORE"] }), job("b")]);
	expect((await grantOf(await aRunner(place))).job.key).toBe("b");
	const shown = await send<{ jobs: { reason: string }[] }>("GET", `${place.path}/runs/${run.id}`);
	expect(shown.body.jobs[0]?.reason).toBe('the secret "BEFORE" cannot be opened: set it again');
});
