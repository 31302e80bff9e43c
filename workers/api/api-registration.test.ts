// Who becomes a runner, and how one is put out everywhere: tokens that register so many runners of certain pools until a certain time,
// and what is left to a runner that was removed or whose token was revoked.
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Grant } from "../../src/contracts/http/runner.ts";
import { ownerObjectName, poolObjectName } from "../../src/contracts/wire/object-name.ts";
import type { Place } from "./api-fixture.ts";
import {
	aRepo,
	aRunner,
	finish,
	grantOf,
	job,
	lease,
	makeToken,
	poolOf,
	refusal,
	send,
	submit,
} from "./api-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

const scopes = ["runner:register"] as const;
const registrar = ({ owner }: Place, rest: object = {}) => makeToken(owner, [...scopes], rest);

function register({ owner }: Place, { token }: { token: string }, { pool = "default", key = "", name = "one" } = {}) {
	const headers: Record<string, string> = key === "" ? {} : { "idempotency-key": key };
	return refusal("POST", `/v1/pools/${owner}/${pool}/runners`, { token, headers, body: { name } });
}

const ownerStub = ({ owner }: Place) => env.OWNER.get(env.OWNER.idFromName(ownerObjectName(owner)));
const poolStub = ({ owner }: Place) =>
	env.POOL.get(env.POOL.idFromName(poolObjectName({ owner, pool: "default", shard: 0 })));

describe("a token that registers runners", () => {
	it("[N210] registers as many as it counts, of many at once too, and says then that it is used up", async () => {
		const place = await aRepo();
		const token = await registrar(place, { uses: 3 });
		expect([token.uses, token.pools]).toEqual([3, null]);
		const answers = await Promise.all(Array.from({ length: 8 }, (_, at) => register(place, token, { key: `k${at}` })));
		expect(answers.sort()).toEqual([...Array(3).fill("201"), ...Array(5).fill("403 token-used-up")]);
		expect((await poolOf(place)).runners).toHaveLength(3);
		await evictDurableObject(ownerStub(place));
		expect(await register(place, token)).toBe("403 token-used-up");
		expect((await poolOf(place)).runners).toHaveLength(3);
	});

	it("[N210] counts a runner once however often it asks, and none that its pool did not take", async () => {
		const place = await aRepo();
		const token = await registrar(place, { uses: 2 });
		for (const status of ["201", "200", "200"]) expect(await register(place, token, { key: "same" })).toBe(status);
		// The key was used with another body: the pool refuses what would be the second.
		expect(await register(place, token, { key: "same", name: "two" })).toBe("422 idempotency-key-reused");
		expect(await register(place, token, { key: "another" })).toBe("201");
		expect(await register(place, token, { key: "third" })).toBe("403 token-used-up");
		expect(await register(place, token, { key: "same" })).toBe("200");
	});

	it("[N211] registers in its pools and nowhere else", async () => {
		const place = await aRepo();
		const other = await aRepo();
		const token = await registrar(place, { pools: ["linux", "mac", "linux"], uses: 9 });
		expect(token.pools).toEqual(["linux", "mac"]);
		expect(await register(place, token, { pool: "linux" })).toBe("201");
		expect(await register(place, token, { pool: "mac" })).toBe("201");
		expect(await register(place, token)).toBe("403 pools-limited");
		expect(await register(other, token, { pool: "linux" })).toBe("404 unknown");
		expect((await poolOf(place)).runners).toEqual([]);
	});

	it("[N211] a runner's token, or a lease's, registers no runner", async () => {
		const place = await aRepo();
		const runner = await aRunner(place);
		await submit(place, [job("a")]);
		const grant = await grantOf(runner);
		for (const { token } of [runner, grant.lease]) {
			for (const pool of ["default", "other"])
				expect(await register(place, { token }, { pool })).toBe("401 unauthorized");
		}
	});

	it("[N211] pools and a count are for a token that can do nothing else", async () => {
		const { owner } = await aRepo();
		const ask = (body: object) => refusal("POST", "/v1/tokens", { body: { owner, name: "x", ...body } });
		expect(await ask({ scopes: ["runner:register", "read"], pools: ["a"] })).toBe("400 pools");
		expect(await ask({ scopes: ["read"], uses: 1, pools: ["a"] })).toBe("400 pools, uses");
		for (const uses of [0, -1, 1.5, 1_001, "1", null])
			expect([uses, await ask({ scopes, uses })]).toEqual([uses, "400 uses"]);
		expect(await ask({ scopes, pools: [] })).toBe("400 pools");
		expect(await ask({ scopes, pools: ["A b"] })).toBe("400 pools[0]");
	});

	it("[N210] that has expired registers nobody, and that was revoked neither", async () => {
		const place = await aRepo();
		const short = await registrar(place, { uses: 5, expiresAt: new Date(Date.now() + 60_000).toISOString() });
		const revoked = await registrar(place, { uses: 5 });
		expect(await register(place, short)).toBe("201");
		expect(await register(place, revoked)).toBe("201");
		await send("DELETE", `/v1/tokens/${revoked.id}`);
		expect(await register(place, revoked)).toBe("401 unauthorized");
		vi.useFakeTimers({ toFake: ["Date"] });
		vi.setSystemTime(Date.now() + 61_000);
		expect(await register(place, short)).toBe("401 unauthorized");
	});
});

