// Repositories: settings as written, changed and read, the figures of the queue, and the lists of the read model.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import type { Run } from "../../src/contracts/http/run.ts";
import type { TokenRecord } from "../../src/contracts/http/token.ts";
import type { Call, Place } from "./api-fixture.ts";
import {
	aRepo,
	aRepoOf,
	expectProblem,
	finish,
	job,
	makeToken,
	refusal,
	requestOf,
	running,
	send,
	submit,
	timePattern,
} from "./api-fixture.ts";
import type { Env } from "../env.ts";
import worker from "../main.ts";

const time = expect.stringMatching(timePattern);
const env = bindings as unknown as Env;

interface List<T> {
	items: T[];
	nextCursor: string | null;
	asOf: string;
	stale: boolean;
}

const defaults = {
	cloneUrl: null,
	defaultRef: null,
	maxRunning: 50,
	paused: false,
	pauseNote: null,
	defaults: { pool: "default", timeoutSeconds: 3_600, queueTimeoutSeconds: 86_400, retry: { maxAttempts: 1 } },
	concurrencyGroups: {},
	retryBudget: { perHour: 60, ratio: 0.2 },
	fairness: { by: "ref", perRunningSeconds: 60, weights: {} },
	poolWeight: 1,
	draining: false,
	retentionDays: 90,
	logBytesMax: 104_857_600,
	locationHint: null,
};

describe("settings", () => {
	it("[A31] PUT takes the defaults for what is left out, PATCH leaves it as it is, GET reads all of it", async () => {
		const { owner, repo, path } = await aRepo();
		const read = async () => (await send("GET", path)).body;
		expect(await read()).toEqual({ owner, repo, ...defaults });
		const all = {
			cloneUrl: "https://git.example/acme/web.git",
			maxRunning: 7,
			defaultRef: "main",
			paused: true,
			pauseNote: "Wartung 🚧",
			defaults: { pool: "big", timeoutSeconds: 60, queueTimeoutSeconds: 600, retry: { maxAttempts: 3, on: [{}] } },
			concurrencyGroups: { deploy: { limit: 1 }, constructor: { limit: 2 } },
			retryBudget: { perHour: 1, ratio: 0 },
			fairness: { by: "actor", perRunningSeconds: 5, weights: { bot: 0.5 } },
			poolWeight: 100,
			draining: true,
			retentionDays: 1,
			logBytesMax: 2_048,
			locationHint: "weur",
		};
		const put = await send("PUT", path, { body: all });
		expect([put.status, put.body]).toEqual([200, { owner, repo, ...all }]);
		const some = { paused: false, pauseNote: null, defaults: { pool: "small" }, retryBudget: { ratio: 1 } };
		const patched = await send("PATCH", path, { body: { ...some, concurrencyGroups: { test: { limit: 3 } } } });
		const expected = {
			...all,
			paused: false,
			pauseNote: null,
			defaults: { ...all.defaults, pool: "small" },
			retryBudget: { perHour: 1, ratio: 1 },
			concurrencyGroups: { test: { limit: 3 } },
		};
		expect([patched.status, patched.body]).toEqual([200, { owner, repo, ...expected }]);
		expect((await send("PATCH", path)).body).toEqual(patched.body);
		expect(await read()).toEqual(patched.body);
		expect((await send("PUT", path)).body).toEqual({ owner, repo, ...defaults });
	});

	it("[A31] a repository is known once it was put, and what is wrong changes nothing", async () => {
		const { owner, path } = await aRepo({ maxRunning: 3 });
		const other = `/v1/repos/${owner}/other`;
		for (const [method, at] of [
			["GET", other],
			["PATCH", other],
			["GET", `${other}/queue`],
			["GET", `${other}/secrets`],
			["GET", `${other}/runs/r${"a".repeat(24)}`],
		] as const) {
			expect(await refusal(method, at)).toBe("404 repository-unknown");
		}
		expect(await refusal("POST", `${other}/runs`, { body: { jobs: [job("a")] } })).toBe("404 repository-unknown");
		expect(await refusal("PUT", `${other}/secrets/A`, { body: { value: "x" } })).toBe("404 repository-unknown");
		expect(await refusal("DELETE", `${other}/secrets/A`)).toBe("404 repository-unknown");
		expect((await send<List<Run>>("GET", `${other}/runs`)).body.items).toEqual([]);
		const put = (body: object) => refusal("PUT", path, { body });
		expect(await put({ maxRunning: -1 })).toBe("400 maxRunning");
		expect(await put({ maxRunning: 1, paused: "no" })).toBe("400 paused");
		expect(await put({ concurrencyGroups: { "a b": { limit: 1 } } })).toMatch(/^400 concurrencyGroups/);
		expect(await put({ defaults: { pool: "A", timeoutSeconds: 0 } })).toBe(
			"400 defaults.pool, defaults.timeoutSeconds",
		);
		expect(await put({ locationHint: "mars", retentionDays: 0, logBytesMax: 1 })).toBe(
			"400 retentionDays, logBytesMax, locationHint",
		);
		for (const poolWeight of [0, 101, 1.5]) expect(await put({ poolWeight })).toBe("400 poolWeight");
		expect(await put({ pauseNote: "x".repeat(501) })).toBe("400 pauseNote");
		expect((await send("GET", path)).body).toMatchObject({ maxRunning: 3, paused: false });
	});

	it("[A32] the figures of the queue count jobs by state, and say the limits that hold", async () => {
		const groups = { concurrencyGroups: { deploy: { limit: 1 } } };
		const place = await aRepo({ maxRunning: 1, ...groups });
		const figures = async () => (await send("GET", `${place.path}/queue`)).body;
		const none = { blocked: 0, waiting: 0, leased: 0, running: 0, canceling: 0, oldestWaitingSeconds: null };
		const waits = { waitSecondsP50: null, waitSecondsP99: null, projectionLagSeconds: expect.any(Number) };
		const head = { paused: false, pauseNote: null, limits: { maxRunning: 1, ...groups } };
		expect(await figures()).toEqual({ ...head, ...none, ...waits });
		await submit(place, [job("a"), job("b"), job("c", { needs: ["b"] })]);
		const seconds = expect.any(Number);
		expect(await figures()).toEqual({
			...head,
			...none,
			...waits,
			waiting: 2,
			blocked: 1,
			oldestWaitingSeconds: seconds,
		});
		const grant = await running(place);
		const waited = { waitSecondsP50: seconds, waitSecondsP99: seconds };
		expect(await figures()).toMatchObject({ ...waited, waiting: 1, blocked: 1, running: 1, leased: 0 });
		await send("POST", `${place.path}/jobs/${grant.job.id}/cancel`);
		expect(await figures()).toMatchObject({ canceling: 1, running: 0 });
		await send("PATCH", place.path, { body: { paused: true, pauseNote: "later", maxRunning: 9 } });
		expect(await figures()).toMatchObject({ paused: true, pauseNote: "later", limits: { maxRunning: 9, ...groups } });
	});
});

