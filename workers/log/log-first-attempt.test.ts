// The log of a job that is followed before there is any, or of which there will be none, through the front door.
import { afterEach, expect, it, vi } from "vitest";
import { append, aRepo, aRunner, fetchRaw, finish, grantOf, job, lease, send, submit } from "../api/api-fixture.ts";
import { RepoObject } from "../repo/repo-object.ts";
import { Viewer } from "./log-fixture.ts";

afterEach(() => {
	vi.restoreAllMocks();
});

it("[L19] a job's log is there with its first byte, not with the next look, for whoever waited for it", async () => {
	const place = await aRepo();
	const { jobs = [] } = await submit(place, [job("a")]);
	const looks = vi.spyOn(RepoObject.prototype, "job").mock.settledResults;
	const headers = { upgrade: "websocket" };
	const viewer = Viewer.of(await fetchRaw("GET", `${place.path}/jobs/${jobs[0]?.id}/log/live`, { headers }));
	// Whether there is the job, the first look, and the one that the upload socket's beginning brings: the next is ten seconds away.
	await vi.waitFor(() => expect(looks.length).toBe(3));
	const grant = await grantOf(await aRunner(place));
	await lease("start", grant);
	await append(grant, 0, "first");
	await viewer.until(() => viewer.outputs.length > 0);
	await finish(grant, "passed", { logLength: 5 });
	await viewer.closed();
	const types = viewer.messages.map((message) => (message.type === "attempt" ? message.number : message.type));
	expect(types).toEqual([1, "output", "end"]);
}, 8_000);

it("[Y12] a job that ends without an attempt has one end, and its stream says over SSE that nothing more comes", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("a")]);
	const live = `${place.path}/jobs/${run.jobs?.[0]?.id}/log/live`;
	const followed = (await fetchRaw("GET", live)).text();
	await send("POST", `${place.path}/runs/${run.id}/cancel`);
	const end = { type: "end", length: 0, sha256: null, outcome: "canceled", state: "none" };
	const whole = `id: 0:0\ndata: ${JSON.stringify(end)}\n\nevent: complete\ndata: {}\n\n`;
	expect(await followed).toBe(whole);
	// One that comes back all the same is told the same.
	expect(await (await fetchRaw("GET", live, { headers: { "last-event-id": "0:0" } })).text()).toBe(whole);
	const viewer = Viewer.of(await fetchRaw("GET", live, { headers: { upgrade: "websocket" } }));
	await viewer.closed();
	expect([viewer.messages, viewer.closeCode]).toEqual([[end], 1_000]);
});

it("[Y12] a log that has ended says so as its last event, after its end", async () => {
	const place = await aRepo();
	await submit(place, [job("a")]);
	const grant = await grantOf(await aRunner(place));
	await lease("start", grant);
	await append(grant, 0, "first");
	await finish(grant, "passed", { logLength: 5 });
	for (const below of ["/log/live", "/attempts/1/log/live"]) {
		const text = await (await fetchRaw("GET", `${place.path}/jobs/${grant.job.id}${below}`)).text();
		expect(text.split("\n\n").slice(-3)).toEqual([
			expect.stringMatching(/^id: (1:)?5\ndata: \{"type":"end","length":5,/),
			"event: complete\ndata: {}",
			"",
		]);
	}
});
