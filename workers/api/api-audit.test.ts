// The audit through the front door: which acts are in it, with what, who may read it, and acts while it cannot be written.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AuditRecord } from "../../src/contracts/http/audit.ts";
import type { PoolFigures } from "../../src/contracts/http/runner.ts";
import type { TokenRecord } from "../../src/contracts/http/token.ts";
import type { Place } from "./api-fixture.ts";
import {
	aRepo,
	aRunner,
	aToken,
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
import { sweep } from "../sweep.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

interface List<T> {
	items: T[];
	nextCursor: string | null;
}

async function auditOf(query: string, token?: string): Promise<AuditRecord[]> {
	const { status, body } = await send<List<AuditRecord>>("GET", `/v1/audit?${query}`, token ? { token } : {});
	expect(status).toBe(200);
	return body.items;
}

/** The newest acts of the place once there are `count`, oldest first: they are written after their answers. */
async function acts({ owner }: Place, count: number): Promise<AuditRecord[]> {
	return vi.waitFor(async () => {
		const items = await auditOf(`owner=${owner}&limit=100`);
		expect(items.length).toBe(count);
		return items.reverse();
	});
}

const shape = ({ action, repo, subject, reason, details }: AuditRecord) => [action, repo, subject, reason, details];

describe("what is in it", () => {
	it("[B10] each privileged act, by whom, with which token, from where and why", async () => {
		const place = await aRepo({ maxRunning: 7 });
		const made = await makeToken(place.owner, ["read", "write", "admin", "runner:register"], { name: "Ops" });
		const { token } = made;
		const headers = { "cf-connecting-ip": "2001:db8::7" };
		const act = async (method: string, path: string, body?: object) => {
			const { status } = await send(method, path, { token, headers, ...(body ? { body } : {}) });
			expect([method, path, status]).toEqual([method, path, expect.toSatisfy((code: number) => code < 300)]);
		};
		const run = await submit(place, [job("a"), job("b"), job("c")]);
		await finish(await running(place), "failed");
		const [a, b] = (run.jobs ?? []).map(({ id }) => id);
		await act("PATCH", place.path, { paused: true, pauseNote: "wait" });
		await act("PUT", `${place.path}/secrets/NPM_TOKEN`, { value: "hunter2" });
		await act("DELETE", `${place.path}/secrets/NPM_TOKEN`);
		await act("PATCH", `${place.path}/jobs/${b}`, { priority: 9 });
		await act("POST", `${place.path}/jobs/${b}/cancel`, { reason: "wrong", force: true });
		await act("POST", `${place.path}/jobs/${a}/retry`, { reason: "flaky" });
		await act("POST", `${place.path}/runs/${run.id}/cancel`, { reason: "all wrong" });
		await act("POST", `${place.path}/runs/${run.id}/retry`, { only: "all" });
		await act("POST", `${place.path}/runs/${run.id}/cancel`);
		await act("POST", `${place.path}/retry`, { outcome: ["canceled"], ref: "main", reason: "outage" });
		await act("PATCH", `/v1/pools/${place.owner}/big`, { paused: true, pauseNote: "disks" });
		await act("POST", `/v1/pools/${place.owner}/big/runners`, { name: "one", labels: ["x"] });
		const other = await send<TokenRecord>("POST", "/v1/tokens", {
			...{ token, headers, body: { owner: place.owner, name: "CI", scopes: ["read"] } },
		});
		await act("DELETE", `/v1/tokens/${other.body.id}`);
		const [first, second, third, ...rest] = await acts(place, 17);
		expect(first).toMatchObject({ action: "repository-set", actor: "operator", token: null, from: null });
		expect(first?.details).toEqual({ replace: true, maxRunning: 7 });
		expect(second).toMatchObject({ action: "token-create", subject: made.id });
		expect(third).toMatchObject({ action: "runner-register" });
		expect(rest.map(shape)).toEqual([
			["repository-set", "web", null, null, { replace: false, paused: true, pauseNote: "wait" }],
			["secret-set", "web", "NPM_TOKEN", null, { refs: null, forks: false }],
			["secret-delete", "web", "NPM_TOKEN", null, {}],
			["job-prioritise", "web", b, null, { priority: 9 }],
			["job-cancel", "web", b, "wrong", { force: true }],
			["job-retry", "web", a, "flaky", {}],
			["run-cancel", "web", run.id, "all wrong", {}],
			["run-retry", "web", run.id, null, { only: "all" }],
			["run-cancel", "web", run.id, null, {}],
			["jobs-retry", "web", null, "outage", { outcome: ["canceled"], ref: "main", retried: 0 }],
			["pool-set", null, "big", "disks", { paused: true, pauseNote: "disks" }],
			["runner-register", null, expect.stringMatching(/^rn/), null, expect.objectContaining({ pool: "big" })],
			["token-create", null, other.body.id, null, expect.objectContaining({ name: "CI", scopes: ["read"] })],
			["token-revoke", null, other.body.id, null, { name: "CI" }],
		]);
		const who = { owner: place.owner, actor: "Ops", token: made.id, from: "2001:db8::7" };
		const id = expect.stringMatching(/^au[0-9a-f]{20}$/);
		for (const record of rest) {
			expect(record).toMatchObject({ ...who, id, at: expect.stringMatching(timePattern) });
		}
		const text = JSON.stringify([first, second, third, ...rest]);
		for (const word of ["hunter2", token.slice(-64), "spw_"]) expect(text).not.toContain(word);
	});

	it("[B10] the operator's switches are in it, for the operator; what is no address is none", async () => {
		const headers = { "cf-connecting-ip": "<script>" };
		await send("PATCH", "/v1/switches", { body: { dispatch: true }, headers });
		const record = await vi.waitFor(async () => {
			const [newest] = await auditOf("action=switches-set&limit=1");
			expect(newest).toBeDefined();
			return newest;
		});
		expect(record).toMatchObject({ owner: null, actor: "operator", from: null, details: { dispatch: true } });
	});

	it("[B10] one-job runners that come by the job are in it once an hour for each pool and address", async () => {
		const place = await aRepo();
		const register = (pool: string, from: string) =>
			send("POST", `/v1/pools/${place.owner}/${pool}/runners`, {
				...{ body: { name: "one", ephemeral: true }, headers: { "cf-connecting-ip": from } },
			});
		for (const pool of ["a", "a", "b", "a"]) expect((await register(pool, "192.0.2.1")).status).toBe(201);
		await register("a", "192.0.2.2");
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
		await register("a", "192.0.2.1");
		await aRunner(place);
		const noted = (await acts(place, 6)).map(({ from, details }) => `${details.pool} ${from}`);
		const expected = ["undefined null", "a 192.0.2.1", "b 192.0.2.1", "a 192.0.2.2", "a 192.0.2.1", "default null"];
		expect(noted).toEqual(expected);
	});

	it("[B17] an act is kept for 400 days", async () => {
		const place = await aRepo();
		const dayMs = 86_400_000;
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
		await send("PATCH", place.path, { body: {} });
		await acts(place, 2);
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 400 * dayMs - 4_000 });
		await sweep(env as unknown as Env);
		await acts(place, 1);
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
		await sweep(env as unknown as Env);
		await acts(place, 0);
	});

	it("[B11] a refusal, a replay and a dry run are not", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a")]);
		await finish(await running(place), "failed");
		const retry = `${place.path}/runs/${run.id}/retry`;
		const call = { body: { only: "failed" }, headers: { "idempotency-key": "k" } };
		expect([await refusal("POST", retry, call), await refusal("POST", retry, call)]).toEqual(["202", "200"]);
		expect(await refusal("POST", `${place.path}/retry`, { body: { dryRun: true } })).toBe("200");
		expect(await refusal("POST", `${place.path}/jobs/${run.jobs?.[0]?.id}/retry`)).toBe("409 job-not-finished");
		expect(await refusal("PATCH", place.path, { body: { maxRunning: -1 } })).toBe("400 maxRunning");
		await send("PUT", `${place.path}/secrets/LAST`, { body: { value: "x" } });
		const noted = await acts(place, 4);
		expect(noted.map(({ action }) => action)).toEqual(["repository-set", "runner-register", "run-retry", "secret-set"]);
	});

	it("[B12] while it cannot be written acts are done all the same, and stand in the log", async () => {
		const place = await aRepo();
		await acts(place, 1);
		const fail = () => Promise.reject(new Error("D1 is away"));
		const statement = { bind: () => statement, run: fail, all: fail, raw: fail, first: fail };
		const broken = { prepare: () => statement, batch: fail };
		const written = vi.spyOn(console, "error").mockImplementation(() => undefined);
		const ctx = createExecutionContext();
		const request = requestOf("PATCH", place.path, { body: { maxRunning: 3 } });
		const given = { ...env, DB: broken as unknown as D1Database };
		expect((await worker.fetch(request as never, given, ctx)).status).toBe(200);
		await waitOnExecutionContext(ctx);
		const lines = written.mock.calls.map(([line]) => JSON.parse(String(line)));
		const unwritten = lines.filter(({ event }) => event === "audit-unwritten");
		expect(unwritten).toMatchObject([{ record: { action: "repository-set", details: { maxRunning: 3 } } }]);
		await acts(place, 1);
	});
});

