// What holds for every path: request ids, problems, methods, sizes, types of content, names, and the open paths.
import { describe, expect, it } from "vitest";
import { requestBytesMax } from "../../src/domain/limits.ts";
import type { Problem } from "../../src/contracts/http/problem.ts";
import {
	aRepo,
	aRunner,
	fetchRaw,
	grantOf,
	job,
	operator,
	refusal,
	runOf,
	send,
	submit,
	timePattern,
} from "./api-fixture.ts";

describe("request ids", () => {
	it("[A1] each answer has one: given by the caller if it is a plain word, else ours", async () => {
		const idOf = async (path: string, id: string) =>
			(await fetchRaw("GET", path, { headers: { "x-request-id": id } })).headers.get("x-request-id");
		for (const path of ["/healthz", "/nowhere", "/v1/repos/nobody/nothing"]) {
			expect(await idOf(path, "trace-7!")).toBe("trace-7!");
			for (const bad of ["two words", "x".repeat(101), "größe", ""])
				expect(await idOf(path, bad)).toMatch(/^[\w-]{36}$/);
		}
		const place = await aRepo();
		const run = await submit(place, [job("a")]);
		const live = `${place.path}/jobs/j${run.id.slice(1)}-0/log/live`;
		const socket = await fetchRaw("GET", live, { headers: { upgrade: "websocket", "x-request-id": "trace-8" } });
		expect([socket.status, socket.headers.get("x-request-id")]).toEqual([101, "trace-8"]);
		socket.webSocket?.accept();
		socket.webSocket?.close(1_000, "seen");
		const one = await send<Problem>("GET", "/nowhere");
		const other = await send<Problem>("GET", "/nowhere");
		expect(one.body.requestId).not.toBe(other.body.requestId);
	});
});

describe("problems", () => {
	it("[A2] an error is a problem with a stable code, and a 400 points at each culprit", async () => {
		const { path } = await aRepo();
		const unknown = await send<Problem>("GET", "/v1/nothing/here");
		expect(unknown.body).toMatchObject({ status: 404, code: "no-such-path", title: "no such path" });
		expect(await refusal("GET", "/v1/repos/nobody/nothing")).toBe("404 repository-unknown");
		expect(await refusal("GET", `${path}/runs/r${"a".repeat(24)}`)).toBe("404 run-unknown");
		expect(await refusal("GET", `${path}/jobs/j${"a".repeat(24)}-0`)).toBe("404 job-unknown");
		expect(await refusal("PUT", path, { body: { maxRunning: "many", paused: 1 } })).toBe("400 maxRunning, paused");
		const json = { headers: { "content-type": "application/json" } };
		for (const body of ["{", "[1,", '{"paused":tru', "\u0000", "{} {}"]) {
			const { status, body: problem } = await send<Problem>("PATCH", path, { body, ...json });
			expect([status, problem.code, problem.errors?.length]).toEqual([400, "malformed", 1]);
		}
		for (const body of ["null", "[]", "1", '"text"'])
			expect(await refusal("PATCH", path, { body, ...json })).toBe("400 ");
		const noUtf8 = Uint8Array.of(...new TextEncoder().encode('{"pauseNote":"'), 0xff, 0x22, 0x7d);
		expect(await refusal("PATCH", path, { body: noUtf8, ...json })).toBe("400 ");
	});
});

describe("methods", () => {
	it("[A3] a known path names the methods it has; an unknown one is not found", async () => {
		const { path } = await aRepo();
		const allowed = async (method: string, at: string) => {
			const { status, headers } = await send<Problem>(method, at);
			return `${status} ${headers.get("allow")}`;
		};
		expect(await allowed("DELETE", path)).toBe("405 GET, HEAD, PATCH, PUT");
		expect(await allowed("POST", "/healthz")).toBe("405 GET, HEAD");
		expect(await allowed("GET", "/v1/lease/start")).toBe("405 POST");
		expect(await allowed("OPTIONS", `${path}/secrets/NAME`)).toBe("405 DELETE, PUT");
		for (const at of [
			`${path}/`,
			`${path}/runs/`,
			"/v1",
			"/v1/",
			"//healthz",
			"/V1/repos",
			"/v2/repos",
			"/healthz/x",
		]) {
			expect(await allowed("GET", at)).toBe("404 null");
		}
		const head = await fetchRaw("HEAD", path);
		expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([200, "application/json", ""]);
		expect((await fetchRaw("HEAD", "/v1/repos/nobody/nothing")).status).toBe(404);
	});
});

