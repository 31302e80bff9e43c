// Many calls at once for one owner, and one of another owner beside them: who waits for whom, what is shed, and what never is. Orders
// and counts, never times. All requests of a test share its context, since the test runtime lets none wake another's: the journey
// in test/ has each in its own.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import type { Run } from "../../src/contracts/http/run.ts";
import type { RepoCalls } from "../../src/contracts/objects/objects.ts";
import { repoObjectName } from "../../src/contracts/wire/object-name.ts";
import { callLimits } from "../../src/domain/overload/overload-limits.ts";
import { repoCalls } from "../bindings/stubs.ts";
import main from "../main.ts";
import { aRepo, aRunner, aToken, fetchRaw, grantOf, job, requestOf, send, states, submit } from "./api-fixture.ts";
import type { Call, Place } from "./api-fixture.ts";

afterEach(async () => {
	await send("PATCH", "/v1/switches", { body: { spill: "auto" } });
});

interface Sent {
	who: string;
	method: string;
	path: string;
	call?: Call;
	signal?: AbortSignal;
}

interface Answered {
	who: string;
	status: number;
	code: string | null;
}

const flood = 200;
/** Those in work when the other owner's call comes, and those that begin and end beside it: far fewer than wait. */
const aheadMax = flood / 3;

/** Sends all at once, in this order. Resolves to the answers in the order in which they came. */
async function together(calls: readonly Sent[], bindings: object = {}): Promise<Answered[]> {
	const answers: Answered[] = [];
	const ctx = createExecutionContext();
	await Promise.all(
		calls.map(async ({ who, method, path, call = {}, signal }) => {
			const request = requestOf(method, path, call);
			const given = signal ? new Request(request, { signal }) : request;
			const response = await main.fetch(
				given as never,
				{ ...env, CALLS_AT_ONCE: callLimits.ownerCost, ...bindings } as never,
				ctx,
			);
			if (response.status === 503) expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
			const text = await response.text();
			const code = response.status < 400 ? null : (JSON.parse(text) as { code: string }).code;
			answers.push({ who, status: response.status, code });
		}),
	);
	await waitOnExecutionContext(ctx);
	return answers;
}

const times = <T>(count: number, each: T): T[] => Array.from({ length: count }, () => each);
const body = { jobs: [job("a")] };
const submission = ({ path }: Place) => ({ method: "POST", path: `${path}/runs`, call: { body } });
const list = ({ path }: Place) => ({ method: "GET", path: `${path}/runs` });

/** How many of these got this answer. */
const count = (answers: Answered[], who: string, status: number) =>
	answers.filter((each) => each.who === who && each.status === status).length;

async function twoOwners(): Promise<{ hammered: Place; other: Place }> {
	const [hammered, other] = [await aRepo(), await aRepo()];
	for (const place of [hammered, other]) await submit(place, [job("a")]);
	return { hammered, other };
}

it.each([
	["submissions", submission],
	["lists", list],
	["reads", ({ path }: Place) => ({ method: "GET", path: `${path}/queue` })],
	["views", ({ path }: Place) => ({ method: "GET", path: `${path}/runs/latest/jobs/a/attempts/1/log` })],
	[
		"acts",
		({ path }: Place) => ({ method: "PUT", path: `${path}/secrets/KEY`, call: { body: { value: "12345678" } } }),
	],
])("[V1] a submission waits for few of another owner's flood of %s", async (_, kind) => {
	const { hammered, other } = await twoOwners();
	const calls = [...times(flood, { who: "flood", ...kind(hammered) }), { who: "other", ...submission(other) }];
	const answers = await together(calls);
	expect(count(answers, "other", 201)).toBe(1);
	const done = answers.filter(({ code }) => code !== "overloaded");
	expect(done.findIndex(({ who }) => who === "other")).toBeLessThanOrEqual(aheadMax);
});

/** Resolves once as many submissions wait for their turn. */
async function untilWaiting(least: number): Promise<void> {
	await vi.waitFor(async () => {
		const text = await new Response((await fetchRaw("GET", "/metrics")).body).text();
		const waiting = /waiting\{line="calls",class="submission"\} (\d+)\n/.exec(text)?.[1];
		expect(Number(waiting)).toBeGreaterThanOrEqual(least);
	});
}

