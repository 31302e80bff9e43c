// The log of a job that is followed before there is any, through the front door.
import { afterEach, expect, it, vi } from "vitest";
import { append, aRepo, aRunner, fetchRaw, finish, grantOf, job, lease, submit } from "../api/api-fixture.ts";
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