describe("bodies", () => {
	it("[A4] a body that is no JSON by its type is refused, where there is one at all", async () => {
		const { path } = await aRepo();
		const typed = (type: string, body = "{}") => refusal("PATCH", path, { body, headers: { "content-type": type } });
		for (const type of ["text/plain", "text/html", "multipart/form-data; boundary=x", "application/jsonp", "json"]) {
			expect(await typed(type)).toBe("415 not-json");
		}
		for (const type of ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]) {
			expect(await typed(type)).toBe("200");
		}
		expect(await typed("text/plain", "")).toBe("200");
		expect(await refusal("PUT", path)).toBe("200");
	});

	it("[A5] a body of more than 1 MiB is too large, whether it says its length or not", async () => {
		const { path } = await aRepo();
		const withTitle = (bytes: number) => {
			const text = JSON.stringify({ title: "", jobs: [job("a", { run: "RUN" })] });
			return text.replace("RUN", " ".repeat(bytes - text.length + 3));
		};
		const json = { "content-type": "application/json" };
		const chunked = (text: string) => new Blob([text]).stream();
		const over = withTitle(requestBytesMax + 1);
		expect(await refusal("POST", `${path}/runs`, { body: over, headers: json })).toBe("413 too-large");
		expect(await refusal("POST", `${path}/runs`, { body: chunked(over), headers: json })).toBe("413 too-large");
		const most = withTitle(requestBytesMax);
		expect(await refusal("POST", `${path}/runs`, { body: most, headers: json })).toBe("400 jobs[0].run");
		expect(await refusal("POST", `${path}/runs`, { body: chunked(most), headers: json })).toBe("400 jobs[0].run");
		expect((await send<{ waiting: number }>("GET", `${path}/queue`)).body.waiting).toBe(0);
	});

	it("[A6] a field that nobody knows is refused at any depth, with its path", async () => {
		const { path } = await aRepo();
		const runs = (field: object) => refusal("POST", `${path}/runs`, { body: { jobs: [job("a")], ...field } });
		const one = (field: object) => runs({ jobs: [job("a", field)] });
		expect(await runs({ job: 1, tittle: "" })).toBe("400 job, tittle");
		expect(await runs({ source: { reff: "main" } })).toBe("400 source.reff");
		expect(await one({ need: [] })).toBe("400 jobs[0].need");
		expect(await one({ run: undefined, steps: [{ run: "x", shell: "sh" }] })).toBe("400 jobs[0].steps[0].shell");
		expect(await one({ retry: { max: 3 } })).toBe("400 jobs[0].retry.max");
		expect(await one({ retry: { on: [{}, { exitCode: 75 }] } })).toBe("400 jobs[0].retry.on[1].exitCode");
		expect(await one({ retry: { backoff: { max: 1 } } })).toBe("400 jobs[0].retry.backoff.max");
		const repo = (body: object) => refusal("PATCH", path, { body });
		expect(await repo({ limits: {} })).toBe("400 limits");
		expect(await repo({ defaults: { retry: { attempts: 1 } } })).toBe("400 defaults.retry.attempts");
		expect(await repo({ concurrencyGroups: { deploy: { max: 1, limit: 1 } } })).toBe(
			"400 concurrencyGroups.deploy.max",
		);
		expect(await repo({ retryBudget: { ratio: 1, hour: 1 } })).toBe("400 retryBudget.hour");
		const run = await submit({ path, owner: "", repo: "" }, [job("a")]);
		const at = `${path}/runs/${run.id}`;
		expect(await refusal("POST", `${at}/cancel`, { body: { force: true } })).toBe("400 force");
		expect(await refusal("POST", `${at}/retry`, { body: { only: "all", jobs: [] } })).toBe("400 jobs");
		expect(await refusal("POST", `${at}/jobs`, { body: { jobs: [job("b")], key: "x" } })).toBe("400 key");
		expect(await refusal("PATCH", "/v1/switches", { body: { dispatchs: false } })).toBe("400 dispatchs");
		const json = { headers: { "content-type": "application/json" } };
		expect(await refusal("PATCH", path, { body: '{"__proto__":{"paused":true}}', ...json })).toBe("400 __proto__");
		expect(await runOf({ path, owner: "", repo: "" }, run)).toMatchObject({ round: 1, state: "accepted" });
	});
});

