// A runner's way through a job over HTTP: registration, grant, start, log, steps, finish; and every lease that is over.
import { afterEach, describe, expect, it, vi } from "vitest";
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { Problem } from "../../src/contracts/http/problem.ts";
import type { Job } from "../../src/contracts/http/run.ts";
import type { Grant, PoolFigures, Registered } from "../../src/contracts/http/runner.ts";
import { appendBytesMax, heartbeatSeconds } from "../../src/domain/limits.ts";
import type { Place } from "./api-fixture.ts";
import {
	append,
	aRepo,
	aRunner,
	aToken,
	expectProblem,
	fetchRaw,
	finish,
	grantOf,
	job,
	lease,
	poolOf,
	refusal,
	runOf,
	settledRunOf,
	running,
	send,
	states,
	submit,
	timePattern,
} from "./api-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

const time = expect.stringMatching(timePattern);
const cancelRun = (place: Place, run: { id: string }) => send("POST", `${place.path}/runs/${run.id}/cancel`);

describe("runners", () => {
	it("[A25] a runner registers with what it can, and the pool shows it and its load", async () => {
		const place = await aRepo();
		const token = await aToken(place.owner, ["runner:register"]);
		const body = {
			name: "größe 🚀",
			labels: ["x64", "linux", "x64"],
			capacity: 2,
			os: "linux",
			arch: "x64",
			version: "1",
			ephemeral: false,
		};
		const made = await send<Registered>("POST", `/v1/pools/${place.owner}/big/runners`, { token, body });
		expect(made.status).toBe(201);
		expect(made.body).toEqual({
			id: expect.stringMatching(/^rn/),
			token: expect.stringMatching(/^spw_runner_[\w-]+_[0-9a-f]{64}$/),
			sessionUrl: "wss://spillway.test/v1/runner/session",
			heartbeatSeconds,
		});
		await submit(place, [job("a", { pool: "big" }), job("b", { pool: "big", labels: ["gpu"] })]);
		const grant = await grantOf(made.body);
		await vi.waitFor(async () => expect((await poolOf(place, "big")).waiting).toBe(1));
		const runner = {
			id: made.body.id,
			name: body.name,
			labels: ["linux", "x64"],
			state: "busy",
			reason: null,
			capacity: 2,
			leases: 1,
		};
		const pool = {
			owner: place.owner,
			pool: "big",
			...{ paused: false, pauseNote: null, draining: false },
			runners: [{ ...runner, lastSeenAt: time }],
			waiting: 1,
			running: 1,
			idle: 0,
			busy: 1,
			oldestWaitingSeconds: expect.any(Number),
		};
		expect(await poolOf(place, "big")).toEqual(pool);
		expect(grant.job.key).toBe("a");
		await vi.waitFor(async () => {
			const { body } = await send<{ items: PoolFigures[] }>("GET", `/v1/pools/${place.owner}`);
			expect(body).toEqual({ items: [pool], nextCursor: null, asOf: time, stale: false });
		});
		const empty = { runners: [], waiting: 0, running: 0, idle: 0, busy: 0, oldestWaitingSeconds: null };
		expect(await poolOf(place, "nobody")).toMatchObject(empty);
	});

	it("[A25] what a runner asks for wrongly is refused with its path", async () => {
		const place = await aRepo();
		const register = (body: object) => refusal("POST", `/v1/pools/${place.owner}/default/runners`, { body });
		expect(await register({})).toBe("400 name");
		expect(await register({ name: "x", capacity: 0, labels: ["a b"] })).toBe("400 labels[0], capacity");
		expect(await register({ name: "x", capasity: 2 })).toBe("400 capasity");
		const { token } = await aRunner(place);
		const acquire = (body: object) => refusal("POST", "/v1/runner/acquire", { token, body });
		expect(await acquire({})).toBe("400 waitSeconds");
		for (const waitSeconds of [-1, 31, 0.5, "1", null]) expect(await acquire({ waitSeconds })).toBe("400 waitSeconds");
		expect(await acquire({ waitSeconds: 0, lease: [] })).toBe("400 lease");
		expect(await acquire({ waitSeconds: 0, leases: "x" })).toBe("400 leases");
		expect(await acquire({ waitSeconds: 0 })).toBe("204");
		expect(await refusal("POST", "/v1/runner/heartbeat", { token })).toBe("400 leases");
		const heard = await send("POST", "/v1/runner/heartbeat", { token, body: { leases: ["x", "j.1"] } });
		expect(heard.body).toEqual({
			leases: ["x", "j.1"].map((id) => ({ id, state: "lost", graceSeconds: expect.any(Number) })),
			draining: false,
		});
	});

	it("[A26] a grant has all that a runner needs, and no more than one comes", async () => {
		const place = await aRepo();
		const run = await submit(place, [
			job("a", { env: { CI: "1" }, name: "A", exclusive: true, timeoutSeconds: 60 }),
			job("b"),
		]);
		const runner = await aRunner(place);
		const grant = await grantOf(runner);
		const id = `j${run.id.slice(1)}-0`;
		expect(grant).toEqual({
			lease: {
				id: `${id}.1`,
				token: expect.stringMatching(/^spw_lease_[\w-]+_[0-9a-f]{64}$/),
				epoch: 1,
				startBySeconds: 10,
				renewSeconds: 30,
				stopAfterSeconds: 30,
			},
			job: {
				id,
				key: "a",
				name: "A",
				steps: [{ name: "step 1", run: "true" }],
				env: { CI: "1" },
				secrets: {},
				timeoutSeconds: 60,
				attempt: 1,
				exclusive: true,
				logBytesMax: 104_857_600,
			},
			run: { id: run.id, number: 1, source: null, title: null },
			repository: { owner: place.owner, repo: place.repo },
		});
		const more = { token: runner.token, body: { waitSeconds: 0, leases: [grant.lease.id] } };
		expect((await fetchRaw("POST", "/v1/runner/acquire", more)).status).toBe(204);
		expect(await states(place, run)).toBe("a:leased b:waiting");
	});
});