it("[V3][V12] lists are shed while submissions and acts of the same repository still wait, and nothing of them is done", async () => {
	const { hammered } = await twoOwners();
	const flooding = together(times(500, { who: "flood", ...submission(hammered) }));
	await untilWaiting(300);
	const answers = await together([
		...times(20, { who: "list", method: "GET", path: `${hammered.path}/runs?limit=7` }),
		{ who: "act", method: "PUT", path: `${hammered.path}/secrets/KEY`, call: { body: { value: "12345678" } } },
	]);
	// Whatever becomes of the act, it waited: the lists were answered before it.
	expect(answers.at(-1)?.who).toBe("act");
	const lists = answers.filter(({ who }) => who === "list").map(({ status, code }) => `${status} ${code}`);
	expect(lists).toEqual(times(20, "503 overloaded"));
	const flood = await flooding;
	expect(count(flood, "flood", 201) + count(flood, "flood", 202)).toBe(500);
});

it("[V15] a list that is shed shows its last good page and since when, to whoever may see it", async () => {
	const { hammered, other } = await twoOwners();
	const [own, stranger] = [await aToken(hammered.owner, ["read"]), await aToken(other.owner, ["read"])];
	const before = await vi.waitFor(async () => {
		const list = await send<{ items: Run[]; asOf: string }>("GET", `${hammered.path}/runs`);
		expect(list.body.items).toHaveLength(1);
		return list;
	});
	const flooding = together(times(500, { who: "flood", ...submission(hammered) }));
	await untilWaiting(300);
	const ctx = createExecutionContext();
	const asked = (token: string) =>
		main.fetch(
			requestOf("GET", `${hammered.path}/runs`, { token }) as never,
			{ ...env, CALLS_AT_ONCE: callLimits.ownerCost } as never,
			ctx,
		);
	const shown = await asked(own);
	expect([shown.status, shown.headers.get("spillway-stale")]).toEqual([200, before.body.asOf]);
	expect(await shown.json()).toMatchObject({ items: [{ id: before.body.items[0]?.id }], stale: true });
	expect((await asked(stranger)).status).toBe(404);
	await flooding;
	await waitOnExecutionContext(ctx);
});

it("[V4] past its repository's line a submission is spilled, and refused only where nothing may be spilled", async () => {
	const { hammered } = await twoOwners();
	const most = callLimits.ownerCost + callLimits.waiting.submission;
	const calls = times(most + 200, { who: "submission", ...submission(hammered) });
	const answers = await together(calls, { INTAKE: { send: async () => undefined } });
	const spilled = count(answers, "submission", 202);
	// How many exactly hangs on how many ended while others still came.
	expect(spilled).toBeGreaterThan(0);
	const known = new Set(["201 null", "202 null", "503 overloaded"]);
	expect(answers.filter(({ status, code }) => !known.has(`${status} ${code}`))).toEqual([]);
	const kept = await env.ARCHIVE.list({ prefix: `intake/${hammered.owner}/${hammered.repo}/` });
	expect(kept.objects).toHaveLength(spilled);
	await send("PATCH", "/v1/switches", { body: { spill: "never" } });
	const refused = await together(calls);
	const answered = new Set(refused.map(({ status, code }) => `${status} ${code}`));
	expect(answered).toEqual(new Set(["201 null", "503 overloaded"]));
});

