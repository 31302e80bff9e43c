// Runs by their numbers and jobs by their keys on the command line, and what a terminal is shown of what others wrote.
import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/fake-terminal.ts";
import { aWireAttempt, aWireJob, aWireRun } from "../testing/wire-builders.ts";

const web = "/v1/repos/acme/web";
const { id: jobId } = aWireJob("test");
const id = `j${"a".repeat(24)}-0`;

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

const paths = () => api.calls.map(({ method, path }) => `${method} ${path.slice(web.length)}`);

it.each([
	["run", "cancel", "acme/web", ".."],
	["run", "cancel", "acme/web", "."],
	["run", "retry", "acme/web", ".."],
	["job", "cancel", "acme/web", "3/.."],
	["job", "retry", "acme/web", "../test"],
	["dead-letter", "redrive", "."],
	["member", "set", "acme", "", "--role", "viewer"],
	["member", "remove", "..", "ada@example.com"],
	["token", "revoke", ".."],
	["session", "end", ""],
])("[A191] %s %s %s %s asks for nothing: it would be another call", async (...words) => {
	const { code, err } = await run(
		api,
		words.filter((word) => word !== undefined),
	);
	expect([code, err]).toEqual([
		2,
		expect.stringMatching(/^spillway: (an empty name names nothing|nothing can be named \.\.?)\n/),
	]);
	expect(api.calls).toEqual([]);
});

describe("a run", () => {
	it.each(["3", "#3"])("[X32] %s is its number", async (name) => {
		api.on(`GET ${web}/runs/3`, { json: aWireRun({ number: 3 }) });
		expect((await run(api, ["run", "show", "acme/web", name])).code).toBe(0);
		expect(paths()).toEqual(["GET /runs/3"]);
	});

	it("[X32] is canceled and retried by its number", async () => {
		api.on(`POST ${web}/runs/3/cancel`, { json: aWireRun() });
		api.on(`POST ${web}/runs/latest/retry`, { json: aWireRun() });
		expect((await run(api, ["run", "cancel", "acme/web", "#3"])).code).toBe(0);
		expect((await run(api, ["run", "retry", "acme/web", "latest"])).code).toBe(0);
	});

	it("[X32] that is the newest now is watched by its id", async () => {
		const job = aWireJob("test");
		api.on(`GET ${web}/runs/latest`, { json: aWireRun({ jobs: [job] }) });
		api.on(`GET ${web}/runs/${aWireRun().id}`, { json: aWireRun({ jobs: [job] }) });
		api.logs.set(job.id, [
			{ type: "attempt", number: 1 },
			{ type: "end", length: 0, sha256: null, outcome: "passed", state: "sealed" },
		]);
		expect((await run(api, ["run", "watch", "acme/web", "latest"])).code).toBe(0);
		expect(paths().filter((path) => path.includes("latest"))).toEqual(["GET /runs/latest"]);
	});
});

describe("a job", () => {
	it.each([
		["3/test", "runs/3/jobs/test"],
		["#3/test", "runs/3/jobs/test"],
		["latest/test", "runs/latest/jobs/test"],
		[`${aWireRun().id}/test`, `runs/${aWireRun().id}/jobs/test`],
		[id, `jobs/${id}`],
	])("[X32] %s stands for %s, in every command", async (name, path) => {
		const job = aWireJob("test", { attempts: [aWireAttempt(), aWireAttempt({ number: 2 })] });
		api.on(`GET ${web}/${path}`, { json: job });
		api.on(`PATCH ${web}/${path}`, { json: job });
		for (const verb of ["cancel", "retry"]) api.on(`POST ${web}/${path}/${verb}`, { json: job });
		api.on(`GET ${web}/${path}/attempts/2/log`, { text: "hello" });
		const page = { items: [], nextCursor: null, asOf: "", stale: false };
		api.on(`GET ${web}/${path}/attempts/1/log/search?q=x`, { json: page });
		for (const words of [["show"], ["cancel"], ["retry"], ["prioritise", "--priority", "3"]]) {
			const [verb = "", ...rest] = words;
			expect([words, (await run(api, ["job", verb, "acme/web", name, ...rest])).code]).toEqual([words, 0]);
		}
		expect((await run(api, ["job", "log", "acme/web", name])).out).toBe("hello");
		expect((await run(api, ["job", "log", "acme/web", `${name}#2`])).out).toBe("hello");
		expect((await run(api, ["job", "search", "acme/web", `${name}#1`, "x"])).code).toBe(1);
	});

	it("[X32] by its key alone is the newest run's, which is said", async () => {
		const { id: newest } = aWireRun();
		api.on(`GET ${web}/runs/latest`, { json: aWireRun({ title: "a\u009bb" }) });
		api.on(`GET ${web}/runs/${newest}/jobs/test`, { json: aWireJob("test") });
		api.on(`GET ${web}/runs/${newest}/jobs/test/attempts/1/log`, { text: "hello" });
		expect(await run(api, ["job", "log", "acme/web", "test"])).toEqual({
			...{ code: 0, out: "hello", err: `run #7 ${newest} "a\ufffdb" is the newest\n` },
		});
	});

	it("[X32] is followed by its id, whatever it was named by", async () => {
		api.on(`GET ${web}/runs/3/jobs/test`, { json: aWireJob("test") });
		api.logs.set(jobId, [
			{ type: "attempt", number: 1 },
			{ type: "end", length: 0, sha256: null, outcome: "failed", state: "sealed" },
		]);
		expect((await run(api, ["job", "log", "acme/web", "3/test", "-f"])).code).toBe(1);
	});

	it("[X32] one attempt of it is shown", async () => {
		const attempts = [aWireAttempt({ outcome: "failed", exitCode: 75 }), aWireAttempt({ number: 2 })];
		api.on(`GET ${web}/runs/3/jobs/test`, { json: aWireJob("test", { attempts }) });
		const { out } = await run(api, ["job", "show", "acme/web", "3/test#1"]);
		expect(out.split("\n").filter((line) => /^\d/.test(line))).toEqual([expect.stringMatching(/^1 +failed/)]);
		expect((await run(api, ["job", "show", "acme/web", "3/test#3"])).err).toContain("the job has no attempt 3");
	});

	it.each([
		["nothing before the slash", ["job", "show", "acme/web", "/test"]],
		["too many parts", ["job", "show", "acme/web", "3/test/x"]],
		["no number of an attempt", ["job", "log", "acme/web", "3/test#x"]],
		["an attempt where the whole job is meant", ["job", "cancel", "acme/web", "3/test#1"]],
		["two attempts", ["job", "log", "acme/web", "3/test#1", "--attempt", "2"]],
		["a run with a job", ["run", "show", "acme/web", "3/test"]],
	])("[X1] %s is a usage error, and nothing is sent", async (_, words) => {
		expect((await run(api, words)).code).toBe(2);
		expect(paths()).toEqual([]);
	});
});