describe("lease calls", () => {
	it("[A27] start, steps and finish answer with the job as it came to be", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a")]);
		const grant = await grantOf(await aRunner(place));
		const started = await lease("start", grant);
		expect([started.status, started.headers.get("lease-state")]).toEqual([200, "ok"]);
		expect(started.body.job).toMatchObject({ id: grant.job.id, state: "running", waiting: null });
		expect(started.body.job.attempts).toMatchObject([{ number: 1, outcome: null, startedAt: time, by: "submit" }]);
		expect((await lease("start", grant)).body).toEqual(started.body);
		const step = { name: "step 1", startedAt: "2026-01-02T03:04:05.678Z", logStart: 0 };
		const steps = await lease("steps", grant, { steps: [step] });
		expect([steps.status, steps.body, steps.headers.get("lease-state")]).toEqual([204, null, "ok"]);
		const live = (await send<Job>("GET", `${place.path}/jobs/${grant.job.id}`)).body.attempts[0];
		const silent = { exitCode: null, finishedAt: null, logEnd: null };
		expect(live?.steps).toEqual([{ ...step, ...silent }]);
		const report = { reason: "exit 3", steps: [{ ...step, exitCode: 3 }], exitCode: 3 };
		const finished = await finish(grant, "failed", report);
		expect([finished.status, finished.headers.get("lease-state")]).toEqual([200, "ok"]);
		expect(finished.body.job).toMatchObject({ state: "finished", outcome: "failed", finishedAt: time });
		expect(finished.body.job.attempts[0]).toEqual({
			number: 1,
			outcome: "failed",
			platformFault: null,
			exitCode: 3,
			signal: null,
			reason: "exit 3",
			runner: { id: expect.stringMatching(/^rn/), name: "one" },
			commit: null,
			startedAt: time,
			finishedAt: time,
			steps: [{ ...step, ...silent, exitCode: 3 }],
			log: { state: expect.stringMatching(/^seal/), length: 0, sha256: null, missing: [] },
			by: "submit",
			actor: "operator",
			retryReason: null,
			next: { withheld: "attempts" },
		});
		expect(await runOf(place, run)).toMatchObject({ outcome: "failed", jobs: [{ outcome: "failed" }] });
		const again = await finish(grant, "failed", report);
		expect([again.status, again.headers.get("lease-state")]).toEqual([200, "ok"]);
		expect(again.body.job.attempts).toHaveLength(1);
	});

	it("[A28] the log is taken at its end: overlap is passed over, a gap is refused with the length", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const grant = await running(place);
		const first = await append(grant, 0, "hello");
		expect([first.status, first.body]).toEqual([204, null]);
		const { headers } = first;
		expect([headers.get("upload-offset"), headers.get("lease-state")]).toEqual(["5", "ok"]);
		expect(headers.get("upload-interval")).toMatch(/^[1-9]\d*$/);
		expect((await append(grant, 3, "lo, world")).headers.get("upload-offset")).toBe("12");
		expect((await append(grant, 0, "hello")).headers.get("upload-offset")).toBe("12");
		const gap = await append(grant, 13, "!");
		expect(gap).toMatchObject({ status: 409, body: { code: "log-gap" } });
		expect([gap.headers.get("upload-offset"), gap.headers.get("lease-state")]).toEqual(["12", "ok"]);
		for (const offset of ["-1", "0x10", "1e3", "", "1.5", "9".repeat(16)]) {
			const bad = await append(grant, offset, "x");
			expect(bad).toMatchObject({ status: 400, body: { errors: [{ path: "Upload-Offset" }] } });
			expect(bad.headers.get("lease-state")).toBe("ok");
		}
		const log = await fetchRaw("GET", `${place.path}/jobs/${grant.job.id}/attempts/1/log`);
		expect(await log.text()).toBe("hello, world");
	});

	it("[A28] an append of 1 MiB is taken, a larger one is not, and all bytes may stand in it", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const grant = await running(place);
		const bytes = Uint8Array.from({ length: appendBytesMax + 1 }, (_, at) => at % 251);
		for (const body of [bytes, new Blob([bytes]).stream()]) {
			const over = await append(grant, 0, body);
			expect(over).toMatchObject({ status: 413, body: { code: "too-large" } });
			expect(over.headers.get("lease-state")).toBe("ok");
		}
		const most = bytes.subarray(0, appendBytesMax);
		expect((await append(grant, 0, most)).headers.get("upload-offset")).toBe(String(appendBytesMax));
		const log = await fetchRaw("GET", `${place.path}/jobs/${grant.job.id}/attempts/1/log`);
		expect(new Uint8Array(await log.arrayBuffer())).toEqual(most);
	});

	it("[A29] every answer says how the lease stands, also one that refuses, and whatever was said before", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a")]);
		const grant = await running(place);
		await append(grant, 0, "hello");
		await lease("steps", grant, { steps: [] });
		await cancelRun(place, run);
		const answers = [
			await lease<object>("start", grant),
			await lease<object>("steps", grant, { step: [] }),
			await finish(grant, "crashed"),
			await append(grant, "x", ""),
			await append(grant, 0, new Uint8Array(appendBytesMax + 1)),
			await append(grant, 99, "gap"),
		];
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
		answers.push(await append(grant, 5, ", world"), await lease<object>("steps", grant, { steps: [] }));
		vi.useRealTimers();
		expect(answers.map(({ status }) => status)).toEqual([200, 400, 400, 400, 413, 409, 204, 204]);
		expect(answers.map(({ headers }) => headers.get("lease-state"))).toEqual(answers.map(() => "canceling"));
		await finish(grant, "canceled");
		for (const answer of [await lease("start", grant), await lease("steps", grant, { steps: [] })]) {
			expect([answer.status, answer.headers.get("lease-state")]).toEqual([409, "lost"]);
		}
		const unsigned = await send("POST", "/v1/lease/start", { token: `${grant.lease.token}0` });
		expect([unsigned.status, unsigned.headers.get("lease-state")]).toEqual([401, null]);
	});

	it("[A29] every lease call renews the lease, also the first that a server sees of it", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const grant = await grantOf(await aRunner(place));
		const repo = env.REPO.get(env.REPO.idFromName(`${place.owner}/${place.repo}`)) as never as RepoStub;
		const { owner, repo: name } = grant.repository;
		const identity = { owner, repo: name, pool: "default", shard: 0, job: grant.job.id, attempt: 1, epoch: 1 };
		orThrow(await repo.start(identity));
		const now = Date.now();
		const look = async (afterMs: number) => {
			vi.useFakeTimers({ toFake: ["Date"], now: now + afterMs });
			await runDurableObjectAlarm(env.POOL.get(env.POOL.idFromName(`${owner}/default/0`)));
			return (await poolOf(place)).running;
		};
		expect([await look(14_000), await look(25_000)]).toEqual([1, 1]);
		await lease("steps", grant, { steps: [] });
		expect([await look(39_000), await look(53_000)]).toEqual([1, 1]);
		// The renewal is told after the answer, so it may have come at the first of these looks.
		await look(67_000);
		expect(await look(81_000)).toBe(0);
	});
});

