// A pool's settings through the front door.
import { expect, it } from "vitest";
import type { PoolFigures } from "../../src/contracts/http/runner.ts";
import { aRepo, aRunner, aToken, grantOf, job, poolOf, refusal, send, submit } from "./api-fixture.ts";

it("[B9] an admin changes what is named, and the figures show it", async () => {
	const place = await aRepo();
	const token = await aToken(place.owner, ["admin"]);
	const path = `/v1/pools/${place.owner}/big`;
	const patch = async (body: object) => {
		const { status, body: figures } = await send<PoolFigures>("PATCH", path, { token, body });
		const { paused, pauseNote, draining } = figures;
		return [status, paused, pauseNote, draining];
	};
	expect(await patch({})).toEqual([200, false, null, false]);
	expect(await patch({ paused: true, pauseNote: "new disks" })).toEqual([200, true, "new disks", false]);
	expect(await patch({ draining: true })).toEqual([200, true, "new disks", true]);
	expect(await patch({ paused: false, pauseNote: null })).toEqual([200, false, null, true]);
	expect(await poolOf(place, "big")).toMatchObject({ paused: false, draining: true, runners: [] });
	expect((await send("GET", `/v1/pools/${place.owner}`)).body).toMatchObject({
		items: [{ pool: "big", draining: true }],
	});
});

it("[B9] who may not, and what cannot be, is refused and changes nothing", async () => {
	const place = await aRepo();
	const path = `/v1/pools/${place.owner}/default`;
	const writer = await aToken(place.owner, ["read", "write", "runner:register"]);
	const stranger = await aToken(`not-${place.owner}`, ["admin"]);
	const some = await aToken(place.owner, ["admin"], { repos: ["web"] });
	for (const [token, says] of [
		[writer, "403 scope-missing"],
		[stranger, "404 unknown"],
		[some, "403 repositories-limited"],
	] as const) {
		expect(await refusal("PATCH", path, { token, body: { paused: true } })).toBe(says);
	}
	for (const body of [{ paused: "yes" }, { paused: null }, { pause: true }, { pauseNote: 1 }]) {
		expect(await refusal("PATCH", path, { body })).toBe(`400 ${Object.keys(body)[0]}`);
	}
	await submit(place, [job("a")]);
	expect((await grantOf(await aRunner(place))).job.key).toBe("a");
});