describe("a runner that was put out", () => {
	const leaseCalls = async (grant: Grant) => [
		await refusal("POST", "/v1/lease/start", { token: grant.lease.token, body: {} }),
		await refusal("POST", "/v1/lease/steps", { token: grant.lease.token, body: { steps: [] } }),
		await refusal("POST", "/v1/lease/id-token", { token: grant.lease.token, body: { audience: "a" } }),
		await refusal("POST", "/v1/lease/finish", { token: grant.lease.token, body: { outcome: "passed", logLength: 0 } }),
	];

	it("[N212] by its removal can do nothing more with its leases, and its jobs go to another, its pool evicted or not", async () => {
		for (const isEvicted of [false, true]) {
			const place = await aRepo();
			const runner = await aRunner(place, { capacity: 2 });
			await submit(place, [job("a"), job("b")]);
			const started = await grantOf(runner);
			await lease("start", started);
			const unstarted = await grantOf(runner, [started.lease.id]);
			if (isEvicted) await evictDurableObject(poolStub(place));
			await send("DELETE", `/v1/pools/${place.owner}/default/runners/${runner.id}`);
			if (isEvicted) await evictDurableObject(poolStub(place));
			const { token } = runner;
			expect(await refusal("POST", "/v1/runner/acquire", { token, body: { waitSeconds: 0 } })).toBe(
				"403 runner-removed",
			);
			expect(await refusal("POST", "/v1/runner/heartbeat", { token, body: { leases: [] } })).toBe("403 runner-removed");
			for (const grant of [started, unstarted])
				expect(await leaseCalls(grant)).toEqual(Array(4).fill("409 lease-stale"));
			const other = await aRunner(place, { capacity: 2 });
			const first = await grantOf(other);
			const second = await grantOf(other, [first.lease.id]);
			for (const grant of [first, second]) {
				await lease("start", grant);
				expect((await finish(grant)).status).toBe(200);
			}
		}
	});

	it("[N212] by the end of the token that registered it, though it never opened a session", async () => {
		const place = await aRepo();
		const token = await registrar(place);
		const call = { token: token.token, body: { name: "polls" } };
		const { body: runner } = await send<{ token: string }>("POST", `/v1/pools/${place.owner}/default/runners`, call);
		await submit(place, [job("a")]);
		const grant = await grantOf(runner);
		await lease("start", grant);
		await send("DELETE", `/v1/tokens/${token.id}`);
		const start = () => refusal("POST", "/v1/lease/start", { token: grant.lease.token, body: {} });
		await expect.poll(start, { timeout: 20_000 }).toBe("409 lease-stale");
		expect(await leaseCalls(grant)).toEqual(Array(4).fill("409 lease-stale"));
		const next = await grantOf(await aRunner(place));
		await lease("start", next);
		expect((await finish(next)).status).toBe(200);
	});
});
