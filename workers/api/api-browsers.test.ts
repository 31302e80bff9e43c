// What answers say to browsers. `fetchRaw` looks at the answers of all tests of the API; here every route of the document is called in
// each way in which it can be refused, so that one that nobody wrote a test for is looked at too.
import { env, exports } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createApp } from "../../src/doors/http/app.ts";
import { answerHeaders, pageHeaders } from "../../src/contracts/wire/headers/answer-headers.ts";
import type { OperationalEvent } from "../../src/contracts/wire/operational-event.ts";
import { missingWords } from "../../src/testing/browser-words.ts";
import type { Env } from "../env.ts";
import { wire } from "../wire.ts";
import {
	aRepo,
	aRunner,
	aToken,
	fetchRaw,
	grantOf,
	job,
	lease,
	operator,
	origin,
	requestOf,
	submit,
} from "./api-fixture.ts";
import type { Call } from "./api-fixture.ts";

interface Operation {
	method: string;
	path: string;
	/** With a real thing for each name in it. */
	real: string;
}

/** One that each call has: refused for what it says, whoever calls. */
const refusedHeaders: [why: string, status: number, headers: Record<string, string>][] = [
	["too large a body", 413, { "content-length": "2000000" }],
	["a packed body", 415, { "content-encoding": "gzip" }],
	["a host that is none", 400, { host: "a, b" }],
];

let operations: Operation[];
let tokens: (string | null)[];

beforeAll(async () => {
	const place = await aRepo();
	const run = await submit(place, [job("a"), job("b")]);
	const runner = await aRunner(place);
	const grant = await grantOf(runner);
	expect((await lease("start", grant)).status).toBe(200);
	const names: Record<string, string> = {
		owner: place.owner,
		repo: place.repo,
		run: run.id,
		job: grant.job.id,
		attempt: "1",
		pool: "default",
		runner: runner.id,
	};
	const document = await exports.default.fetch(`${origin}/openapi.json`);
	const { paths } = await document.json<{ paths: Record<string, Record<string, { operationId: string }>> }>();
	operations = Object.entries(paths).flatMap(([path, methods]) =>
		Object.keys(methods).map((method) => ({
			method: method.toUpperCase(),
			path,
			real: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? "nothing"),
		})),
	);
	const stranger = await aToken("somebody-else", ["read", "write", "admin"]);
	const narrow = await aToken(place.owner, ["metrics"]);
	tokens = [null, "spw_access_forged", stranger, narrow, runner.token, grant.lease.token, operator];
});

afterEach(() => {
	vi.restoreAllMocks();
});

/** Looked at by `fetchRaw`. Streams are left at once. */
async function statusOf(method: string, path: string, call: Call): Promise<number> {
	const response = await fetchRaw(method, path, call);
	response.webSocket?.accept();
	response.webSocket?.close(1_000, "seen");
	await response.body?.cancel();
	return response.status;
}

describe("each route of the document", () => {
	it("[A151] has the words for browsers on each refusal and each success, whoever calls, also asked for a socket", async () => {
		const seen = new Set<number>();
		for (const { method, real } of operations) {
			const body = method === "GET" || method === "DELETE" ? undefined : {};
			const called = { ...(body && { body }) };
			for (const token of tokens) {
				seen.add(await statusOf(method, real, { token, ...called }));
				if (method === "GET") seen.add(await statusOf(method, real, { token, headers: { upgrade: "websocket" } }));
			}
			seen.add(await statusOf(method, `${real}?nobody=knows`, called));
			if (method === "GET") seen.add(await statusOf("HEAD", real, {}));
			seen.add(await statusOf("OPTIONS", real, { headers: { origin: "https://evil.example" } }));
			seen.add(await statusOf(method, `${real}/`, called));
		}
		expect([...seen]).toEqual(expect.arrayContaining([101, 200, 201, 204, 400, 401, 403, 404, 405, 409, 426]));
	});

	it("[A151] has them where the request is refused for its form", async () => {
		for (const { method, real } of operations) {
			for (const [why, status, headers] of refusedHeaders) {
				const answered = await statusOf(method, real, { headers });
				expect([method, real, why, answered]).toEqual([method, real, why, status]);
			}
		}
	});
});

