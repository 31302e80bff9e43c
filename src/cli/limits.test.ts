import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/fake-terminal.ts";

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

const items = [
	{ name: "waiting-jobs", unit: "jobs", limit: 50_000, used: 12, resetsAt: null },
	{ name: "runs-per-minute", unit: "runs a minute", limit: 3_000, used: 2_999, resetsAt: "2026-01-15T12:01:00.000Z" },
	{ name: "log-viewers", unit: "viewers", limit: 5_000, used: null, resetsAt: null },
];
const path = "/v1/repos/acme/web/limits";

it("[V26] shows each limit, what is used of it and when all of it is back, within 80 columns; as JSON what the server said", async () => {
	api.on(`GET ${path}`, { json: { items } });
	const { code, out } = await run(api, ["limits", "acme/web"], { columns: 80 });
	expect([code, out]).toEqual([
		0,
		[
			"limit            used  of     unit           all back at",
			"waiting-jobs     12    50000  jobs           -",
			"runs-per-minute  2999  3000   runs a minute  2026-01-15T12:01:00.000Z",
			"log-viewers      -     5000   viewers        -",
			"",
		].join("\n"),
	]);
	for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
	expect(JSON.parse((await run(api, ["--json", "limits", "acme/web"])).out)).toEqual(items);
});

it("[V26] the operator sets those that are said, and what is no limit is a usage error that sends nothing", async () => {
	api.on(`PATCH ${path}`, { json: { items } });
	const words = ["limits", "acme/web", "--set", "waiting-jobs=70000", "--set", "secrets=default"];
	expect((await run(api, words)).code).toBe(0);
	expect(api.calls.map(({ json }) => json)).toEqual([{ "waiting-jobs": 70_000, secrets: null }]);
	for (const wrong of ["waiting-jobs", "waiting-jobs=", "waiting-jobs=-1", "=3", "a=1e9"])
		expect((await run(api, ["limits", "acme/web", "--set", wrong])).code).toBe(2);
	expect(api.calls).toHaveLength(1);
});
