// The command line against an API on loopback: what is sent, what is shown, and the exit code.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/fake-terminal.ts";
import { aWireAttempt, aWireJob, aWireRun } from "../testing/wire-builders.ts";

const runs = "/v1/repos/acme/web/runs";
const { id } = aWireRun();

let api: FakeApi;
let folder: string;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
	folder = await mkdtemp(join(tmpdir(), "spillway-cli-"));
});
afterEach(async () => {
	await api.close();
	await rm(folder, { recursive: true });
});

describe("a command line that cannot be used", () => {
	it.each([
		["no command", [], "Usage: spillway"],
		["an unknown command", ["fly"], "unknown command 'fly'"],
		["an unknown option", ["run", "list", "acme/web", "--colour"], "unknown option '--colour'"],
		["a missing argument", ["run", "watch", "acme/web"], "missing required argument 'run'"],
		["half a repository", ["run", "list", "acme"], "Want OWNER/REPO."],
		["no number", ["run", "list", "acme/web", "--limit", "few"], "Want a whole number."],
		["a missing option", ["token", "create", "acme", "--name", "ci"], "required option '--scope <scopes>'"],
		["a port out of range", ["serve", "--port", "70000"], "Want 0 to 65535"],
		["a pipeline that is not there", ["run", "start", "acme/web", "-f", "/nowhere.json"], "cannot read /nowhere.json"],
	])("[X1] %s exits with 2, says so, and nothing is sent", async (_, words, says) => {
		const { code, err } = await run(api, words);
		expect(code).toBe(2);
		expect(err).toContain(says);
		expect(api.calls).toEqual([]);
	});

	it("[X1] no token exits with 2 and says where one is looked for", async () => {
		const { code, err } = await run(api, ["run", "list", "acme/web"], { environment: { SPILLWAY_URL: api.url } });
		expect({ code, err }).toEqual({ code: 2, err: "spillway: no token: set SPILLWAY_TOKEN or give --token\n" });
	});

	it("[X1] help exits with 0 and lists the exit codes", async () => {
		const { code, out } = await run(api, ["--help"]);
		expect(code).toBe(0);
		expect(out).toContain("3  a run or job that was followed was canceled");
	});
});

it("[N186] --version shows the version and exits with 0", async () => {
	expect(await run(api, ["--version"])).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: "" });
});

describe("a server that does not do it", () => {
	it("[X2] a refusal is one line with code, reason and fields at fault, and exits with 4", async () => {
		const errors = [{ path: "jobs[0].key", message: "must match" }];
		const problem = { code: "malformed", detail: "The body is not as it must be.", requestId: "q1", errors };
		api.on(`POST ${runs}`, { status: 400, json: problem });
		const { code, out, err } = await run(api, ["run", "start", "acme/web", "-f", "-"], { input: "[{}]" });
		expect({ code, out }).toEqual({ code: 4, out: "" });
		expect(err).toBe("spillway: malformed: The body is not as it must be. jobs[0].key: must match [request q1]\n");
	});

	it("[X2] a server that does not answer is one line, and exits with 5", async () => {
		const { url } = api;
		await api.close();
		// Made once and not repeated, so nothing is waited for.
		const words = ["token", "create", "acme", "--name", "ci", "--scope", "read", "--url", url, "--token", "t"];
		const server = await import("node:http").then(({ createServer }) => createServer((request) => request.destroy()));
		await new Promise<void>((resolve) => server.listen(Number(new URL(url).port), "127.0.0.1", resolve));
		const { code, err } = await run({ url }, words);
		server.close();
		api = new FakeApi();
		await api.open();
		expect(code).toBe(5);
		expect(err).toMatch(/^spillway: no answer from 127\.0\.0\.1:\d+: .*\n$/);
	});
});

describe("run start", () => {
	it("[X3] sends the file, with what the command line says over it, under its idempotency key", async () => {
		const file = join(folder, "pipeline.json");
		const jobs = [{ key: "test", run: "true" }];
		await writeFile(file, JSON.stringify({ title: "from the file", source: { ref: "main" }, jobs }));
		api.on(`POST ${runs}`, { status: 201, json: aWireRun({ state: "accepted", outcome: null }) });
		const commit = "0123456789012345678901234567890123456789";
		const words = ["run", "start", "acme/web", "-f", file, "--commit", commit, "--title", "mine"];
		const { code, out } = await run(api, [...words, "--idempotency-key", "push-1"]);
		expect({ code, out }).toEqual({ code: 0, out: `run #7 ${id} accepted\n` });
		expect(api.calls[0]?.json).toEqual({ title: "mine", source: { ref: "main", commit }, jobs });
		expect(api.calls[0]?.headers).toMatchObject({ "idempotency-key": "push-1", authorization: "Bearer a-token" });
	});

	it("[X3] takes a bare list of jobs from standard input, and tells a replay", async () => {
		api.on(`POST ${runs}`, { status: 200, headers: { "idempotency-replayed": "true" }, json: aWireRun() });
		const { out } = await run(api, ["run", "start", "acme/web", "-f", "-"], { input: '[{"key":"a","run":"true"}]' });
		expect(out).toBe(`run #7 ${id} exists already\n`);
		expect(api.calls[0]?.json).toEqual({ jobs: [{ key: "a", run: "true" }] });
	});
});

