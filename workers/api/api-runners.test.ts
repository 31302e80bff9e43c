// Single runners through the front door: drained, removed, and registered under a key.
import { describe, expect, it } from "vitest";
import type { AuditRecord } from "../../src/contracts/http/audit.ts";
import type { Registered, RunnerFigures } from "../../src/contracts/http/runner.ts";
import { aRepo, aRunner, aToken, finish, grantOf, job, lease, poolOf, refusal, send, submit } from "./api-fixture.ts";
import type { Place } from "./api-fixture.ts";

const runnerPath = ({ owner }: Place, { id }: { id: string }) => `/v1/pools/${owner}/default/runners/${id}`;

async function actsOf({ owner }: Place): Promise<string[]> {
	const { body } = await send<{ items: AuditRecord[] }>("GET", `/v1/audit?owner=${owner}&limit=100`);
	return body.items.filter(({ action }) => action.startsWith("runner-")).map(({ action }) => action);
}

describe("one runner", () => {
	it("[B22] is drained by an admin, finishes what it holds, and works on when it is told to", async () => {
		const place = await aRepo();
		const token = await aToken(place.owner, ["admin"]);
		const runner = await aRunner(place, { capacity: 2 });
		await submit(place, [job("a"), job("b")]);
		const grant = await grantOf(runner);
		await lease("start", grant);
		const set = (draining: boolean) =>
			send<RunnerFigures>("PATCH", runnerPath(place, runner), { token, body: { draining } });
		expect(await set(true)).toMatchObject({ status: 200, body: { id: runner.id, state: "draining", leases: 1 } });
		const heartbeat = { token: runner.token, body: { leases: [grant.lease.id] } };
		expect((await send("POST", "/v1/runner/heartbeat", heartbeat)).body).toMatchObject({ draining: true });
		const poll = { token: runner.token, body: { waitSeconds: 0, leases: [grant.lease.id] } };
		expect((await send("POST", "/v1/runner/acquire", poll)).status).toBe(204);
		expect((await finish(grant)).body.job.outcome).toBe("passed");
		expect((await set(false)).body.state).toBe("idle");
		expect((await grantOf(runner)).job.key).toBe("b");
	});

	it("[B23] that is removed is refused with every call, and its lease is over", async () => {
		const place = await aRepo();
		const runner = await aRunner(place);
		await submit(place, [job("a")]);
		const grant = await grantOf(runner);
		await lease("start", grant);
		expect((await send("DELETE", runnerPath(place, runner))).status).toBe(204);
		const { token } = runner;
		const answers = [
			await refusal("POST", "/v1/runner/acquire", { token, body: { waitSeconds: 0 } }),
			await refusal("POST", "/v1/runner/heartbeat", { token, body: { leases: [] } }),
			await refusal("GET", "/v1/runner/session", { token, headers: { upgrade: "websocket" } }),
		];
		expect(answers).toEqual(Array(3).fill("403 runner-removed"));
		expect((await finish(grant)).headers.get("lease-state")).toBe("lost");
		expect((await poolOf(place)).runners).toEqual([]);
		expect((await send("DELETE", runnerPath(place, runner))).status).toBe(204);
		await expect.poll(() => actsOf(place)).toEqual(["runner-remove", "runner-register"]);
	});

	it("[W25] that was for one job is unknown after it", async () => {
		const place = await aRepo();
		const runner = await aRunner(place, { ephemeral: true });
		await submit(place, [job("a"), job("b")]);
		const grant = await grantOf(runner);
		await lease("start", grant);
		await finish(grant);
		await expect.poll(async () => (await poolOf(place)).runners).toEqual([]);
		const { token } = runner;
		expect(await refusal("POST", "/v1/runner/acquire", { token, body: { waitSeconds: 0 } })).toBe("404 runner-unknown");
	});

	it("[B22] [B23] is left alone by who may not, and by what cannot be", async () => {
		const place = await aRepo();
		const runner = await aRunner(place);
		const path = runnerPath(place, runner);
		const registrar = await aToken(place.owner, ["read", "write", "runner:register"]);
		const stranger = await aToken(`not-${place.owner}`, ["admin"]);
		for (const [token, says] of [
			[registrar, "403 scope-missing"],
			[stranger, "404 unknown"],
			[runner.token, "401 unauthorized"],
		] as const) {
			expect(await refusal("PATCH", path, { token, body: { draining: true } })).toBe(says);
			expect(await refusal("DELETE", path, { token })).toBe(says);
		}
		for (const body of [{ draining: "yes" }, { drain: true }]) {
			expect(await refusal("PATCH", path, { body })).toBe(`400 ${Object.keys(body)[0]}`);
		}
		expect(await refusal("PATCH", `${path}x`, { body: { draining: true } })).toBe("404 runner-unknown");
		expect((await send("DELETE", `${path}x`)).headers.get("spillway-absent")).toBe("true");
		expect((await poolOf(place)).runners).toMatchObject([{ state: "idle" }]);
	});
});

describe("a registration under a key", () => {
	const register = ({ owner }: Place, body: object, key: string) =>
		send<Registered>("POST", `/v1/pools/${owner}/default/runners`, { body, headers: { "idempotency-key": key } });

	it("[A19] makes one runner, and gives the same token again; with another body the key is refused", async () => {
		const place = await aRepo();
		const first = await register(place, { name: "one", labels: ["x"] }, "k1");
		const again = await register(place, { name: "one", labels: ["x"] }, "k1");
		expect([first.status, again.status, again.headers.get("idempotency-replayed")]).toEqual([201, 200, "true"]);
		expect(again.body).toEqual(first.body);
		expect(first.headers.get("idempotency-replayed")).toBeNull();
		const reused = { body: { name: "two", labels: ["x"] }, headers: { "idempotency-key": "k1" } };
		expect(await refusal("POST", `/v1/pools/${place.owner}/default/runners`, reused)).toBe(
			"422 idempotency-key-reused",
		);
		expect((await register(place, { name: "one", labels: ["x"] }, "k2")).body.id).not.toBe(first.body.id);
		expect((await register(await aRepo(), { name: "one", labels: ["x"] }, "k1")).body.id).not.toBe(first.body.id);
		expect((await poolOf(place)).runners).toHaveLength(2);
		await expect.poll(() => actsOf(place)).toEqual(["runner-register", "runner-register"]);
	});

	it("[A19] gives a one-job runner no second job once the first is over", async () => {
		const place = await aRepo();
		const request = { name: "one", ephemeral: true };
		const { body: runner } = await register(place, request, "k1");
		await submit(place, [job("a"), job("b")]);
		const grant = await grantOf(runner);
		await lease("start", grant);
		await finish(grant);
		await expect.poll(async () => (await poolOf(place)).runners).toEqual([]);
		const again = await register(place, request, "k1");
		expect([again.status, again.body]).toEqual([200, runner]);
		const poll = { token: runner.token, body: { waitSeconds: 0 } };
		expect(await refusal("POST", "/v1/runner/acquire", poll)).toBe("404 runner-unknown");
	});
});
