// `spillway job cancel` against an API on loopback: one job, many, and nothing by mistake.
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeApi } from "../../testing/fake-api.ts";
import { run } from "../../testing/fake-terminal.ts";
import { aWireJob } from "../../testing/wire-builders.ts";

const cancel = ["job", "cancel", "acme/web"];
const at = "/v1/repos/acme/web/cancel";

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

it("[B21] sends what is to match, and shows which jobs these are", async () => {
	const items = [
		{ job: "j1", run: "r1", key: "test", state: "waiting" },
		{ job: "j2", run: "r1", key: "a", state: "blocked" },
	];
	api.on(`POST ${at}`, { json: { items, canceled: 0, truncated: false, dryRun: true } });
	const words = ["--state", "waiting,blocked", "--label", "gpu", "--ref", "main", "--dry-run", "--reason", "outage"];
	const { code, out } = await run(api, [...cancel, ...words]);
	expect({ code, out }).toEqual({ code: 0, out: "waiting  test  j1\nblocked  a     j2\nwould cancel 2 jobs\n" });
	expect(api.calls[0]?.json).toEqual({
		...{ state: ["waiting", "blocked"], label: "gpu", ref: "main", dryRun: true, reason: "outage" },
	});
});

it("[B21] says how many were canceled, and that there are more", async () => {
	const items = [{ job: "j1", run: "r1", key: "a", state: "running" }];
	api.on(`POST ${at}`, { status: 202, json: { items, canceled: 1, truncated: true, dryRun: false } });
	const { out } = await run(api, [...cancel, "--state", "running"]);
	expect(out).toBe("running  a  j1\ncanceled 1 job; there is more: ask again\n");
	expect(api.calls[0]?.json).toEqual({ state: ["running"] });
});

it("[B21] one job by its id, as ever", async () => {
	const job = aWireJob("test", { state: "canceling", outcome: null });
	api.on(`POST /v1/repos/acme/web/jobs/${job.id}/cancel`, { status: 202, json: job });
	const { code, out } = await run(api, [...cancel, job.id, "--force"]);
	expect({ code, out }).toEqual({ code: 0, out: `job test ${job.id} canceling\n` });
	expect(api.calls[0]?.json).toEqual({ force: true });
});

it.each([
	[[]],
	[["--label", "gpu"]],
	[["--dry-run"]],
	[["--state", "waiting", "--force"]],
	[["j1", "--state", "waiting"]],
	[["j1", "--dry-run"]],
])("[B21] %j sends nothing", async (words) => {
	const { code } = await run(api, [...cancel, ...words]);
	expect([code, api.calls]).toEqual([2, []]);
});