describe("answers for programs", () => {
	it("[X4] --json prints the answer as one line of JSON and nothing else", async () => {
		const page = { items: [aWireRun()], nextCursor: null, asOf: "2026-05-01T12:00:00.000Z", stale: false };
		api.on(`GET ${runs}?state=finished&limit=1`, { json: page });
		const words = ["run", "list", "acme/web", "--state", "finished", "--limit", "1", "--json"];
		const { code, out, err } = await run(api, words);
		expect({ code, err }).toEqual({ code: 0, err: "" });
		expect(out).toBe(`${JSON.stringify(page)}\n`);
	});

	it.each([
		["a list", ["run", "list", "acme/web"], `GET ${runs}`, { items: [], nextCursor: null, asOf: "", stale: true }],
		["a run", ["run", "show", "acme/web", id], `GET ${runs}/${id}`, aWireRun()],
	])("[M3] %s that is out of date says so once, on standard error, in JSON too", async (_, words, call, json) => {
		const said = "spillway: this may be out of date: it was so at 2026-05-01T12:00:00.000Z\n";
		api.on(call, { headers: { "spillway-stale": "2026-05-01T12:00:00.000Z" }, json });
		const shown = await run(api, words);
		expect([shown.code, shown.err]).toEqual([0, said]);
		expect(await run(api, [...words, "--json"])).toEqual({ code: 0, out: `${JSON.stringify(json)}\n`, err: said });
		api.on(call, { json });
		expect((await run(api, words)).err).toBe("");
	});

	it("[B28] a run of a fork is shown as one", async () => {
		for (const fork of [false, true]) {
			api.on(`GET ${runs}/${id}`, { json: aWireRun({ fork, title: "Fix it" }) });
			const { out } = await run(api, ["run", "show", "acme/web", id]);
			expect([fork, out.includes('"Fix it" of a fork ')]).toEqual([fork, fork]);
		}
	});

	it("[X4] a new token stands alone on standard output", async () => {
		const record = { id: "tk1", owner: "acme", name: "ci", scopes: ["read", "write"], repos: ["web"] };
		api.on("POST /v1/tokens", { status: 201, json: { ...record, token: "spw_access_x" } });
		const words = ["token", "create", "acme", "--name", "ci", "--scope", "read,write", "--repo", "web"];
		const { out } = await run(api, [...words, "--expires", "2030-01-01T00:00:00Z"]);
		expect(out).toBe("spw_access_x\n");
		expect(api.calls[0]?.json).toEqual({
			owner: "acme",
			name: "ci",
			scopes: ["read", "write"],
			repos: ["web"],
			expiresAt: "2030-01-01T00:00:00.000Z",
		});
	});
});

describe("repo set", () => {
	const repository = {
		owner: "acme",
		repo: "web",
		cloneUrl: null,
		maxRunning: 5,
		paused: true,
		pauseNote: "moving",
		defaults: { pool: "default", timeoutSeconds: 3_600, queueTimeoutSeconds: 86_400, retry: { maxAttempts: 1 } },
		concurrencyGroups: { deploy: { limit: 1 } },
		retryBudget: { perHour: 60, ratio: 0.2 },
		retentionDays: 90,
		logBytesMax: 1_024,
		locationHint: null,
	};

	it("[X5] changes what is named and nothing else", async () => {
		api.on("PATCH /v1/repos/acme/web", { json: repository });
		const words = ["repo", "set", "acme/web", "--max-running", "5", "--pause", "moving", "--group", "deploy=1"];
		const { code, out } = await run(api, words);
		expect(code).toBe(0);
		expect(out).toContain("paused       yes: moving");
		expect(api.calls.map(({ json }) => json)).toEqual([
			{ maxRunning: 5, paused: true, pauseNote: "moving", concurrencyGroups: { deploy: { limit: 1 } } },
		]);
	});

	it("[X5] makes a repository that nobody knew", async () => {
		api.on("PATCH /v1/repos/acme/web", { status: 404, json: { code: "repository-unknown", detail: "No such." } });
		api.on("PUT /v1/repos/acme/web", { status: 201, json: repository });
		expect((await run(api, ["repo", "set", "acme/web", "--pool", "big"])).code).toBe(0);
		expect(api.calls.at(-1)).toMatchObject({ method: "PUT", json: { defaults: { pool: "big" } } });
	});
});

