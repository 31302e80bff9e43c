// Streams that are open when their token ends: each ends too, for its reason, and no other does.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import type { Grant, Registered } from "../../src/contracts/http/runner.ts";
import { moveClock } from "../testing/clock-fixture.ts";
import {
	aRepo,
	aRunner,
	append,
	fetchRaw,
	makeToken,
	refusal,
	send,
	submit,
	job,
	finish,
	lease,
	poolOf,
} from "./api-fixture.ts";
import type { Place } from "./api-fixture.ts";
import { open, textOf, upgrade, watched } from "./streams-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

const revoke = async (id: string) => expect((await send("DELETE", `/v1/tokens/${id}`)).status).toBe(204);
const revoked = "4401 The token was revoked.";

it("[A45] sockets that an object holds end with their token, revoked or expired, within half a minute; others stay", async () => {
	const { place, objects, paths } = await watched();
	const brief = { expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
	for (const what of ["log", "feed"] as const) {
		const [gone, expiring, good] = [
			await makeToken(place.owner, ["read"]),
			await makeToken(place.owner, ["read"], brief),
			await makeToken(place.owner, ["read"]),
		];
		const [first, second, third] = [
			await open(paths[what], gone.token),
			await open(paths[what], expiring.token),
			await open(paths[what], good.token),
		];
		const alarm = await runInDurableObject(objects[what], (_, { storage }) => storage.getAlarm());
		expect(alarm).toBeLessThanOrEqual(Date.now() + 30_000);
		await revoke(gone.id);
		await runDurableObjectAlarm(objects[what]);
		expect(await first.closed).toBe(revoked);
		expect(second.isOpen()).toBe(true);
		moveClock(3_600_001);
		await runDurableObjectAlarm(objects[what]);
		expect(await second.closed).toBe("4401 The token has expired.");
		expect(third.isOpen()).toBe(true);
		vi.useRealTimers();
	}
});

it("[A45] event streams, and sockets that the Worker ends, say why and give nothing more", async () => {
	const { place, grant, paths } = await watched();
	const { token, id } = await makeToken(place.owner, ["read"]);
	const streams = await Promise.all([paths.log, paths.job, paths.feed].map((path) => fetchRaw("GET", path, { token })));
	const socket = await open(paths.job, token);
	const texts = Promise.all(streams.map(textOf));
	await revoke(id);
	expect((await append(grant, 0, "secret")).status).toBe(204);
	expect((await send("POST", `${place.path}/jobs/${grant.job.id}/cancel`)).status).toBeLessThan(300);
	expect(await socket.closed).toBe(revoked);
	for (const text of await texts) {
		expect(text).toMatch(/event: token-ended\ndata: \{"detail":"The token was revoked\."\}\n\n$/);
		expect(text).not.toContain("secret");
	}
	expect(await refusal("GET", paths.log, { token })).toBe("401 unauthorized");
});

/** Registered by a token of the owner's. */
async function registered({ owner }: Place) {
	const { token, id } = await makeToken(owner, ["runner:register"]);
	const body = { name: "r" };
	const runner = (await send<Registered>("POST", `/v1/pools/${owner}/default/runners`, { token, body })).body;
	return { id, token, runner };
}

const ownerAlarm = ({ owner }: Place) => runDurableObjectAlarm(env.OWNER.get(env.OWNER.idFromName(owner)));

it("[W63] a session ends when the token that registered its runner is revoked, and its lease is over", async () => {
	const place = await aRepo();
	const [mine, other] = [await registered(place), await registered(place)];
	const held = await open("/v1/runner/session", mine.runner.token);
	const stays = await open("/v1/runner/session", other.runner.token);
	held.send(JSON.stringify({ type: "hello", instanceId: "i1", capacity: 1, leases: [] }));
	await submit(place, [job("a")]);
	await vi.waitFor(() => expect(held.heard).toHaveLength(1), { timeout: 5_000 });
	const { grant } = JSON.parse(held.heard[0] ?? "") as { grant: Grant };
	expect((await lease("start", grant)).status).toBe(200);
	await revoke(mine.id);
	await ownerAlarm(place);
	expect(await held.closed).toBe(revoked);
	expect(stays.isOpen()).toBe(true);
	expect((await finish(grant)).headers.get("lease-state")).toBe("lost");
	expect((await poolOf(place)).runners.map(({ id }) => id)).toEqual([other.runner.id]);
	const again = { token: mine.runner.token, headers: upgrade };
	expect(await refusal("GET", "/v1/runner/session", again)).toBe("401 unauthorized");
});

it("[B24] a revoked registration token puts out the runners that it registered, and no others", async () => {
	const place = await aRepo();
	const [mine, other, operators] = [await registered(place), await registered(place), await aRunner(place)];
	const acquire = (token: string) => refusal("POST", "/v1/runner/acquire", { token, body: { waitSeconds: 0 } });
	const beat = (token: string) => refusal("POST", "/v1/runner/heartbeat", { token, body: { leases: [] } });
	expect(await acquire(mine.runner.token)).toBe("204");
	await revoke(mine.id);
	expect(await acquire(mine.runner.token)).toBe("401 unauthorized");
	expect(await beat(mine.runner.token)).toBe("401 unauthorized");
	expect(
		await refusal("POST", `/v1/pools/${place.owner}/default/runners`, { token: mine.token, body: { name: "r" } }),
	).toBe("401 unauthorized");
	for (const token of [other.runner.token, operators.token]) expect(await acquire(token)).toBe("204");
});