it("[V5] the calls of a runner and of a lease pass their own owner's flood, and none is shed", async () => {
	const { hammered } = await twoOwners();
	const runner = await aRunner(hammered);
	const grant = await grantOf(runner);
	const { token } = grant.lease;
	const leaseCalls: Sent[] = [
		{
			who: "runner",
			method: "POST",
			path: "/v1/runner/heartbeat",
			call: { token: runner.token, body: { leases: [] } },
		},
		{ who: "runner", method: "POST", path: "/v1/lease/start", call: { token, body: {} } },
	];
	const calls = [...times(flood, { who: "flood", ...submission(hammered) }), ...leaseCalls];
	const answers = await together(calls);
	expect(count(answers, "runner", 200)).toBe(2);
	expect(answers.findLastIndex(({ who }) => who === "runner")).toBeLessThanOrEqual(aheadMax);
	const finish = { outcome: "passed", exitCode: 0, logLength: 0 };
	const ends = await together([
		...times(flood, { who: "flood", method: "GET", path: `${hammered.path}/runs?limit=9` }),
		{ who: "runner", method: "POST", path: "/v1/lease/finish", call: { token, body: finish } },
	]);
	expect(count(ends, "runner", 200)).toBe(1);
	expect(count(ends, "flood", 503)).toBeGreaterThan(0);
});

it("[V6] bodies that never end hold up nobody, not even their own repository", async () => {
	const { hammered } = await twoOwners();
	const endless = times(3 * callLimits.ownerCost, null).map(() => {
		const part = new ReadableStream({
			start: (controller) => controller.enqueue(new TextEncoder().encode('{"jobs":[')),
		});
		const request = requestOf("POST", `${hammered.path}/runs`, {
			body: part,
			headers: { "content-type": "application/json" },
		});
		return { request, ctx: createExecutionContext() };
	});
	const open = endless.map(({ request, ctx }) => main.fetch(request as never, env as never, ctx));
	let answered = 0;
	for (const each of open) void Promise.resolve(each).finally(() => answered++);
	const run = await send<Run>("POST", `${hammered.path}/runs`, { body });
	expect([run.status, answered]).toEqual([201, 0]);
});

it("[V8] a caller that goes while its call waits leaves the line, and nothing of it is done", async () => {
	const { hammered } = await twoOwners();
	const gone = new AbortController();
	const calls: Sent[] = times(flood, null).map((_, at) => ({
		who: at < callLimits.ownerCost ? "in work" : "waiting",
		...submission(hammered),
		...(at < callLimits.ownerCost ? {} : { signal: gone.signal }),
	}));
	const answering = together(calls);
	await untilWaiting(100);
	gone.abort();
	const answers = await answering;
	expect(count(answers, "in work", 201)).toBe(callLimits.ownerCost);
	const taken = count(answers, "waiting", 201);
	expect(taken).toBeLessThan(flood - callLimits.ownerCost);
	expect(count(answers, "waiting", 202)).toBe(0);
	const figures = await send<{ waiting: number }>("GET", `${hammered.path}/queue`);
	expect(figures.body.waiting).toBe(1 + callLimits.ownerCost + taken);
});

it("[V11] a repository does not begin a bulk act, its dry run, an addition of jobs or a claim that nobody waits for any more", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("a")]);
	const calls = repoCalls(env, place);
	const late = { actor: "ci", reason: null, label: null, ref: null, deadlineAt: Date.now() - 60_000 };
	const name = { pool: "default", shard: 0, labels: [], free: 1 };
	const runner = { id: "rn1", name: "one" };
	for (const call of [
		() => calls.cancelMatching({ ...late, state: ["waiting"], dryRun: true }),
		() => calls.cancelMatching({ ...late, state: ["waiting"], dryRun: false }),
		() => calls.retryMatching({ ...late, outcome: ["failed"], since: null, dryRun: true, key: null }),
		() => calls.addJobs({ ...late, run: run.id, jobs: [], key: null, digest: "" }),
	]) {
		await expect(call()).rejects.toThrow("no more");
	}
	const claimed = await calls.claim({ ...name, runner, deadlineAt: late.deadlineAt });
	expect(claimed.grants).toEqual([]);
	// The object itself says so by a value: what it throws, the runtime logs as a fault that nobody caught.
	const raw = env.REPO.get(env.REPO.idFromName(repoObjectName(place))) as unknown as RepoCalls;
	const said = await raw.cancelMatching({ ...late, state: ["waiting"], dryRun: false });
	expect(said).toEqual({ ok: false, refusal: { code: "caller-gone" } });
	expect(await states(place, run)).toBe("a:waiting");
});
