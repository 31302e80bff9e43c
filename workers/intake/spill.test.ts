// Submissions while their repository does not answer, through the front door: what is told, what stands in the intake, and each race
// between the first try, the drain, the client's own retry and a cancel. The repository is taken away by the binding alone.
import { createExecutionContext, createMessageBatch, getQueueResult, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { viewSpilled } from "../../src/contracts/wire/spilled-view.ts";
import type { SpilledRun } from "../../src/contracts/objects/intake.ts";
import type { Problem } from "../../src/contracts/http/problem.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import { parseJobId } from "../../src/domain/ids.ts";
import { drainRunsMax, spillRefusedKeptMs } from "../../src/domain/limits.ts";
import { drainIntake } from "../../src/operations/drain.ts";
import { cancelWhereItIs } from "../../src/operations/spilled-run.ts";
import main from "../main.ts";
import { sweep } from "../sweep.ts";
import { repoCalls } from "../stubs.ts";
import { aRepo, aRunner, grantOf, job, requestOf, runOf, send, states } from "../api/api-fixture.ts";
import type { Call, Place } from "../api/api-fixture.ts";
import { intakeOf } from "./intake-store.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

type Fault = "none" | "silent" | "reset" | "late" | "broken";

/** The repositories' namespace with its stubs failing as the platform lets them fail. */
function repositories(fault: Fault) {
	const call = (id: DurableObjectId, method: string, args: unknown[]) => {
		const stub = env.REPO.get(id) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
		const done = () => stub[method]?.(...args);
		switch (fault) {
			case "silent":
				return new Promise(() => undefined);
			case "reset":
				return Promise.reject(Object.assign(new Error("Durable Object reset"), { retryable: true }));
			case "late":
				// The object does all of it, and its answer is lost.
				return Promise.resolve(done()).then(() =>
					Promise.reject(Object.assign(new Error("Network connection lost."), { retryable: true })),
				);
			case "broken":
				return Promise.reject(new Error("assertion failed: one of ours"));
			case "none":
				return done();
		}
	};
	return {
		idFromName: (name: string) => env.REPO.idFromName(name),
		get: (id: DurableObjectId) =>
			new Proxy(
				{},
				{
					get:
						(_, method) =>
						(...args: unknown[]) =>
							call(id, String(method), args),
				},
			),
	};
}

interface Told {
	status: number;
	body: Run & Problem;
	replayed: boolean;
	retryAfter: string | null;
}

async function ask(method: string, path: string, call: Call, bindings: object = {}): Promise<Told> {
	const ctx = createExecutionContext();
	// The bell is rung by each test itself.
	const INTAKE = { send: async () => undefined };
	const response = await main.fetch(
		requestOf(method, path, call) as never,
		{ ...env, INTAKE, ...bindings } as never,
		ctx,
	);
	const body = (await response.json()) as Run & Problem;
	await waitOnExecutionContext(ctx);
	const { status, headers } = response;
	return { status, body, replayed: headers.has("idempotency-replayed"), retryAfter: headers.get("retry-after") };
}

const away = (fault: Fault = "reset", rest: object = {}) => ({
	REPO: repositories(fault),
	...(fault === "silent" ? { SPILL_AFTER_MS: 5 } : {}),
	...rest,
});

function submitTo({ path }: Place, bindings: object, { key, ...body }: { key?: string; [name: string]: unknown } = {}) {
	const call = { body: { jobs: [job("a")], ...body }, headers: key ? { "idempotency-key": key } : {} };
	return ask("POST", `${path}/runs`, call, bindings);
}

const cancelOf = ({ path }: Place, run: { id: string }, bindings: object = {}) =>
	ask("POST", `${path}/runs/${run.id}/cancel`, { body: { reason: "not needed" } }, bindings);

const ports = {
	repo: (name: { owner: string; repo: string }) => repoCalls(env, name),
	intake: intakeOf(env),
	now: Date.now,
};

const drain = (place: Place) => drainIntake(ports, place);

async function intakeKeys({ owner, repo }: Place): Promise<string[]> {
	const listed = await Promise.all(
		["intake/", "intake-canceled/"].map((prefix) => env.ARCHIVE.list({ prefix: `${prefix}${owner}/${repo}/` })),
	);
	return listed.flatMap(({ objects }) => objects.map(({ key }) => key));
}

const numbered = (run: Pick<Run, "number" | "spilled" | "state">) => `${run.number} ${run.spilled} ${run.state}`;

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

it("[Y3] the first try landed and was spilled too: one run, which keeps what has become of it", async () => {
	const place = await aRepo();
	const { status, body } = await submitTo(place, away("late"), { key: "k" });
	expect([status, body.number]).toEqual([202, null]);
	expect(numbered(await runOf(place, body))).toBe("1 false accepted");
	await cancelOf(place, body);
	await drain(place);
	expect([await states(place, body), await intakeKeys(place)]).toEqual(["a:canceled", []]);
	expect((await runOf(place, body)).number).toBe(1);
	const again = await submitTo(place, {}, { key: "k" });
	expect([again.status, again.body.id, again.replayed]).toEqual([200, body.id, true]);
});

it("[Y3] drained twice, and by two at once, a run is there once", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const record = await env.ARCHIVE.get(`intake/${place.owner}/${place.repo}/${body.id}`);
	const text = await record?.text();
	await Promise.all([drain(place), drain(place)]);
	// As if whoever drained died before the record was deleted.
	await env.ARCHIVE.put(`intake/${place.owner}/${place.repo}/${body.id}`, text ?? "");
	await drain(place);
	const runs = await repoCalls(env, place).figures();
	expect(runs).toMatchObject({ ok: true, value: { waiting: 1 } });
	expect([(await runOf(place, body)).number, await intakeKeys(place)]).toEqual([1, []]);
});