describe("lists", () => {
	/** Three runs that differ in all that can be asked for, seen by the read model. */
	async function threeRuns(): Promise<{ place: Place; runs: Run[] }> {
		const place = await aRepo({ cloneUrl: "https://git.example/web.git" });
		const main = { source: { ref: "refs/heads/main" } };
		const first = await submit(place, [job("a")], { ...main, actor: "ada" });
		await finish(await running(place), "failed");
		const second = await submit(place, [job("a")], { source: { ref: "refs/heads/größe" }, actor: "bob" });
		await running(place);
		const third = await submit(place, [job("a")], { ...main, actor: "bob" });
		const seen = async () => (await send<List<Run>>("GET", `${place.path}/runs`)).body.items.map(({ state }) => state);
		const all = ["accepted", "running", "finished"];
		await vi.waitFor(async () => expect(await seen()).toEqual(all), { timeout: 10_000, interval: 100 });
		return { place, runs: [third, second, first] };
	}

	it("[A33] runs are listed newest first, by page and by what they are", async () => {
		const { place, runs } = await threeRuns();
		const list = async (query: string) => (await send<List<Run>>("GET", `${place.path}/runs?${query}`)).body;
		const numbers = async (query: string) => (await list(query)).items.map(({ number }) => number);
		const whole = await list("");
		expect(whole).toMatchObject({ nextCursor: null, asOf: time, stale: false });
		expect(whole.items.map(({ id }) => id)).toEqual(runs.map(({ id }) => id));
		const { jobs: _, ...shown } = (await send<Run>("GET", `${place.path}/runs/${runs[0]?.id}`)).body;
		expect(whole.items[0]).toEqual(shown);
		expect(await numbers("state=finished")).toEqual([1]);
		expect(await numbers("outcome=failed")).toEqual([1]);
		expect(await numbers("outcome=passed")).toEqual([]);
		expect(await numbers("ref=refs/heads/main")).toEqual([3, 1]);
		expect(await numbers(`ref=${encodeURIComponent("refs/heads/größe")}`)).toEqual([2]);
		expect(await numbers("actor=bob&state=running")).toEqual([2]);
		expect(await numbers("actor=' OR 1=1 --")).toEqual([]);
		expect(await numbers("state=&actor=bob")).toEqual([3, 2]);
		const first = await list("actor=bob&limit=1");
		expect(first.items.map(({ number }) => number)).toEqual([3]);
		const rest = await list(`actor=bob&limit=1&cursor=${first.nextCursor}`);
		expect([rest.items.map(({ number }) => number), rest.nextCursor]).toEqual([[2], null]);
	});

	it("[A33] a limit, a cursor or a filter that cannot be is malformed", async () => {
		const { owner, path } = await aRepo();
		const run = await submit({ owner, path, repo: "web" }, [job("a")]);
		const lists = [`/v1/repos?owner=${owner}&`, `/v1/tokens?owner=${owner}&`, `/v1/pools/${owner}?`];
		for (const at of [...lists, `${path}/runs?`, `${path}/runs/${run.id}/jobs?`, `${path}/secrets?`]) {
			for (const limit of ["0", "101", "-1", "1.5", "0x10", "1e1", "", "many"]) {
				expect([at, limit, await refusal("GET", `${at}limit=${limit}`)]).toEqual([at, limit, "400 limit"]);
			}
			expect(await refusal("GET", `${at}limit=100`)).toBe("200");
			for (const cursor of ["", "!", "bm90IG91cnM7IC0tIQ"]) {
				expect([at, cursor, await refusal("GET", `${at}cursor=${cursor}`)]).toEqual([at, cursor, "400 cursor"]);
			}
		}
		for (const bad of ["state=done", "state=FINISHED", "outcome=skipped"]) {
			expect(await refusal("GET", `${path}/runs?${bad}`)).toBe(`400 ${bad.split("=")[0]}`);
		}
		expect(await refusal("GET", "/v1/repos")).toBe("400 owner");
	});

	it("[A33] repositories and tokens are paged to the end, none twice", async () => {
		const { owner } = await aRepo();
		for (const repo of ["a", "b.c", "z_9"]) await aRepoOf(owner, repo);
		const all = async <T>(at: string, nameOf: (item: T) => string) => {
			const seen: string[] = [];
			for (let cursor: string | null = ""; cursor !== null; ) {
				const query: string = `${at}?owner=${owner}&limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`;
				const { body } = await send<List<T>>("GET", query);
				seen.push(...body.items.map(nameOf));
				cursor = body.nextCursor;
			}
			return seen;
		};
		const repos = () => all<{ repo: string }>("/v1/repos", ({ repo }) => repo);
		await vi.waitFor(async () => expect(await repos()).toEqual(["a", "b.c", "web", "z_9"]), { timeout: 10_000 });
		const made: string[] = [];
		for (const name of ["1", "2", "3"]) {
			vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 1 });
			made.unshift((await makeToken(owner, ["read"], { name })).id);
		}
		vi.useRealTimers();
		expect(await all<TokenRecord>("/v1/tokens", ({ id }) => id)).toEqual(made);
	});
});