describe("keys that no object can hold", () => {
	const headers = { "content-type": "application/json" };

	it("[A40] are refused with their path, each where it stands, and nothing is done", async () => {
		const { path } = await aRepo();
		const run = (env: string, rest = "") => `{"jobs":[{"key":"a","run":"true","env":{${env}}}]${rest}}`;
		const posted = (body: string) => refusal("POST", `${path}/runs`, { body, headers });
		expect(await posted(run('"A":"1","__proto__":"x"'))).toBe("400 jobs[0].env.__proto__");
		expect(await posted(run('"\\u005f_proto__":"x"'))).toBe("400 jobs[0].env.__proto__");
		expect(await posted(run("", ',"source":{"__proto__":{"ref":"x"}}'))).toBe("400 source.__proto__");
		const secrets = { jobs: [job("a", { secrets: ["A", "__proto__"] })] };
		expect(await refusal("POST", `${path}/runs`, { body: secrets })).toBe("400 jobs[0].secrets[1]");
		for (const method of ["PUT", "PATCH"]) {
			const settings = (body: string) => refusal(method, path, { body, headers });
			expect(await settings('{"concurrencyGroups":{"__proto__":{"limit":1}}}')).toBe("400 concurrencyGroups.__proto__");
			expect(await settings('{"fairness":{"weights":{"__proto__":2}}}')).toBe("400 fairness.weights.__proto__");
		}
		expect(await refusal("PUT", `${path}/secrets/__proto__`, { body: { value: "x" } })).toBe("400 name");
		expect((await send<{ items: [] }>("GET", `${path}/secrets`)).body.items).toEqual([]);
		expect((await send<{ waiting: number }>("GET", `${path}/queue`)).body.waiting).toBe(0);
	});

	it("[A40][A19] make no body the same as one without them", async () => {
		const { path } = await aRepo();
		const keyed = { headers: { ...headers, "idempotency-key": "e" } };
		const body = (env: string) => `{"jobs":[{"key":"p","run":"true","env":{${env}}}]}`;
		expect(await refusal("POST", `${path}/runs`, { body: body('"__proto__":"1"'), ...keyed })).toBe(
			"400 jobs[0].env.__proto__",
		);
		expect(await refusal("POST", `${path}/runs`, { body: body(""), ...keyed })).toBe("201");
		expect(await refusal("POST", `${path}/runs`, { body: body('"__proto__":"1"'), ...keyed })).toBe(
			"400 jobs[0].env.__proto__",
		);
	});

	it("[A40] are not those that objects only seem to have", async () => {
		const place = await aRepo({ concurrencyGroups: { constructor: { limit: 2 } } });
		for (const name of ["constructor", "toString"]) {
			expect(await refusal("PUT", `${place.path}/secrets/${name}`, { body: { value: name } })).toBe("204");
		}
		const env = { valueOf: "1", hasOwnProperty: "2" };
		const names = { secrets: ["constructor", "toString"], concurrencyGroup: "constructor", labels: ["toString"] };
		await submit(place, [job("constructor", { env, ...names }), job("toString", { needs: ["constructor"] })]);
		const { token } = await aRunner(place, { labels: ["toString"] });
		const grant = await grantOf({ token });
		expect(grant.job).toMatchObject({ key: "constructor", env });
		expect(Object.entries(grant.job.secrets)).toEqual([
			["constructor", "constructor"],
			["toString", "toString"],
		]);
	});
});

describe("names", () => {
	it("[A7] what cannot be a name is malformed; an encoded slash, dot or letter is no way round", async () => {
		const { owner, path } = await aRepo();
		for (const name of ["Web", "-web", ".web", "w%20eb", "we%2Fb", "w%C3%A9b", "%E0%A4%A", "x".repeat(101), "%00"]) {
			expect(await refusal("GET", `/v1/repos/${owner}/${name}`)).toBe("400 repo");
			expect(await refusal("PUT", `/v1/repos/${name}/web`)).toBe("400 owner");
			expect(await refusal("GET", `/v1/pools/${owner}/${name}`)).toBe("400 pool");
		}
		expect(await refusal("GET", `/v1/repos/${owner}/%77eb`)).toBe("200");
		expect(await refusal("GET", `/v1/repos/x/..%2f${owner}/web`)).toBe("404 no-such-path");
		for (const id of ["x", "R1", `r${"A".repeat(24)}`, "r%0a", "r".repeat(5_000), "%F0%9F%9A%80"]) {
			expect(await refusal("GET", `${path}/runs/${id}`)).toBe("404 run-unknown");
			expect(await refusal("POST", `${path}/runs/${id}/cancel`)).toBe("404 run-unknown");
			expect(await refusal("GET", `${path}/jobs/${id}`)).toBe("404 job-unknown");
			expect(await refusal("POST", `${path}/jobs/${id}/retry`)).toBe("404 job-unknown");
		}
		for (const place of ["-1", "00", "99999", "1e3", "100000", "0.0"]) {
			const run = await submit({ path, owner: "", repo: "" }, [job("a")]);
			expect(await refusal("GET", `${path}/jobs/j${run.id.slice(1)}-${place}`)).toBe("404 job-unknown");
		}
	});
});

describe("open paths", () => {
	it("[A8] health, readiness, the document and the front page need no token", async () => {
		expect((await send("GET", "/healthz", { token: null })).body).toEqual({ status: "ok" });
		const ready = await send("GET", "/readyz", { token: null });
		// How each is, other files in this runtime may have changed: the shape is what counts here.
		const seen = { status: expect.stringMatching(/^(ok|degraded|down)$/), since: expect.stringMatching(timePattern) };
		const behind = { ...seen, breaker: expect.any(String) };
		const objects = { ...seen, breakers: { open: expect.any(Object), worst: expect.any(Array) } };
		const dependencies = { database: behind, archive: behind, queues: behind, objects };
		expect(ready.body).toEqual({ ...seen, dependencies });
		expect((await send("GET", "/openapi.json", { token: null })).status).toBe(200);
		expect((await fetchRaw("GET", "/", { token: null })).status).toBe(200);
		expect((await fetchRaw("GET", "/healthz", { token: operator })).status).toBe(200);
	});
});
