// The operator's switches, and the document that says what is served.
import { afterEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/doors/http/app.ts";
import { aRepo, aRunner, fetchRaw, finish, grantOf, job, lease, refusal, runOf, send, submit } from "./api-fixture.ts";

afterEach(async () => {
	await send("PATCH", "/v1/switches", { body: { acceptRuns: true, dispatch: true, spill: "auto" } });
});

describe("switches", () => {
	it("[A35] are read and set one by one, and tell all of themselves", async () => {
		const all = { acceptRuns: true, dispatch: true, spill: "auto", archive: true, project: true };
		expect((await send("GET", "/v1/switches")).body).toEqual(all);
		const set = await send("PATCH", "/v1/switches", { body: { dispatch: false } });
		expect([set.status, set.body]).toEqual([200, { ...all, dispatch: false }]);
		expect((await send("PATCH", "/v1/switches")).body).toEqual({ ...all, dispatch: false });
		expect((await send("GET", "/v1/switches")).body).toEqual({ ...all, dispatch: false });
		for (const body of [{ acceptRuns: "no" }, { acceptRuns: null }]) {
			expect(await refusal("PATCH", "/v1/switches", { body })).toBe("400 acceptRuns");
		}
	});

	it("[A36] while no runs are accepted nothing new is taken, says when to come back, and what is there goes on", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b")]);
		await send("PATCH", "/v1/switches", { body: { acceptRuns: false } });
		const call = { body: { jobs: [job("c")] }, headers: { "idempotency-key": "k" } };
		const refused = await send("POST", `${place.path}/runs`, call);
		expect(refused).toMatchObject({ status: 503, body: { code: "runs-refused" } });
		expect(refused.headers.get("retry-after")).toBe("30");
		expect((await send("GET", `${place.path}/queue`)).body).toMatchObject({ waiting: 2 });
		const runner = await aRunner(place);
		const grant = await grantOf(runner);
		await lease("start", grant);
		expect((await send("POST", `${place.path}/runs/${run.id}/jobs`, { body: { jobs: [job("d")] } })).status).toBe(201);
		await finish(grant, "failed");
		expect((await send("POST", `${place.path}/jobs/${grant.job.id}/retry`)).status).toBe(202);
		await send("PATCH", "/v1/switches", { body: { acceptRuns: true } });
		const taken = await send<{ number: number }>("POST", `${place.path}/runs`, call);
		expect([taken.status, taken.body.number]).toEqual([201, 2]);
	});

	it("[A37] while nothing is dispatched no runner gets a job, what runs goes on, and all that waits is granted after", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b")]);
		const runner = await aRunner(place, { capacity: 2 });
		const grant = await grantOf(runner);
		await lease("start", grant);
		await send("PATCH", "/v1/switches", { body: { dispatch: false } });
		const ask = { token: runner.token, body: { waitSeconds: 0, leases: [grant.lease.id] } };
		expect((await fetchRaw("POST", "/v1/runner/acquire", ask)).status).toBe(204);
		expect((await submit(place, [job("c")])).number).toBe(2);
		expect((await lease("steps", grant, { steps: [] })).headers.get("lease-state")).toBe("ok");
		expect((await finish(grant)).status).toBe(200);
		expect((await fetchRaw("POST", "/v1/runner/acquire", ask)).status).toBe(204);
		expect(await runOf(place, run)).toMatchObject({ counts: { finished: 1, waiting: 1, leased: 0 } });
		await send("PATCH", "/v1/switches", { body: { dispatch: true } });
		const keys = [await grantOf(runner), await grantOf(runner)].map((granted) => granted.job.key);
		expect(keys.sort()).toEqual(["b", "c"]);
	});
});

interface Operation {
	summary?: string;
	parameters?: { in: string; name: string; required?: boolean }[];
	security?: object[];
	requestBody?: { content: object };
	responses?: Record<string, { description?: string; content?: Record<string, { schema?: object }> }>;
}
interface Document {
	openapi: string;
	info: object;
	paths: Record<string, Record<string, Operation>>;
	components: { securitySchemes: object; schemas: Record<string, { properties?: object }> };
}