it("[Y3] a client that tries again while its run is spilled gets the same run, from the intake or from the repository", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away(), { key: "k" });
	const again = await submitTo(place, away(), { key: "k" });
	expect([again.status, again.body, again.replayed]).toEqual([202, body, true]);
	const direct = await submitTo(place, {}, { key: "k" });
	expect([direct.status, direct.body.id, direct.body.number]).toEqual([201, body.id, 1]);
	await drain(place);
	expect([(await runOf(place, body)).number, await states(place, body)]).toEqual([1, "a:waiting"]);
});

it("[Y4] a key that was used meanwhile for another body: the spilled run ends as refused, says why, and a retry runs it", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away(), { key: "k" });
	const other = await submitTo(place, {}, { key: "k", jobs: [job("other")] });
	expect(other.status).toBe(201);
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

it("[Y5] a spilled run has the place in the queue that it would have had", async () => {
	const place = await aRepo();
	const spilled = await submitTo(place, away(), { jobs: [job("early")] });
	const direct = await submitTo(place, {}, { jobs: [job("late")] });
	expect(direct.status).toBe(201);
	await drain(place);
	const runner = await aRunner(place, { capacity: 2 });
	expect((await grantOf(runner)).job.id).toBe(spilled.body.jobs?.[0]?.id);
});

it("[Y5] what supersedes what goes by the time of acceptance, also when the newer one is over already", async () => {
	const place = await aRepo({ cloneUrl: "https://git.test/web.git" });
	const newer = { cancelSuperseded: true, source: { ref: "main" } };
	const first = await submitTo(place, away(), { source: { ref: "main" }, jobs: [job("first")] });
	const second = await submitTo(place, away(), { ...newer, jobs: [job("second")] });
	const third = await submitTo(place, {}, { ...newer, jobs: [job("third")] });
	await cancelOf(place, third.body);
	await drain(place);
	const superseded = await Promise.all([first, second].map(({ body }) => runOf(place, body)));
	expect(superseded.map(({ outcome, supersededBy }) => [outcome, supersededBy])).toEqual([
		["canceled", third.body.id],
		["canceled", third.body.id],
	]);
	// A spilled one that supersedes ends what was accepted before it, and nothing later.
	const before = await submitTo(place, {}, { source: { ref: "dev" }, jobs: [job("before")] });
	const spilled = await submitTo(place, away(), {
		cancelSuperseded: true,
		source: { ref: "dev" },
		jobs: [job("spilled")],
	});
	const after = await submitTo(place, {}, { source: { ref: "dev" }, jobs: [job("after")] });
	await drain(place);
	const runs = await Promise.all([before, spilled, after].map(({ body }) => runOf(place, body)));
	expect(runs.map(({ state, supersededBy }) => [state, supersededBy])).toEqual([
		["finished", spilled.body.id],
		["accepted", null],
		["accepted", null],
	]);
});

it("[Y6] canceled before the drain: 202 at once, shown, and nothing of it ever runs", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	for (const bindings of [away(), {}]) {
		const { status, body: shown } = await cancelOf(place, body, bindings);
		expect([status, shown.id, shown.reason]).toEqual([202, body.id, "not needed"]);
	}
	await drain(place);
	const run = await runOf(place, body);
	expect([run.outcome, run.reason, run.number]).toEqual(["canceled", "not needed", 1]);
	expect([await states(place, body), await intakeKeys(place)]).toEqual(["a:canceled", []]);
});