describe("without the read model", () => {
	const fail = () => Promise.reject(new Error("D1 is away"));
	const statement = { bind: () => statement, run: fail, all: fail, raw: fail, first: fail };
	const broken = { prepare: () => statement, batch: fail };

	async function ask(path: string, isBroken: boolean, call: Call = {}) {
		const ctx = createExecutionContext();
		const given = isBroken ? { ...env, DB: broken as unknown as D1Database } : env;
		const response = await worker.fetch(requestOf("GET", path, call) as never, given, ctx);
		const { status, headers } = response;
		const answer = { status, headers, body: (await response.json()) as never };
		await waitOnExecutionContext(ctx);
		return answer;
	}

	it("[A34] a list that was read before is given again, marked stale; any other is unavailable for a while", async () => {
		const place = await aRepo();
		const list = `${place.path}/runs?limit=9`;
		const fresh = await ask(list, false);
		expect(fresh.body).toMatchObject({ stale: false });
		const stale = await ask(list, true);
		expect([stale.status, stale.body]).toEqual([200, { ...(fresh.body as object), stale: true }]);
		const written = vi.spyOn(console, "error").mockImplementation(() => undefined);
		const trace = "0123456789abcdef0123456789abcdef";
		const headers = { traceparent: `00-${trace}-0123456789abcdef-01`, "x-request-id": "seen-in-the-log" };
		const never = await ask(`${place.path}/runs?limit=8`, true, { headers });
		expectProblem(never);
		const line = JSON.parse(String(written.mock.lastCall?.[0]));
		expect(line).toMatchObject({ event: "outage", trace, requestId: "seen-in-the-log" });
		expect(line.cause).toContain("D1 is away");
		expect(never).toMatchObject({ status: 503, body: { code: "unavailable" } });
		expect(never.headers.get("retry-after")).toBe("2");
		expect((await ask("/readyz", true)).body).toMatchObject({
			status: "degraded",
			dependencies: { database: { status: "down" }, archive: { status: "ok" }, objects: { status: "ok" } },
		});
		expect((await ask(place.path, true)).status).toBe(200);
		expect((await ask(list, false)).body).toMatchObject({ stale: false });
	});
});
