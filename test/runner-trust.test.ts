// Tokens that register so many runners of one pool, as their operator uses them: with real runners, one of which is killed.
import { afterAll, beforeAll, expect, it } from "vitest";
import { RunnerRig } from "./runner-rig.ts";

let rig: RunnerRig;
beforeAll(async () => {
	rig = await RunnerRig.open();
});
afterAll(() => rig.close());

const idsOf = async (pool: string) => (await rig.client.pools.get({ owner: "acme", pool })).runners.map(({ id }) => id);

it("[N210] a token for one runner registers that one, also killed and started again, and tells a second one why not", async () => {
	const scopes: ["runner:register"] = ["runner:register"];
	const bounds = { owner: "acme", name: "one", scopes, pools: ["trust"], uses: 1 };
	const { token } = await rig.client.tokens.create(bounds);
	const environment = { SPILLWAY_TOKEN: token };
	const first = rig.runner("trust", { environment });
	await rig.said(first, "session-open");
	const ids = await idsOf("trust");
	expect(ids).toHaveLength(1);
	first.process.kill("SIGKILL");
	await first.end();
	const again = rig.runner("trust", { environment });
	await rig.said(again, "session-open");
	const [job] = await rig.finished("trust", await rig.submit("trust", [{ key: "a", run: "true" }]));
	expect([job?.outcome, await idsOf("trust")]).toEqual(["passed", ids]);
	const second = rig.runner("trust", { environment, workDir: "trust-2" });
	expect(await second.end()).toBe(4);
	expect(second.complaint).toContain("The token has registered as many runners as it may, which is 1");
	const elsewhere = rig.runner("other", { environment });
	expect(await elsewhere.end()).toBe(4);
	expect(elsewhere.complaint).toContain("The token registers runners in these pools alone: trust.");
	expect([await idsOf("trust"), await idsOf("other")]).toEqual([ids, []]);
});