it("[Y6] canceled during the drain, at every step of it: the run is canceled", async () => {
	const steps = ["get", "canceled", "drain", "remove"] as const;
	for (const step of steps) {
		const place = await aRepo();
		const { body } = await submitTo(place, away());
		let isDone = false;
		const then = (name: string) => async () => {
			if (name !== step || isDone) return;
			isDone = true;
			expect((await cancelOf(place, body)).status).toBe(202);
		};
		const after = <T>(name: string, work: () => Promise<T>) =>
			work().then(async (value) => (await then(name)(), value));
		const intake = {
			...ports.intake,
			get: (...args: Parameters<typeof ports.intake.get>) => after("get", () => ports.intake.get(...args)),
			canceled: (...args: Parameters<typeof ports.intake.canceled>) =>
				after("canceled", () => ports.intake.canceled(...args)),
			remove: (...args: Parameters<typeof ports.intake.remove>) => after("remove", () => ports.intake.remove(...args)),
		};
		const repo = () => ({
			drain: (calls: Parameters<ReturnType<typeof ports.repo>["drain"]>[0]) =>
				after("drain", () => ports.repo(place).drain(calls)),
			cancelRun: (call: Parameters<ReturnType<typeof ports.repo>["cancelRun"]>[0]) => ports.repo(place).cancelRun(call),
		});
		await drainIntake({ ...ports, intake, repo }, place);
		await drain(place);
		expect([step, isDone, await states(place, body)]).toEqual([step, true, "a:canceled"]);
	}
});

it("[Y6] whoever put the mark of a cancel and died before asking the repository: the drain sees to it", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const wish = { actor: "dev", reason: "not needed", at: Date.now() };
	const repo = () => ({
		drain: async (call: Parameters<ReturnType<typeof ports.repo>["drain"]>[0]) => {
			const done = await ports.repo(place).drain(call);
			await ports.intake.cancel(place, body.id, wish);
			return done;
		},
		cancelRun: (call: Parameters<ReturnType<typeof ports.repo>["cancelRun"]>[0]) => ports.repo(place).cancelRun(call),
	});
	await drainIntake({ ...ports, repo }, place);
	expect([await states(place, body), await intakeKeys(place)]).toEqual(["a:canceled", []]);
});

it("[Y6] a run that is only in the intake can neither be retried nor be added to: 409, and when to ask again", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const retry = await ask("POST", `${place.path}/runs/${body.id}/retry`, { body: { only: "all" } });
	const add = await ask("POST", `${place.path}/runs/${body.id}/jobs`, { body: { jobs: [job("b")] } });
	expect([retry, add].map(({ status, body: { code }, retryAfter }) => [status, code, retryAfter])).toEqual([
		[409, "run-accepted", "5"],
		[409, "run-accepted", "5"],
	]);
});

it("[Y3] the drain that dies between the repository's commit and the record's end leaves a repetition and nothing else", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const intake = { ...ports.intake, remove: () => Promise.reject(new Error("killed")) };
	await expect(drainIntake({ ...ports, intake }, place)).rejects.toThrow("killed");
	expect([(await runOf(place, body)).number, (await intakeKeys(place)).length]).toEqual([1, 1]);
	await drain(place);
	expect([(await runOf(place, body)).number, await intakeKeys(place)]).toEqual([1, []]);
});

it("[Y3] one visit drains a bounded number, the oldest first, and says that there is more", async () => {
	const place = await aRepo();
	const at = Date.now() - 10_000;
	for (let n = 0; n <= drainRunsMax; n++) {
		const run = `r${n
			.toString()
			.padStart(24, "a")
			.replaceAll(/[0-9]/g, (digit) => "abcdefghij"[Number(digit)] ?? "a")}`;
		const submission = {
			source: null,
			title: String(n),
			trigger: "api",
			actor: "dev",
			cancelSuperseded: false,
			jobs: [job("a")],
		};
		const { owner, repo } = place;
		const spilled = { form: 1, owner, repo, run, key: null, digest: "", submission, acceptedAt: at - n } as SpilledRun;
		expect(viewSpilled(spilled, null).ok).toBe(true);
		await ports.intake.put(spilled);
	}
	expect(await drain(place)).toEqual({ drained: drainRunsMax, isMore: true });
	const [left] = await ports.intake.list(place, 10);
	expect((await ports.intake.get(place, left ?? ""))?.submission.title).toBe("0");
	expect(await drain(place)).toEqual({ drained: 1, isMore: false });
});

it("[Y7] a submission that its caller no longer waits for is not taken: its spilled copy is", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	const { submission, key, digest } = (await ports.intake.get(place, body.id)) ?? expect.fail("it stands there");
	const late = { run: body.id, submission, key, digest, deadlineAt: Date.now() - 60_000 };
	await expect(repoCalls(env, place).submit(late)).rejects.toThrow();
	expect((await runOf(place, body)).number).toBeNull();
});

