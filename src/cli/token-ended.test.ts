// A token that is revoked while a command follows something with it: the server ends the stream with 4401, and refuses the next.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/fake-terminal.ts";
import { aWireAttempt, aWireJob, aWireRun } from "../testing/wire-builders.ts";

const web = "/v1/repos/acme/web";
const { id } = aWireRun();
const attempts = [aWireAttempt({ outcome: null })];
const job = aWireJob("test", { state: "running", outcome: null, attempts });
const unauthorized = { code: "unauthorized", detail: "The token was revoked.", requestId: "q" };

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
	api.isRevoked = true;
	api.logs.set(job.id, [
		{ type: "attempt", number: 1 },
		{ type: "output", offset: 0, next: 6, text: "begun\n" },
	]);
});
afterEach(() => api.close());

describe("a token that is revoked", () => {
	it("[N189] ends job log -f with 4 and that word, after what came before", async () => {
		api.on(`GET ${web}/jobs/${job.id}`, { status: 401, json: unauthorized });
		const { code, out, err } = await run(api, ["job", "log", "acme/web", job.id, "-f"]);
		expect([code, out]).toEqual([4, "begun\n"]);
		expect(err).toMatch(/^spillway: unauthorized: The token was revoked\. \(spillway doctor [^\n]+\n$/);
	});

	it.each([[["run", "watch", "acme/web", id]], [["run", "watch", "acme/web", id, "--json"]]])(
		"[N189] ends %j so too",
		async (words) => {
			const shown = aWireRun({ state: "running", outcome: null, jobs: [job] });
			api.on(`GET ${web}/runs/${id}`, { json: shown }, { status: 401, json: unauthorized });
			api.on(`GET ${web}/jobs/${job.id}`, { status: 401, json: unauthorized });
			const { code, out, err } = await run(api, words);
			expect(code).toBe(4);
			expect(out).toContain("begun");
			expect(err).toMatch(/^spillway: unauthorized: The token was revoked\. \(spillway doctor [^\n]+\n$/m);
		},
	);
});
