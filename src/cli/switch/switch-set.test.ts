import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeApi } from "../../testing/fake-api.ts";
import { run } from "../../testing/fake-terminal.ts";

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

const all = { acceptRuns: true, dispatch: true, spill: "auto", archive: false, project: true };

it("[M14] one switch is set by its name, and all are shown as they stand", async () => {
	api.on("PATCH /v1/switches", { json: all });
	api.on("GET /v1/switches", { json: all });
	const shown = "acceptRuns  on\ndispatch    on\nspill       auto\narchive     off\nproject     on\n";
	expect(await run(api, ["switch", "set", "archive", "off"])).toEqual({ code: 0, out: shown, err: "" });
	await run(api, ["switch", "set", "spill", "always"]);
	expect(api.calls.map(({ json }) => json)).toEqual([{ archive: false }, { spill: "always" }]);
	expect((await run(api, ["switch", "show"])).out).toBe(shown);
});

it("[M14] what is no switch, or no value of it, is a usage error, and nothing is sent", async () => {
	for (const words of [
		["set", "archives", "off"],
		["set", "archive", "always"],
		["set", "spill", "on"],
		["set", "archive"],
	]) {
		expect((await run(api, ["switch", ...words])).code).toBe(2);
	}
	expect(api.calls).toEqual([]);
});