it("[Y8] a record that cannot be read is moved aside and said, one of a newer build waits, and those behind them are drained", async () => {
	const place = await aRepo();
	const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
	const bodies = [];
	for (const text of ["{", '{"form":1}', '{"form":2}']) {
		const { body } = await submitTo(place, away());
		await env.ARCHIVE.put(`intake/${place.owner}/${place.repo}/${body.id}`, text);
		bodies.push(body);
	}
	const good = await submitTo(place, away());
	await drain(place);
	expect((await runOf(place, good.body)).number).toBe(1);
	const [broken, empty, newer] = bodies;
	expect(await intakeKeys(place)).toEqual([`intake/${place.owner}/${place.repo}/${newer?.id}`]);
	for (const { id } of [broken, empty].filter((run) => run !== undefined)) {
		const key = `unreadable/intake/${place.owner}/${place.repo}/${id}`;
		expect(await env.ARCHIVE.head(key)).not.toBeNull();
		expect(said.mock.calls.flat().join()).toContain(`"intake-unreadable","key":"${key}"`);
	}
	expect((await ask("GET", `${place.path}/runs/${broken?.id}`, {})).status).toBe(404);
});

it("[Y8] a record that a fault of ours meets is refused with that reason, and the others are taken", async () => {
	const place = await aRepo();
	const poison = await submitTo(place, away());
	const good = await submitTo(place, away());
	const repo = () => ({
		drain: (calls: Parameters<ReturnType<typeof ports.repo>["drain"]>[0]) =>
			calls.some(({ run }) => run === poison.body.id)
				? Promise.reject(new Error("assertion failed: one of ours"))
				: ports.repo(place).drain(calls),
		cancelRun: (call: Parameters<ReturnType<typeof ports.repo>["cancelRun"]>[0]) => ports.repo(place).cancelRun(call),
	});
	expect(await drainIntake({ ...ports, repo }, place)).toEqual({ drained: 2, isMore: false });
	expect((await runOf(place, good.body)).number).toBe(1);
	const shown = await ask("GET", `${place.path}/runs/${poison.body.id}`, {});
	expect([shown.body.outcome, shown.body.reason]).toEqual(["refused", expect.stringContaining("fault of ours")]);
});

it("[Y5] of those that were accepted in one millisecond and supersede, exactly the last stays", async () => {
	const place = await aRepo({ cloneUrl: "https://git.test/web.git" });
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
	const newer = { cancelSuperseded: true, source: { ref: "main" } };
	const told = [];
	for (const key of ["a", "b", "c"]) told.push(await submitTo(place, away(), { ...newer, jobs: [job(key)] }));
	expect(new Set(told.map(({ body }) => body.createdAt)).size).toBe(1);
	await drain(place);
	const runs = await Promise.all(told.map(({ body }) => runOf(place, body)));
	const [last, ...others] = runs.sort((a, b) => (b.number ?? 0) - (a.number ?? 0));
	expect([last?.state, others.map(({ outcome }) => outcome)]).toEqual(["accepted", ["canceled", "canceled"]]);
});

it("[Y8] however many were refused, what comes after them is drained, and the sweep gets to every repository", async () => {
	const gone = { owner: "aa-nobody", repo: "web", path: "/v1/repos/aa-nobody/web" };
	for (let n = 0; n < 3; n++) await submitTo(gone, away(), { jobs: [job(`j${n}`)] });
	await drain(gone);
	expect(await ports.intake.list(gone, 10)).toEqual([]);
	expect(await ports.intake.repositories({ after: null, limit: 500 })).not.toContainEqual({
		owner: gone.owner,
		repo: gone.repo,
	});
	const [first, second] = [await aRepo(), await aRepo()];
	for (const place of [first, second]) await submitTo(place, away());
	const [one] = await ports.intake.repositories({ after: null, limit: 1 });
	const next = await ports.intake.repositories({ after: one ?? null, limit: 1 });
	expect(next).not.toEqual([one]);
	for (const place of [first, second]) await drain(place);
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

it("[Y6] a mark that came too late for its drain does not outlive it", async () => {
	const place = await aRepo();
	const { body } = await submitTo(place, away());
	let asked = 0;
	const intake = {
		...ports.intake,
		cancel: async (...args: Parameters<typeof ports.intake.cancel>) => {
			await drain(place);
			asked++;
			await ports.intake.cancel(...args);
		},
	};
	const done = await cancelWhereItIs({ ...ports, intake } as never, place, {
		run: body.id,
		actor: "dev",
		reason: null,
	});
	expect([done.ok, asked, await states(place, body), await intakeKeys(place)]).toEqual([true, 1, "a:canceled", []]);
});