describe("reading it", () => {
	it("[B13] newest first, page by page, by actor and by action; each owner's own", async () => {
		const place = await aRepo();
		const token = await aToken(place.owner, ["admin"], { name: "Ada" });
		for (const name of ["A", "B", "C"]) {
			await send("PUT", `${place.path}/secrets/${name}`, { token, body: { value: "x" } });
			await acts(place, 2 + ["A", "B", "C"].indexOf(name) + 1);
		}
		const seen: (string | null)[] = [];
		for (let cursor: string | null = ""; cursor !== null; ) {
			const at: string = `/v1/audit?owner=${place.owner}&limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`;
			const { body } = await send<List<AuditRecord>>("GET", at, { token });
			seen.push(...body.items.map(({ subject, action }) => subject?.slice(0, 2) ?? action));
			cursor = body.nextCursor;
		}
		expect(seen).toEqual(["C", "B", "A", "tk", "repository-set"]);
		expect((await auditOf(`owner=${place.owner}&actor=Ada`, token)).length).toBe(3);
		expect((await auditOf(`owner=${place.owner}&actor=operator&action=token-create`, token)).length).toBe(1);
		expect(await auditOf(`owner=${place.owner}&actor=Bob`, token)).toEqual([]);
		const other = await aRepo();
		await acts(other, 1);
		const everybodys = (await auditOf("limit=100")).map(({ owner }) => owner);
		expect(everybodys).toEqual(expect.arrayContaining([place.owner, other.owner]));
		const own = (await auditOf(`owner=${place.owner}&limit=100`, token)).map(({ owner }) => owner);
		expect(new Set(own)).toEqual(new Set([place.owner]));
	});

	it("[B13] others may not, and what cannot be asked is malformed", async () => {
		const { owner } = await aRepo();
		const ask = (query: string, token?: string) => refusal("GET", `/v1/audit?${query}`, token ? { token } : {});
		const writer = await aToken(owner, ["read", "write", "runner:register"]);
		const admin = await aToken(owner, ["admin"]);
		expect(await ask(`owner=${owner}`, writer)).toBe("403 scope-missing");
		expect(await ask("", admin)).toBe("403 operator-only");
		expect(await ask("owner=somebody", admin)).toBe("404 unknown");
		expect(await ask("action=fly")).toBe("400 action");
		expect(await ask("cursor=bm90IG91cnM")).toBe("400 cursor");
		expect(await ask("limit=0")).toBe("400 limit");
	});
});

