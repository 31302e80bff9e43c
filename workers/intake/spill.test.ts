// Submissions while their repository does not answer, through the front door: what is told, what stands in the intake, and each race
// between the first try, the drain, the client's own retry and a cancel. The repository is taken away by the binding alone.
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import type { Run } from "../../src/contracts/http/run.ts";
import { parseJobId } from "../../src/domain/ids.ts";
import { spillRefusedKeptMs } from "../../src/domain/limits.ts";
import main from "../main.ts";
import { sweep } from "../sweep.ts";
import { repoCalls } from "../bindings/stubs.ts";
import { aRepo, aRunner, grantOf, job, runOf, send, states } from "../api/api-fixture.ts";

import { ask, away, drain, intakeKeys, numbered, ports, recordOf, submitTo } from "./intake-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

it.each(["reset", "silent"] as const)(
	"[Y1] a submission whose repository is %s is accepted with 202, its ids and all its jobs, and runs once drained",
	async (fault) => {
		const place = await aRepo();
		const { status, body } = await submitTo(place, away(fault), { jobs: [job("a"), job("b", { needs: ["a"] })] });
		expect([status, numbered(body), body.outcome]).toEqual([202, "null true accepted", null]);
		expect(body.jobs?.map(({ key, state }) => `${key}:${state}`)).toEqual(["a:waiting", "b:blocked"]);
		expect(body.jobs?.map(({ id }) => parseJobId(id)?.run)).toEqual([body.id, body.id]);
		const shown = await ask("GET", `${place.path}/runs/${body.id}`, {});
		expect([shown.status, shown.body]).toEqual([200, body]);
		const first = body.jobs?.[0]?.id;
		expect((await send<Run>("GET", `${place.path}/jobs/${first}`)).body.id).toBe(first);
		expect((await send<{ items: unknown[] }>("GET", `${place.path}/runs/${body.id}/jobs`)).body.items).toEqual(
			body.jobs,
		);
		expect(await drain(place)).toEqual({ drained: 1, isMore: false });
		const run = await runOf(place, body);
		expect([numbered(run), run.createdAt, run.id]).toEqual(["1 false accepted", body.createdAt, body.id]);
		expect(run.jobs?.map(({ id }) => id)).toEqual(body.jobs?.map(({ id }) => id));
		expect(await intakeKeys(place)).toEqual([]);
		const runner = await aRunner(place);
		expect((await grantOf(runner)).job.id).toBe(first);
	},
);

it("[Y1] while a run is only in the intake, whoever asks for it finds it though its repository does not answer", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const shown = await ask("GET", `${place.path}/runs/${body.id}`, {}, away());
	expect([shown.status, shown.body]).toEqual([200, body]);
	const unknown = await ask("GET", `${place.path}/runs/r${"a".repeat(24)}`, {}, away());
	expect([unknown.status, unknown.body.code]).toEqual([503, "unavailable"]);
	expect((await ask("GET", `${place.path}/runs/r${"a".repeat(24)}`, {})).status).toBe(404);
});

it("[Y2] a fault of ours is not spilled, and neither is anything when the switch says never", async () => {
	const place = await aRepo();
	vi.spyOn(console, "error").mockImplementation(() => undefined);
	expect((await submitTo(place, away("broken"))).status).toBe(500);
	await send("PATCH", "/v1/switches", { body: { spill: "never" } });
	try {
		const { status, body, retryAfter } = await submitTo(place, away());
		expect([status, body.code, retryAfter]).toEqual([503, "unavailable", "2"]);
	} finally {
		await send("PATCH", "/v1/switches", { body: { spill: "auto" } });
	}
	expect(await intakeKeys(place)).toEqual([]);
});

it("[Y2] when the switch says always, every submission goes by the intake; what no repository could take is refused at once", async () => {
	const place = await aRepo();
	await send("PATCH", "/v1/switches", { body: { spill: "always" } });
	try {
		const { status, body } = await submitTo(place, {});
		expect([status, body.spilled]).toEqual([202, true]);
		const circle = await submitTo(place, {}, { jobs: [job("a", { needs: ["b"] }), job("b", { needs: ["a"] })] });
		const direct = await submitTo(place, {}, { jobs: [job("a", { needs: ["nobody"] })] });
		expect([circle, direct].map(({ status, body }) => [status, body.errors?.[0]?.path])).toEqual([
			[400, "jobs[1].needs[0]"],
			[400, "jobs[0].needs[0]"],
		]);
	} finally {
		await send("PATCH", "/v1/switches", { body: { spill: "auto" } });
	}
	expect(await drain(place)).toEqual({ drained: 1, isMore: false });
});

it("[Y2] when the intake does not take it either, nothing is accepted: 503, and the same key is a first try", async () => {
	const place = await aRepo();
	vi.spyOn(console, "error").mockImplementation(() => undefined);
	const ARCHIVE = { put: () => Promise.reject(new Error("internal error")), get: () => Promise.resolve(null) };
	const refused = await submitTo(place, away("reset", { ARCHIVE }), { key: "k" });
	expect([refused.status, refused.body.code, refused.retryAfter]).toEqual([503, "unavailable", "2"]);
	const done = await submitTo(place, {}, { key: "k" });
	expect([done.status, done.body.number, done.replayed]).toEqual([201, 1, false]);
});

