// `spillway id-token`, as a job calls it.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/fake-terminal.ts";

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

const words = ["id-token", "--audience", "sts.amazonaws.com"];
const made = { token: "eyJ.a.b", expiresAt: "2026-11-27T12:10:00.000Z" };

describe("id-token", () => {
	it("[N200] prints the token alone, asked for with the lease's token and no other", async () => {
		api.on("POST /v1/lease/id-token", { json: made });
		const environment = { SPILLWAY_URL: api.url, SPILLWAY_LEASE_TOKEN: "spw_lease_x", SPILLWAY_TOKEN: "a-token" };
		expect(await run(api, words, { environment })).toEqual({ code: 0, out: "eyJ.a.b\n", err: "" });
		expect(api.calls.map(({ json, headers }) => [json, headers.authorization])).toEqual([
			[{ audience: "sts.amazonaws.com" }, "Bearer spw_lease_x"],
		]);
		const shown = await run(api, [...words, "--json"], { environment });
		expect(JSON.parse(shown.out)).toEqual(made);
	});

	it("[N200] says that only a job has one, and what a server that gives none says", async () => {
		const outside = await run(api, words);
		expect([outside.code, outside.out]).toEqual([2, ""]);
		expect(outside.err).toContain("only a job has an identity");
		const json = { status: 409, code: "identity-off", title: "identity off", detail: "no keys", requestId: "r" };
		api.on("POST /v1/lease/id-token", { status: 409, headers: { "content-type": "application/problem+json" }, json });
		const environment = { SPILLWAY_URL: api.url, SPILLWAY_LEASE_TOKEN: "spw_lease_x" };
		const refused = await run(api, words, { environment });
		expect([refused.code, refused.out, api.calls.length]).toEqual([4, "", 1]);
	});
});
