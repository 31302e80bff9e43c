import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeApi } from "../../testing/fake-api.ts";
import { run } from "../../testing/fake-terminal.ts";

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

const slice = (counts: object, nextCursor: string | null, repo: string | null) => ({
	json: { owner: "acme", repo, ...{ right: 0, written: 0, removed: 0 }, ...counts, nextCursor },
});

it("[M9] an owner's rebuild goes through all slices and sums up what they did", async () => {
	const path = "POST /v1/owners/acme/projection/rebuild";
	const answers = () => [
		slice({ written: 2 }, "c1", null),
		slice({ right: 5, written: 1, removed: 3 }, "c2", "web"),
		slice({ right: 1 }, null, "web"),
	];
	api.on(path, ...answers());
	const said = "acme: 6 rows were right, 3 written, 3 removed\n";
	expect(await run(api, ["projection", "rebuild", "acme"])).toEqual({ code: 0, out: said, err: "" });
	expect(api.calls.map(({ json }) => json)).toEqual([{}, { cursor: "c1" }, { cursor: "c2" }]);
	api.on(path, ...answers());
	const { out } = await run(api, ["projection", "rebuild", "acme", "--json"]);
	expect(JSON.parse(out)).toEqual({ owner: "acme", repo: null, right: 6, written: 3, removed: 3 });
});

it("[M9] a repository's rebuild asks for that repository alone; half a name is a usage error", async () => {
	api.on("POST /v1/repos/acme/web/projection/rebuild", slice({ right: 7 }, null, "web"));
	const { out } = await run(api, ["projection", "rebuild", "acme/web"]);
	expect(out).toBe("acme/web: 7 rows were right, 0 written, 0 removed\n");
	expect((await run(api, ["projection", "rebuild", "acme/"])).code).toBe(2);
	expect(api.calls).toHaveLength(1);
});