describe("lists beside it", () => {
	async function all<T>(path: string, nameOf: (item: T) => string, limit: number): Promise<string[]> {
		const seen: string[] = [];
		for (let cursor: string | null = ""; cursor !== null; ) {
			const at: string = `${path}limit=${limit}${cursor === "" ? "" : `&cursor=${cursor}`}`;
			const { body } = await send<List<T>>("GET", at);
			seen.push(...body.items.map(nameOf));
			cursor = body.nextCursor;
		}
		return seen;
	}

	it("[B14] tokens of one millisecond are listed by page, none left out and none twice", async () => {
		const { owner } = await aRepo();
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
		const made: string[] = [];
		for (const name of ["1", "2", "3", "4", "5"]) made.push((await makeToken(owner, ["read"], { name })).id);
		const seen = await all<TokenRecord>(`/v1/tokens?owner=${owner}&`, ({ id }) => id, 2);
		expect(seen).toEqual([...made].sort().reverse());
	});

	it("[B14] an owner's pools are listed to the end, also beyond a hundred", async () => {
		const place = await aRepo();
		await aRunner(place);
		const names = Array.from({ length: 104 }, (_, at) => `p${String(at).padStart(3, "0")}`);
		for (const pool of names) await env.DB.prepare("INSERT INTO pool VALUES (?, ?)").bind(place.owner, pool).run();
		const listed = () => all<PoolFigures>(`/v1/pools/${place.owner}?`, ({ pool }) => pool, 60);
		await vi.waitFor(async () => expect(await listed()).toEqual(["default", ...names]));
	});
});
