// How many repositories, pools and tokens an owner may have: exact whoever asks at once, past an eviction, and without the read model.
import { evictAllDurableObjects } from "cloudflare:test";
import { expect, it } from "vitest";
import type { LimitUses } from "../../src/contracts/http/limit.ts";
import type { TokenMade } from "../../src/contracts/http/token.ts";
import { aToken, refusal, send } from "../api/api-fixture.ts";

let owners = 0;
const anOwner = () => `limited-${++owners}`;

async function set(owner: string, body: object): Promise<void> {
	expect((await send("PATCH", `/v1/owners/${owner}/limits`, { body })).status).toBe(200);
}

const put = (owner: string, repo: string) => refusal("PUT", `/v1/repos/${owner}/${repo}`, { body: {} });
const used = async (owner: string, name: string) =>
	(await send<LimitUses>("GET", `/v1/owners/${owner}/limits`)).body.items.find((item) => item.name === name)?.used;

it("[V27] repositories are made up to the limit, whoever asks at once and past an eviction; those that are there are set at any number", async () => {
	const owner = anOwner();
	await set(owner, { repositories: 2 });
	const words = await Promise.all(["a", "b", "c", "d"].map((repo) => put(owner, repo)));
	expect(words.sort()).toEqual(["200", "200", "429 limit-repositories", "429 limit-repositories"]);
	await evictAllDurableObjects();
	expect(await put(owner, "e")).toBe("429 limit-repositories");
	expect(await used(owner, "repositories")).toBe(2);
	// What was refused is not there, and what is there is no news.
	expect(await refusal("GET", `/v1/repos/${owner}/e`)).toBe("404 repository-unknown");
	const there = words.length > 0 && (await refusal("GET", `/v1/repos/${owner}/a`)) === "200" ? "a" : "b";
	await set(owner, { repositories: 0 });
	expect(await put(owner, there)).toBe("200");
	await set(owner, { repositories: 3 });
	expect(await put(owner, "f")).toBe("200");
	expect(await put(owner, "g")).toBe("429 limit-repositories");
});

it("[V27] pools are made by a setting or by a runner, up to the limit", async () => {
	const owner = anOwner();
	await set(owner, { pools: 1 });
	const register = (pool: string) => refusal("POST", `/v1/pools/${owner}/${pool}/runners`, { body: { name: "one" } });
	expect(await register("a")).toBe("201");
	expect([await register("b"), await register("a")]).toEqual(["429 limit-pools", "201"]);
	expect(await refusal("PATCH", `/v1/pools/${owner}/b`, { body: { paused: true } })).toBe("429 limit-pools");
});

it("[V27] tokens that were revoked, or have expired, make room", async () => {
	const owner = anOwner();
	await set(owner, { tokens: 1 });
	const body = { owner, name: "x", scopes: ["read"] };
	const made = await send<TokenMade>("POST", "/v1/tokens", { body });
	expect(made.status).toBe(201);
	expect(await refusal("POST", "/v1/tokens", { body })).toBe("429 limit-tokens");
	expect((await send("DELETE", `/v1/tokens/${made.body.id}`)).status).toBe(204);
	expect(await refusal("POST", "/v1/tokens", { body })).toBe("201");
});

it("[V24] an owner's secrets are taken up to the limit; one that is there is set at any number", async () => {
	const owner = anOwner();
	await set(owner, { "owner-secrets": 1 });
	const setSecret = (name: string) => refusal("PUT", `/v1/owners/${owner}/secrets/${name}`, { body: { value: "x" } });
	expect([await setSecret("A"), await setSecret("B"), await setSecret("A")]).toEqual([
		"204",
		"429 limit-owner-secrets",
		"204",
	]);
	expect(await used(owner, "owner-secrets")).toBe(1);
	expect(await refusal("DELETE", `/v1/owners/${owner}/secrets/A`)).toBe("204");
	expect(await setSecret("B")).toBe("204");
});

it("[V25] an owner's limits are seen by whoever may read the owner, and set by the operator alone", async () => {
	const owner = anOwner();
	const [admin, other] = [await aToken(owner, ["admin", "read"]), await aToken("somebody-else", ["read"])];
	const path = `/v1/owners/${owner}/limits`;
	expect(await refusal("GET", path, { token: admin })).toBe("200");
	expect(await refusal("GET", path, { token: other })).toBe("404 unknown");
	expect(await refusal("PATCH", path, { token: admin, body: { pools: 9 } })).toBe("403 operator-only");
	expect(await refusal("PATCH", path, { body: { "waiting-jobs": 9 } })).toMatch(/^400/);
	await set(owner, { pools: 9 });
	const put = await send<LimitUses>("PUT", path, { body: {} });
	expect(put.body.items.find(({ name }) => name === "pools")?.limit).toBe(500);
});

it("[V32] runners of all pools are taken up to the limit, whoever asks at once and past an eviction; a key counts once, and a removal makes room", async () => {
	const owner = anOwner();
	await set(owner, { runners: 2 });
	const path = (pool: string) => `/v1/pools/${owner}/${pool}/runners`;
	const register = (pool: string, key: string) =>
		refusal("POST", path(pool), { body: { name: "one" }, headers: { "Idempotency-Key": key } });
	const words = await Promise.all(["a", "b", "c", "d"].map((pool) => register(pool, `key-of-${pool}`)));
	expect(words.toSorted()).toEqual(["201", "201", "429 limit-runners", "429 limit-runners"]);
	await evictAllDurableObjects();
	expect(await register("e", "key-of-e")).toBe("429 limit-runners");
	expect(await used(owner, "runners")).toBe(2);
	const there = ["a", "b", "c", "d"][words.indexOf("201")] ?? "";
	const again = await send<{ id: string }>("POST", path(there), {
		body: { name: "one" },
		headers: { "Idempotency-Key": `key-of-${there}` },
	});
	expect(again.status).toBe(200);
	expect(await used(owner, "runners")).toBe(2);
	expect(await refusal("DELETE", `${path(there)}/${again.body.id}`)).toBe("204");
	expect(await register("e", "key-of-e")).toBe("201");
	expect(await register("f", "key-of-f")).toBe("429 limit-runners");
});