describe("what is refused before anything else, and what breaks", () => {
	const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext;

	function appWith(settings: Partial<Env>) {
		const told: OperationalEvent[] = [];
		const app = createApp<Env>(wire, (event) => told.push(event));
		const call = (method: string, path: string, call: Call = {}) =>
			app.fetch(requestOf(method, path, call), { ...(env as unknown as Env), ...settings }, context);
		return { told, call };
	}

	it("[A159] a setting that is none makes each call a fault, which the log names and the answer does not", async () => {
		for (const [name, value] of [
			["SPILLWAY_ALLOWED_ORIGINS", "https://dash.example/"],
			["SPILLWAY_ALLOWED_ORIGINS", "*"],
			["SPILLWAY_TRUSTED_PROXIES", "example.org"],
		] as const) {
			const { told, call } = appWith({ [name]: value });
			const answer = await call("GET", "/healthz");
			expect([answer.status, missingWords(answer.headers)]).toEqual([500, []]);
			const { code, requestId } = await answer.json<{ code: string; requestId: string }>();
			expect([code, requestId]).toEqual(["fault", answer.headers.get("x-request-id")]);
			expect(told).toEqual([expect.objectContaining({ event: "fault", cause: expect.stringContaining(name) })]);
		}
	});

	it("[A151][A152] a route of ours may make a page, which is held to files of ours; HTML that no page said is shown as none", async () => {
		const app = createApp<Env>(wire, () => undefined);
		app.get("/page", (c) => c.html("<title>A page</title>", 200, pageHeaders));
		app.get("/slip", (c) => c.html("<title>No page</title>"));
		app.get("/away", (c) => c.redirect("/page"));
		app.get("/broken", () => {
			throw new TypeError("a fault of a route");
		});
		const answerOf = (path: string) => app.fetch(new Request(origin + path), env as unknown as Env, context);
		const page = await answerOf("/page");
		expect([page.status, missingWords(page.headers)]).toEqual([200, []]);
		const policy = page.headers.get("content-security-policy") ?? "";
		expect(policy).toMatch(/^default-src 'none';.*frame-ancestors 'none'$/);
		expect(policy).not.toMatch(/unsafe|data:|https?:|\*/);
		const slip = await answerOf("/slip");
		expect(slip.headers.get("content-security-policy")).toBe(answerHeaders["Content-Security-Policy"]);
		expect(missingWords(slip.headers)).toEqual(["a page, and not by the policy of pages"]);
		for (const [path, status] of [
			["/away", 302],
			["/broken", 500],
		] as const) {
			const answer = await answerOf(path);
			expect([answer.status, missingWords(answer.headers)]).toEqual([status, []]);
		}
	});

	it("[A153] a browser is told to come by https alone, where it came so and not to this machine itself", async () => {
		const told = async (url: string, headers: Record<string, string> = {}, settings: Partial<Env> = {}) => {
			const app = createApp<Env>(wire, () => undefined);
			const bindings = { ...(env as unknown as Env), ...settings };
			const answers = [];
			for (const path of ["/healthz", "/nowhere"]) {
				const answer = await app.fetch(new Request(url + path, { headers }), bindings, context);
				answers.push(answer.headers.get("strict-transport-security"));
			}
			expect(answers[0]).toBe(answers[1]);
			return answers[0];
		};
		expect(await told("https://ci.example")).toBe("max-age=31536000");
		expect(await told("http://ci.example")).toBeNull();
		for (const host of ["localhost", "ci.localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
			expect([host, await told(`https://${host}:8787`)]).toEqual([host, null]);
		const forwarded = { "x-forwarded-proto": "https" };
		expect(await told("http://ci.example", forwarded)).toBeNull();
		const proxied = { SPILLWAY_TRUSTED_PROXIES: "127.0.0.1" };
		expect(await told("http://ci.example", forwarded, proxied)).toBe("max-age=31536000");
		expect(await told("http://ci.example", { "x-forwarded-proto": "http" }, proxied)).toBeNull();
	});

	describe("pages of other origins", () => {
		const listed = "https://dash.example";
		const asks = { "access-control-request-method": "POST", "access-control-request-headers": "authorization" };
		const words = (answer: Response) =>
			Object.fromEntries([...answer.headers].filter(([name]) => /^access-control-|^vary$/.test(name)));

		it("[A155] read no answer and may ask nothing beforehand, unless they are listed: no word of CORS is said", async () => {
			const { call } = appWith({});
			for (const from of [listed, "null"]) {
				expect(words(await call("GET", "/healthz", { headers: { origin: from } }))).toEqual({});
				const asked = await call("OPTIONS", "/v1/tokens", { headers: { origin: from, ...asks } });
				expect([asked.status, words(asked)]).toEqual([405, {}]);
			}
		});

		it("[A155] that are listed read every answer, refusals too, and are named; others learn that answers differ", async () => {
			const { call } = appWith({ SPILLWAY_ALLOWED_ORIGINS: `https://other.example, ${listed}` });
			for (const path of ["/healthz", "/v1/tokens?owner=acme", "/nowhere", "/openapi.json"]) {
				const answer = await call("GET", path, { token: null, headers: { origin: listed } });
				expect([path, words(answer)]).toEqual([
					path,
					{
						vary: "Origin",
						"access-control-allow-origin": listed,
						"access-control-allow-credentials": "true",
						"access-control-expose-headers": expect.stringContaining("X-Request-Id"),
					},
				]);
				for (const from of ["https://evil.example", "null", "https://dash.example.evil.example"])
					expect(words(await call("GET", path, { headers: { origin: from } }))).toEqual({ vary: "Origin" });
				expect(words(await call("GET", path))).toEqual({ vary: "Origin" });
			}
		});

		it("[A155] that are listed are told beforehand what they may send, by the path; others are not", async () => {
			const { call } = appWith({ SPILLWAY_ALLOWED_ORIGINS: listed });
			const ask = (path: string, from: string) =>
				call("OPTIONS", path, { token: null, headers: { origin: from, ...asks } });
			const answer = await ask("/v1/tokens", listed);
			expect([answer.status, words(answer)]).toEqual([
				204,
				{
					vary: "Origin",
					"access-control-allow-origin": listed,
					"access-control-allow-credentials": "true",
					"access-control-expose-headers": expect.any(String),
					"access-control-allow-methods": "GET, HEAD, POST",
					"access-control-allow-headers": expect.stringMatching(/^Authorization, Content-Type, Idempotency-Key,/),
					"access-control-max-age": "600",
				},
			]);
			const foreign = await ask("/v1/tokens", "https://evil.example");
			expect([foreign.status, words(foreign)]).toEqual([405, { vary: "Origin" }]);
			expect((await ask("/nowhere", listed)).status).toBe(404);
		});
	});
});