describe("the document", () => {
	const load = async () => (await send<Document>("GET", "/openapi.json", { token: null })).body;
	const methods = ["get", "put", "post", "patch", "delete"];

	it("[A38] names every route that is served, and no other", async () => {
		const { paths } = await load();
		const told = Object.entries(paths).flatMap(([path, operations]) =>
			Object.keys(operations).map((method) => `${method} ${path}`),
		);
		const app = createApp(
			() => {
				throw new Error("nothing is asked");
			},
			() => undefined,
		);
		const served = app.routes
			// What stands before routes ends in a star: a route for all methods is one all the same.
			.filter(({ method, path }) => !(method === "ALL" && path.endsWith("*")) && path !== "/")
			.map(({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
		expect(told.sort()).toEqual([...new Set(served)].sort());
	});

	it("[A59] is built once: the same bytes under one tag, and none to whoever has them", async () => {
		const call = (headers = {}) => fetchRaw("GET", "/openapi.json", { token: null, headers });
		const first = await call();
		const tag = first.headers.get("etag") ?? "";
		expect(tag).toMatch(/^"[0-9a-f]{32}"$/);
		const texts = vi.spyOn(JSON, "stringify");
		const again = await call();
		expect([again.headers.get("etag"), await again.text()]).toEqual([tag, await first.text()]);
		const isDocument = (value: unknown) => typeof value === "object" && value !== null && "openapi" in value;
		expect(texts.mock.calls.some(([value]) => isDocument(value))).toBe(false);
		texts.mockRestore();
		const known = await call({ "if-none-match": `"other", W/${tag}` });
		expect([known.status, await known.text()]).toEqual([304, ""]);
	});

	it("[A39] is OpenAPI 3.1 that holds together: parameters, bodies, answers, references", async () => {
		const document = await load();
		expect(document.openapi).toMatch(/^3\.1\.\d+$/);
		expect(document.info).toMatchObject({ title: "Spillway", version: expect.any(String) });
		const schemes = Object.keys(document.components.securitySchemes);
		for (const [path, operations] of Object.entries(document.paths)) {
			for (const [method, operation] of Object.entries(operations)) {
				const at = `${method} ${path}`;
				expect(methods, at).toContain(method);
				expect(operation.summary, at).toMatch(/\S/);
				const params = (operation.parameters ?? []).filter((param) => param.in === "path");
				const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
				expect(params.map(({ name }) => name).sort(), at).toEqual(named.sort());
				for (const param of params) expect(param.required, at).toBe(true);
				for (const need of operation.security ?? [])
					expect(schemes, at).toEqual(expect.arrayContaining(Object.keys(need)));
				expectAnswers(at, operation.responses ?? {});
				if (method === "put" || method === "patch") expect(operation.requestBody?.content, at).toBeDefined();
			}
		}
		const problem = document.components.schemas.Problem?.properties ?? {};
		expect(Object.keys(problem)).toEqual(["type", "title", "status", "code", "detail", "requestId", "errors"]);
		expectWhole(document, document);
	});

	/** Each has a description; what is JSON has a schema; what goes wrong is a problem. */
	function expectAnswers(at: string, responses: NonNullable<Operation["responses"]>): void {
		expect(
			Object.keys(responses).some((status) => /^[1-3]\d\d$/.test(status)),
			at,
		).toBe(true);
		for (const response of Object.values(responses)) {
			expect(response.description, at).toMatch(/\S/);
			for (const media of Object.values(response.content ?? {})) expect(media.schema, at).toBeDefined();
		}
		expect(Object.keys(responses.default?.content ?? {}), at).toEqual(["application/problem+json"]);
	}

	/** Every reference leads somewhere, and no word of 3.0 is left. */
	function expectWhole(node: unknown, root: object): void {
		if (typeof node !== "object" || node === null) return;
		for (const [key, value] of Object.entries(node)) {
			expect(key).not.toBe("nullable");
			if (key === "$ref") {
				const steps = String(value).replace("#/", "").split("/");
				expect(
					steps.reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], root),
					String(value),
				).toBeDefined();
			}
			expectWhole(value, root);
		}
	}
});