it("[Y1] a bell that the queue does not take delays and loses nothing: the sweep rings for what stands in the intake", async () => {
	const place = await aRepo();
	const warned = vi.spyOn(console, "error").mockImplementation(() => undefined);
	const INTAKE = { send: () => Promise.reject(new Error("queue is down")) };
	const { status, body } = await submitTo(place, away("reset", { INTAKE }));
	expect(status).toBe(202);
	expect(warned.mock.calls.flat().join()).toContain("bell-unrung");
	const rung: unknown[] = [];
	const bell = { send: async (message: unknown) => void rung.push(message) };
	await sweep({ ...env, INTAKE: bell } as never);
	expect(rung).toContainEqual({ bell: "intake", owner: place.owner, repo: place.repo });
	const batch = createMessageBatch("spillway-intake", [
		{ id: "m1", timestamp: new Date(), attempts: 1, body: { bell: "intake", owner: place.owner, repo: place.repo } },
	]);
	const ctx = createExecutionContext();
	await main.queue(batch as never, env as never);
	expect((await getQueueResult(batch, ctx)).explicitAcks).toEqual(["m1"]);
	expect(numbered(await runOf(place, body))).toBe("1 false accepted");
});

it("[Y4] a key that was used meanwhile for another body: the spilled run ends as refused, says why, and a retry runs it", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away(), { key: "k" });
	// By a process that does not know of the spill: this one would refuse it.
	const { submission } = await recordOf(place, body.id);
	const other = { run: `r${"b".repeat(24)}`, key: "k", digest: "other", submission };
	expect((await repoCalls(env, place).submit(other)).ok).toBe(true);
	await drain(place);
	const run = await runOf(place, body);
	expect(`${numbered(run)} ${run.outcome}`).toBe("2 false finished refused");
	expect([run.reason, run.jobs?.[0]?.outcome]).toEqual([expect.stringContaining("idempotency key"), "refused"]);
	const retried = await send<Run>("POST", `${place.path}/runs/${body.id}/retry`, { body: { only: "failed" } });
	expect([retried.status, retried.body.state, retried.body.reason]).toEqual([202, "accepted", null]);
	expect(await states(place, body)).toBe("a:waiting");
});

it.each([
	["drains", { draining: true }, {}, "took no new runs"],
	["has no clone URL", {}, { source: { ref: "main" } }, "clone URL"],
] as const)(
	"[Y4] a repository that %s refuses nothing that was accepted: the run is there, with its reason",
	async (...given) => {
		const [, settings, rest, reason] = given;
		const place = await aRepo();
		const { status, body } = await submitTo(place, away(), rest);
		expect(status).toBe(202);
		await send("PATCH", place.path, { body: settings });
		await drain(place);
		const run = await runOf(place, body);
		expect([run.outcome, run.reason]).toEqual(["refused", expect.stringContaining(reason)]);
		expect(await intakeKeys(place)).toEqual([]);
	},
);

it("[Y4] a repository that nobody configured takes nothing: the run says so for a week, then it is gone", async () => {
	const place = { owner: "nobody-here", repo: "web", path: "/v1/repos/nobody-here/web" };
	const { status, body } = await submitTo(place, away());
	expect(status).toBe(202);
	await drain(place);
	const shown = await ask("GET", `${place.path}/runs/${body.id}`, {});
	expect([shown.status, shown.body.state, shown.body.outcome]).toEqual([200, "finished", "refused"]);
	expect([shown.body.reason, shown.body.spilled]).toEqual([expect.stringContaining("no such repository"), true]);
	expect(await drain(place)).toEqual({ drained: 0, isMore: false });
	for (const [method, path] of [
		["POST", "cancel"],
		["POST", "retry"],
	] as const) {
		const told = await ask(method, `${place.path}/runs/${body.id}/${path}`, {
			body: path === "retry" ? { only: "all" } : {},
		});
		expect([path, told.status, told.body.code]).toEqual([path, 409, "run-finished"]);
	}
	await ports.intake.forgetRefused(Date.now() - spillRefusedKeptMs);
	expect((await ask("GET", `${place.path}/runs/${body.id}`, {})).status).toBe(200);
	await ports.intake.forgetRefused(Date.now() + 1);
	expect((await ask("GET", `${place.path}/runs/${body.id}`, {})).status).toBe(404);
});

it("[Y7] a submission that its caller no longer waits for is not taken: its spilled copy is", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const { submission, key, digest } = await recordOf(place, body.id);
	const late = { run: body.id, submission, key, digest, deadlineAt: Date.now() - 60_000 };
	await expect(repoCalls(env, place).submit(late)).rejects.toThrow();
	expect((await runOf(place, body)).number).toBeNull();
});

it("[Y4] a run that was refused for want of a clone URL is retried with the one that the repository has by then", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away(), { source: { ref: "main" } });
	await drain(place);
	const retry = () => ask("POST", `${place.path}/runs/${body.id}/retry`, { body: { only: "failed" } });
	expect((await retry()).status).toBe(400);
	await send("PATCH", place.path, { body: { cloneUrl: "https://git.test/web.git" } });
	const retried = await retry();
	expect([retried.status, retried.body.source?.cloneUrl]).toEqual([202, "https://git.test/web.git"]);
});