describe("run watch", () => {
	const output = (offset: number, text: string) => {
		return { type: "output" as const, offset, next: offset + Buffer.byteLength(text), text };
	};
	const end = (outcome: string) => ({
		type: "end" as const,
		length: 3,
		sha256: null,
		outcome,
		state: "sealed" as const,
	});

	it.each([
		["passed", 0],
		["failed", 1],
		["canceled", 3],
	] as const)("[X6] a run that %s exits with %i", async (outcome, code) => {
		const job = aWireJob("test", { outcome });
		api.on(`GET ${runs}/${id}`, { json: aWireRun({ outcome, jobs: [job] }) });
		api.logs.set(job.id, [{ type: "attempt", number: 1 }, end(outcome)]);
		expect((await run(api, ["run", "watch", "acme/web", id])).code).toBe(code);
	});

	it("[X7] shows whole lines behind their job's name, what happens between attempts, and a table at the end", async () => {
		const attempts = [aWireAttempt({ outcome: "failed", exitCode: 75 }), aWireAttempt({ number: 2 })];
		const waiting = {
			code: "backing-off",
			detail: "attempt 2 waits",
			position: null,
			since: "",
			expectedStartAt: null,
		};
		const before = aWireJob("test", {
			state: "waiting",
			outcome: null,
			attempts: attempts.slice(0, 1),
			waiting: waiting as never,
		});
		const job = aWireJob("test", { attempts });
		api.on(
			`GET ${runs}/${id}`,
			{ json: aWireRun({ state: "running", outcome: null, jobs: [before] }) },
			{ json: aWireRun({ jobs: [job, aWireJob("pack", { outcome: "skipped", attempts: [] })] }) },
		);
		api.logs.set(job.id, [
			{ type: "attempt", number: 1 },
			output(0, "▸ install\nhal"),
			output(15, "f\n\u001b]0;title\u0007\u001b[31mred\u001b[0m\u001b[2J\n"),
			end("failed"),
			{ type: "attempt", number: 2 },
			output(0, "10%\r100%\nlast"),
			end("passed"),
		]);
		const { out } = await run(api, ["run", "watch", "acme/web", id]);
		expect(out.split("\n")).toEqual([
			"test │ ▸ install",
			"test │ half",
			"test │ red",
			"test │ attempt 1 failed",
			"test │ runs again after exit code 75: attempt 2 waits",
			"test │ attempt 2",
			"test │ 100%",
			"test │ last",
			"test │ attempt 2 passed",
			"pack │ skipped",
			"",
			"job   outcome  attempts  time   runner  why",
			"test  passed   2         5.0 s  one     failed with 75",
			"pack  skipped",
			`run #7 ${id} passed in 4.2 s`,
			"",
		]);
	});

	it("[X7] on a terminal a log's colours are kept, and each ends with its line", async () => {
		const job = aWireJob("test");
		api.on(`GET ${runs}/${id}`, { json: aWireRun({ jobs: [job] }) });
		api.logs.set(job.id, [{ type: "attempt", number: 1 }, output(0, "\u001b[31mred\u001b[2K\n"), end("passed")]);
		const { out } = await run(api, ["run", "watch", "acme/web", id], { hasColors: true });
		expect(out).toContain("\u001b[36mtest │\u001b[39m \u001b[31mred\u001b[0m\n");
	});

	it("[X4] with --json every line is JSON, the run last", async () => {
		const job = aWireJob("test");
		api.on(`GET ${runs}/${id}`, { json: aWireRun({ jobs: [job] }) });
		api.logs.set(job.id, [{ type: "attempt", number: 1 }, output(0, "hi\n"), end("passed")]);
		const { out } = await run(api, ["run", "watch", "acme/web", id, "--json"]);
		const lines = out.trimEnd().split("\n");
		const told = lines.map((line) => JSON.parse(line));
		expect(told.map(({ type }) => type)).toEqual(["job", "attempt", "output", "end", "run"]);
		expect(told[2]).toMatchObject({ key: "test", attempt: 1, offset: 0, next: 3, text: "hi\n" });
	});
});

describe("job log", () => {
	const { id: job } = aWireJob("test");
	const path = `/v1/repos/acme/web/jobs/${job}`;

	it("[X8] prints the last attempt's log byte for byte", async () => {
		api.on(`GET ${path}`, { json: aWireJob("test", { attempts: [aWireAttempt(), aWireAttempt({ number: 2 })] }) });
		api.on(`GET ${path}/attempts/2/log?tail=5`, { text: "\u001b[31mred\r\nend" });
		const { code, out } = await run(api, ["job", "log", "acme/web", job, "--tail", "5"]);
		expect({ code, out }).toEqual({ code: 0, out: "\u001b[31mred\r\nend" });
	});

	it("[X8] -f follows to the end, and exits as the job did", async () => {
		api.logs.set(job, [
			{ type: "attempt", number: 1 },
			{ type: "output", offset: 0, next: 3, data: "/wAK" },
			{ type: "end", length: 3, sha256: null, outcome: "failed", state: "sealed" },
		]);
		const { code, out } = await run(api, ["job", "log", "acme/web", job, "-f"]);
		expect({ code, out }).toEqual({ code: 1, out: "\ufffd\u0000\n" });
	});

	it("[X8] a job that has not started has no log, and says so", async () => {
		api.on(`GET ${path}`, { json: aWireJob("test", { attempts: [] }) });
		const { code, err } = await run(api, ["job", "log", "acme/web", job]);
		expect({ code, err }).toEqual({ code: 1, err: "spillway: the job has no log yet: it has not started\n" });
	});
});
