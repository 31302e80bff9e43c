// What a job waits for, its position and when it may start, as text shows them and as a watch tells of them.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Job } from "../../contracts/http/run.ts";
import { FakeApi } from "../../testing/fake-api.ts";
import { run } from "../../testing/fake-terminal.ts";
import { aWireAttempt, aWireJob, aWireRun } from "../../testing/wire-builders.ts";
import { waitingText } from "../waiting-text.ts";
import { Waits } from "./waits.ts";

const web = "/v1/repos/acme/web";
const noon = Date.parse("2026-05-01T12:00:00.000Z");
const busy = {
	code: "runners-busy" as const,
	detail: "all are busy",
	position: null,
	since: "",
	expectedStartAt: null,
};
const { id } = aWireRun();

function waits(key: string, waiting: Partial<NonNullable<Job["waiting"]>> = {}, rest: Partial<Job> = {}): Job {
	return aWireJob(key, {
		...{ state: "waiting", outcome: null, attempts: [], waiting: { ...busy, ...waiting } },
		...rest,
	});
}

it.each([
	[{}, "runners-busy: all are busy"],
	[{ position: 3 }, "runners-busy, position 3: all are busy"],
	[
		{ position: 1, expectedStartAt: "2026-05-01T12:01:30.000Z" },
		"runners-busy, position 1, may start in about 1 m 30 s: all are busy",
	],
	[{ expectedStartAt: "2026-05-01T11:59:00.000Z" }, "runners-busy, may start any moment: all are busy"],
])("[X34] a wait of %o is said as it is known", (waiting, text) => {
	expect(waitingText({ ...busy, ...waiting }, noon)).toBe(text);
});

describe("commands", () => {
	let api: FakeApi;
	beforeEach(async () => {
		api = new FakeApi();
		await api.open();
	});
	afterEach(() => api.close());

	it("[X34] run show and job list ask for the positions of the first five that wait, job show for its own", async () => {
		const jobs = [aWireJob("done"), ...["a", "b", "c", "d", "e", "f"].map((key) => waits(key))];
		jobs.forEach((job, at) => api.on(`GET ${web}/jobs/${job.id}`, { json: waits(job.key, { position: at }) }));
		api.on(`GET ${web}/runs/${id}`, { json: aWireRun({ state: "accepted", outcome: null, jobs }) });
		const page = { items: jobs, nextCursor: null, asOf: "", stale: false };
		api.on(`GET ${web}/runs/${id}/jobs?limit=100`, { json: page });
		for (const words of ["run show", "job list"]) {
			const { out } = await run(api, [...words.split(" "), "acme/web", id]);
			expect(out.match(/, position \d/g)).toEqual([1, 2, 3, 4, 5].map((at) => `, position ${at}`));
		}
		expect((await run(api, ["job", "show", "acme/web", waits("c").id])).out).toContain(
			"runners-busy, position 3: all are busy\n",
		);
	});

	it("[X35] a watch tells what a job still waits for, once, and for all that wait for the same", async () => {
		const held = [waits("a"), waits("b"), waits("c")];
		const standing = { json: aWireRun({ state: "accepted", outcome: null, jobs: held }) };
		const ended = { json: aWireRun({ jobs: held.map(({ key }) => aWireJob(key)) }) };
		api.on(`GET ${web}/runs/${id}`, standing, standing, standing, ended);
		api.on(`GET ${web}/jobs/${waits("a").id}`, { json: waits("a", { position: 7 }) });
		for (const { id: job } of held) {
			api.logs.set(job, [{ type: "end", length: 0, sha256: null, outcome: "passed", state: "sealed" }]);
		}
		const { out } = await run(api, ["run", "watch", "acme/web", id]);
		expect(out.split("\n").filter((line) => line.includes("waits"))).toEqual([
			"a │ waits, runners-busy, position 7: all are busy; 2 more jobs wait for the same",
		]);
	});
});

it("[X35] what lasts a moment is not told, what changes is told again, and a backoff is told with its attempt", () => {
	const told = new Waits();
	const keys = (jobs: Job[]) => told.look(jobs).map(({ job, others }) => `${job.key}+${others}`);
	expect(keys([waits("a"), waits("b", { detail: "another pool" })])).toEqual([]);
	expect(keys([waits("a"), waits("b", { detail: "another pool" }), waits("c")])).toEqual(["a+0", "b+0"]);
	expect(keys([waits("a"), waits("c")])).toEqual(["c+0"]);
	const none = { code: "no-runner" as const, detail: "the pool has no runner" };
	expect(keys([waits("a", none)])).toEqual([]);
	expect(keys([waits("a", none)])).toEqual(["a+0"]);
	expect(keys([waits("a", none)])).toEqual([]);
	const retried = { attempts: [aWireAttempt({ outcome: "failed" })] };
	expect(keys([waits("d", { code: "backing-off" }, retried)])).toEqual([]);
	expect(keys([waits("d", { code: "backing-off" }, retried)])).toEqual([]);
	const blocked = aWireJob("e", { state: "blocked", outcome: null, waiting: { ...busy, code: "needs" } });
	expect(keys([blocked])).toEqual([]);
	expect(keys([blocked])).toEqual([]);
});