describe("leases that are over", () => {
	async function expectStale(grant: Grant, shown: () => Promise<unknown>): Promise<void> {
		const before = await shown();
		const calls = [
			lease<object>("start", grant),
			lease<object>("steps", grant, { steps: [{ name: "x" }] }),
			append(grant, 0, "late"),
			finish(grant, "passed", { logLength: 4 }),
		];
		for (const answer of await Promise.all(calls)) {
			expectProblem(answer as never as { status: number; headers: Headers; body: Problem });
			expect([answer.status, (answer.body as Problem).code]).toEqual([409, "lease-stale"]);
			expect(answer.headers.get("lease-state")).toBe("lost");
		}
		expect(await shown()).toEqual(before);
	}

	it("[A30] a lease that was canceled before its start, or forced, gets 409 and changes nothing", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b")]);
		const shown = () => settledRunOf(place, run);
		const runner = await aRunner(place, { capacity: 2 });
		const leased = await grantOf(runner);
		await send("POST", `${place.path}/jobs/${leased.job.id}/cancel`);
		await expectStale(leased, shown);
		const forced = await grantOf(runner);
		await lease("start", forced);
		await send("POST", `${place.path}/jobs/${forced.job.id}/cancel`, { body: { force: true } });
		await expectStale(forced, shown);
	});

	it("[A30] another report, or one of an epoch that has passed, changes nothing", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a", { retry: { maxAttempts: 2, backoff: { initialSeconds: 0 } } })]);
		const first = await running(place);
		expect((await finish(first, "failed")).body.job).toMatchObject({
			outcome: null,
			attempts: [{ next: { at: time } }],
		});
		const second = await running(place);
		expect(second.lease.epoch).toBe(2);
		const before = await settledRunOf(place, run);
		expect((await finish(first, "passed")).status).toBe(409);
		expect((await lease("start", first)).status).toBe(409);
		expect((await append(first, 0, "late")).status).toBeGreaterThanOrEqual(400);
		expect(await settledRunOf(place, run)).toEqual(before);
		await finish(second);
		expect((await runOf(place, run)).outcome).toBe("passed");
	});

	it("[A30] after the finish the log takes what was declared, and nothing beyond", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const grant = await running(place);
		await append(grant, 0, "hello");
		expect((await finish(grant, "passed", { logLength: 12 })).status).toBe(200);
		const beyond = await append(grant, 5, ", world and more");
		expect(beyond.status).toBeGreaterThanOrEqual(400);
		const late = await append(grant, 5, ", world");
		expect([late.status, late.headers.get("upload-offset")]).toEqual([204, "12"]);
		const shown = await fetchRaw("GET", `${place.path}/jobs/${grant.job.id}/attempts/1/log`);
		expect(await shown.text()).toBe("hello, world");
	});

	it("[A27] what is wrong in a report is refused with its path, and the job goes on", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a")]);
		const grant = await running(place);
		const report = async (body: object) => {
			const call = { token: grant.lease.token, body };
			return refusal("POST", "/v1/lease/finish", call);
		};
		const good = { outcome: "failed", logLength: 0 };
		expect(await report({})).toBe("400 outcome, logLength");
		expect(await report({ ...good, outcome: "lost" })).toBe("400 outcome");
		expect(await report({ ...good, logLength: -1, exitCode: 256 })).toBe("400 exitCode, logLength");
		expect(await report({ ...good, logSha256: "abc" })).toBe("400 logSha256");
		expect(await report({ ...good, steps: [{ name: "x", exit: 1 }] })).toBe("400 steps[0].exit");
		expect(await report({ ...good, retryAfterSeconds: -1 })).toBe("400 retryAfterSeconds");
		expect(await report({ ...good, platformFault: "lost" })).toBe("400 platformFault");
		expect(await states(place, run)).toBe("a:running");
	});

	it("[A27] a reason that is too long is cut, and the end counts", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const { status, body } = await finish(await running(place), "failed", {
			reason: `${"x".repeat(499)}\u{1f642}more`,
		});
		expect([status, body.job.outcome]).toEqual([200, "failed"]);
		expect(body.job.reason).toBe(`${"x".repeat(499)}\ufffd`);
	});

	it("[J16] what a drained runner stopped is told apart from a failure and from a cancel", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b", { concurrencyGroup: "deploy" })]);
		const drained = { platformFault: "drained", reason: "the runner was stopped", logLength: 3 };
		const first = await running(place);
		await append(first, 0, "abc");
		const { body } = await finish(first, "canceled", drained);
		expect(body.job).toMatchObject({ state: "waiting", outcome: null, waiting: { code: "backing-off" } });
		expect(body.job.attempts).toMatchObject([
			{ outcome: "lost", platformFault: "drained", reason: "the runner was stopped", next: { at: time } },
		]);
		expect((await finish(await running(place), "canceled", { ...drained, logLength: 0 })).body.job).toMatchObject({
			outcome: "lost",
			attempts: [{ platformFault: "drained", next: { withheld: "on-lost" } }],
		});
		const second = await running(place);
		expect(second.job).toMatchObject({ key: "a", attempt: 2 });
		const { job: passed } = (await finish(second)).body;
		expect(passed.attempts[1]).toMatchObject({ by: "platform", retryReason: "its runner was drained" });
		expect(await states(place, run)).toBe("a:passed b:lost");
		const log = await fetchRaw("GET", `${place.path}/jobs/${first.job.id}/attempts/1/log`);
		expect(await log.text()).toBe("abc");
	});
});

interface RepoStub {
	start(identity: object): Promise<{ ok: true; value: unknown }>;
}
