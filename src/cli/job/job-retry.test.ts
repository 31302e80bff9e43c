// `spillway job retry` against an API on loopback: one job, many, and nothing by mistake.
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeApi } from "../../testing/fake-api.ts";
import { run } from "../../testing/fake-terminal.ts";
import { aWireJob } from "../../testing/wire-builders.ts";

const retry = ["job", "retry", "acme/web"];
const at = "/v1/repos/acme/web/retry";

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

it("[B4] sends what is to match, times from now included, and shows which jobs these are", async () => {
	const items = [
		{ job: "j1", run: "r1", key: "test", outcome: "timed-out" },
		{ job: "j2", run: "r1", key: "a", outcome: "failed" },
	];
	api.on(`POST ${at}`, { json: { items, retried: 0, truncated: false, archived: 3, dryRun: true } });
	const from = Date.now();
	const words = ["--outcome", "failed,timed-out", "--since", "2h", "--label", "gpu", "--ref", "main", "--dry-run"];
	const { code, out } = await run(api, [...retry, ...words, "--reason", "why not"]);
	const summary = "would retry 2 jobs; 3 more are in the archive: a run of them is retried by its id";
	expect({ code, out }).toEqual({ code: 0, out: `timed-out  test  j1\nfailed     a     j2\n${summary}\n` });
	const [call] = api.calls;
	const { since, ...sent } = (call?.json ?? { since: "" }) as { since: string };
	expect(sent).toEqual({
		...{ outcome: ["failed", "timed-out"], label: "gpu", ref: "main", dryRun: true, reason: "why not" },
	});
	expect(Date.parse(since)).toBeGreaterThanOrEqual(from - 7_200_000);
	expect(Date.parse(since)).toBeLessThanOrEqual(Date.now() - 7_200_000);
});

it("[B4] says how many were retried, and that there are more", async () => {
	const items = [{ job: "j1", run: "r1", key: "a", outcome: "lost" }];
	api.on(`POST ${at}`, { status: 202, json: { items, retried: 1, truncated: true, archived: 0, dryRun: false } });
	const { out } = await run(api, [...retry, "--outcome", "lost"]);
	expect(out).toBe("lost  a  j1\nretried 1 job; there is more: ask again, or narrow it\n");
});

it("[B4] one job by its id, as ever", async () => {
	const job = aWireJob("test", { state: "waiting", outcome: null });
	api.on(`POST /v1/repos/acme/web/jobs/${job.id}/retry`, { status: 202, json: job });
	const { code, out } = await run(api, [...retry, job.id, "--reason", "flaky"]);
	expect({ code, out }).toEqual({ code: 0, out: `job test ${job.id} waiting\n` });
	expect(api.calls[0]?.json).toEqual({ reason: "flaky" });
});

it.each([
	["neither", retry],
	["a dry run of everything", [...retry, "--dry-run"]],
	["both", [...retry, "j1", "--outcome", "failed"]],
	["a job's dry run", [...retry, "j1", "--dry-run"]],
	["no time", [...retry, "--since", "yesterday"]],
])("[B4] %s is a usage error, and nothing is sent", async (_, words) => {
	const { code } = await run(api, words);
	expect({ code, calls: api.calls }).toEqual({ code: 2, calls: [] });
});