it("[X33] job list shows all jobs of a run, each with its id, from all pages", async () => {
	const page = (items: unknown[], nextCursor: string | null) => ({
		json: { items, nextCursor, asOf: "", stale: false },
	});
	api.on(`GET ${web}/runs/3/jobs?limit=100`, page([aWireJob("test")], "c"));
	api.on(
		`GET ${web}/runs/3/jobs?limit=100&cursor=c`,
		page([aWireJob("deploy", { outcome: "failed", reason: "no" })], null),
	);
	const { out } = await run(api, ["job", "list", "acme/web", "3"]);
	expect(out.split("\n")).toEqual([
		"job     outcome  attempts  time   runner  why  id",
		`test    passed   1         2.5 s  one          ${aWireJob("test").id}`,
		`deploy  failed   1         2.5 s  one     no   ${aWireJob("deploy").id}`,
		"",
	]);
});

describe("run list", () => {
	const source = {
		cloneUrl: "https://git.example/acme/web.git",
		ref: "feature/a-long-name-of-a-branch",
		commit: "f".repeat(40),
	};
	const items = [
		aWireRun({ number: 12, source, title: "Say what a lost runner costs, and to whom", trigger: "pull_request" }),
		aWireRun({ number: 11, jobs: [aWireJob("a")], actor: "somebody-with-a-name@example.com" }),
	];
	const lines = async (columns: number | null, words: string[] = []) => {
		api.on(`GET ${web}/runs`, { json: { items, nextCursor: null, asOf: "", stale: false } });
		return (await run(api, ["run", "list", "acme/web", ...words], { columns })).out.trimEnd().split("\n");
	};

	it("[X33] in a pipe has every column, whole", async () => {
		const [heading, first, second] = await lines(null);
		expect(heading?.split(/ {2,}/)).toEqual([
			"run",
			"outcome",
			"jobs",
			"time",
			"ref",
			"commit",
			"actor",
			"trigger",
			"created",
			"title",
			"id",
		]);
		expect(first).toContain("feature/a-long-name-of-a-branch  ffffffff  dev@example.com");
		expect(second?.split(/ {2,}/).slice(4, 7)).toEqual(["-", "-", "somebody-with-a-name@example.com"]);
		expect(first).toContain(`Say what a lost runner costs, and to whom  ${aWireRun().id}`);
	});

	it("[X33] on 200 columns has every column", async () => {
		const shown = await lines(200);
		expect(shown[0]).toMatch(/created .*title .*id$/);
		expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(200);
	});

	it("[X33] on 80 columns keeps number, ref, commit, actor and trigger", async () => {
		const shown = await lines(80);
		expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(80);
		expect(shown[0]?.split(/ {2,}/)).toEqual(expect.arrayContaining(["run", "ref", "commit", "actor", "trigger"]));
		expect(shown[1]).toMatch(/^#12 .*feature\/\S*… +ffffffff +dev@\S* +pull_request/);
	});
});

describe("what others wrote", () => {
	const evil = "a\u001b]52;c;eA==\u0007\u001b[2J\u009b2J\u0085b";

	beforeEach(() => {
		api.on(`GET ${web}/jobs/${id}`, { json: aWireJob("test") });
		api.on(`GET ${web}/jobs/${id}/attempts/1/log`, { text: `\u001b[31m${evil}\u001b[0m\n` });
	});
	const words = ["job", "log", "acme/web", id];

	it("[X30] of a log a terminal is shown text and colours", async () => {
		const { out } = await run(api, words, { columns: 80, hasColors: true });
		expect(out).toBe("\u001b[31mab\u001b[0m\n");
		expect((await run(api, words, { columns: 80 })).out).toBe("ab\n");
	});

	it("[X30] a pipe gets a log byte for byte, and so does a terminal with --raw", async () => {
		const bytes = `\u001b[31m${evil}\u001b[0m\n`;
		expect((await run(api, words)).out).toBe(bytes);
		expect((await run(api, [...words, "--raw"], { columns: 80 })).out).toBe(bytes);
	});

	it("[X30] -f too", async () => {
		api.logs.set(id, [
			{ type: "attempt", number: 1 },
			{ type: "output", offset: 0, next: 3, text: "a\u001b[" },
			{ type: "output", offset: 3, next: 6, text: "2Jb" },
			{ type: "end", length: 6, sha256: null, outcome: "passed", state: "sealed" },
		]);
		expect((await run(api, [...words, "-f"], { columns: 80 })).out).toBe("ab");
	});

	it("[X31] a problem's words are one line without control characters", async () => {
		api.on(`GET ${web}/runs/3`, {
			status: 404,
			json: { code: "run-unknown", detail: "a\u009b2J\u001b[2J\nb", requestId: "q" },
		});
		expect((await run(api, ["run", "show", "acme/web", "3"])).err).toBe(
			"spillway: run-unknown: a\ufffd2J\ufffd[2J b (spillway run list OWNER/REPO shows the runs) [request q]\n",
		);
	});

	it("[X31] JSON is the same value, and none of it acts on a terminal", async () => {
		const title = "a\u009b2J\u007f\u202e\u001b[2J";
		api.on(`GET ${web}/runs/3`, { json: aWireRun({ title }) });
		const { out } = await run(api, ["run", "show", "acme/web", "3", "--json"]);
		expect(JSON.parse(out)).toMatchObject({ title });
		expect(out).toMatch(/^[\n\u0020-\u007e]*$/);
	});

	it("[X31] in a watched run names, reasons and outcomes are without them too", async () => {
		const { id: run7 } = aWireRun();
		const job = aWireJob("te\u009bst", { outcome: "skipped", attempts: [], reason: evil });
		api.on(`GET ${web}/runs/${run7}`, { json: aWireRun({ jobs: [job], title: evil }) });
		const { out } = await run(api, ["run", "watch", "acme/web", run7]);
		expect(stripVTControlCharacters(out)).toBe(out);
		expect([...out].filter((character) => /\p{Cc}/u.test(character) && character !== "\n")).toEqual([]);
	});
});

it.each([
	["a doubled key", '[{"key":"a","run":"true","run":"false"}]', "standard input [0].run is there twice"],
	["half a character", '[{"key":"a","run":"\\ud800"}]', "standard input [0].run has half a surrogate pair"],
	["a byte order mark", '\ufeff[{"key":"a","run":"true"}]', "standard input begins with a byte order mark"],
	["no UTF-8", Uint8Array.of(0x5b, 0xff, 0x5d), "standard input is no UTF-8 at byte 1"],
])("[A49] a pipeline with %s is a usage error, and nothing is sent", async (_, input, says) => {
	const { code, err } = await run(api, ["run", "start", "acme/web", "-f", "-"], { input });
	expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(says) });
	expect(paths()).toEqual([]);
});

it("[X19] a secret that is no text is not kept as another one", async () => {
	const { code, err } = await run(api, ["secret", "set", "acme/web", "KEY"], { input: Uint8Array.of(0x61, 0xff) });
	expect({ code, err }).toEqual({ code: 2, err: "spillway: standard input is no UTF-8\n" });
});

it.each([
	[["--no-source"], null],
	[[], undefined],
	[["--ref", "main"], { ref: "main" }],
])("[A53] run start %j sends the source %j", async (words, source) => {
	api.on(`POST ${web}/runs`, { status: 201, json: aWireRun() });
	await run(api, ["run", "start", "acme/web", "-f", "-", ...words], { input: "[]" });
	expect(api.calls[0]?.json).toEqual({ jobs: [], ...(source === undefined ? {} : { source }) });
});

it("[X1] a source and none is a usage error", async () => {
	const words = ["run", "start", "acme/web", "-f", "-", "--no-source", "--ref", "main"];
	expect((await run(api, words, { input: "[]" })).code).toBe(2);
	expect(paths()).toEqual([]);
});
