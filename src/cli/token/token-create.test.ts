import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeApi } from "../../testing/fake-api.ts";
import { run } from "../../testing/fake-terminal.ts";

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

describe("token create", () => {
	const words = ["token", "create", "acme", "--name", "runners", "--scope", "runner:register"];

	it("[N211] sends the pools, with their owner or without, and the count", async () => {
		api.on("POST /v1/tokens", { status: 201, json: { id: "tk1", token: "spw_access_x" } });
		const shown = await run(api, [...words, "--pool", "linux,acme/mac", "--uses", "1"]);
		expect(shown).toEqual({ code: 0, out: "spw_access_x\n", err: "" });
		const body = { owner: "acme", name: "runners", scopes: ["runner:register"], pools: ["linux", "mac"], uses: 1 };
		expect(api.calls.map(({ json }) => json)).toEqual([body]);
	});

	it("[N211] takes no other owner's pool and no count that is none", async () => {
		for (const more of [
			["--pool", "other/linux"],
			["--uses", "0"],
			["--uses", "x"],
		]) {
			expect([more, (await run(api, [...words, ...more])).code]).toEqual([more, 2]);
		}
		expect(api.calls).toEqual([]);
	});
});
