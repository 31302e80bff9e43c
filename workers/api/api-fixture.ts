// What the tests of the API share: a client that knows nothing but HTTP and checks on every answer what all answers must have,
// and repositories, tokens, runners and leases made through the front door.
import { env, exports } from "cloudflare:workers";
import { expect } from "vitest";
import type { Problem } from "../../src/contracts/http/problem.ts";
import type { Job, Run } from "../../src/contracts/http/run.ts";
import type { Grant, PoolFigures, Registered } from "../../src/contracts/http/runner.ts";
import type { Scope, TokenMade } from "../../src/contracts/http/token.ts";
import { missingWords } from "../../src/testing/browser-words.ts";

export const origin = "https://spillway.test";
export const operator: string = env.SPILLWAY_OPERATOR_TOKEN;
/** RFC 3339, UTC, with milliseconds. */
export const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export interface Call {
	/** The operator's unless told; null: none. */
	token?: string | null;
	/** Sent as JSON; a string, bytes or a stream as it is. */
	body?: unknown;
	headers?: Record<string, string>;
}

export interface Answer<T> {
	status: number;
	headers: Headers;
	body: T;
}

/** Unread: for answers that are no JSON. Sees to it that what every answer must have is there. */
export async function fetchRaw(method: string, path: string, call: Call = {}): Promise<Response> {
	const response = await exports.default.fetch(requestOf(method, path, call));
	expect(response.headers.get("x-request-id")).toMatch(/^[\x21-\x7e]{1,100}$/);
	expect([method, path, missingWords(response.headers, { isPublic: isPublic(path) })]).toEqual([method, path, []]);
	if (response.status === 429 || response.status === 503) {
		expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
	}
	return response;
}

/** What says the same to everybody, and may be kept in between; all else is somebody's. */
const publicPaths = ["/", "/openapi.json", "/.well-known/openid-configuration", "/.well-known/jwks.json"];

function isPublic(path: string): boolean {
	return publicPaths.includes(path.split("?")[0] ?? "");
}

export function requestOf(method: string, path: string, { token = operator, body, headers = {} }: Call): Request {
	const isRaw = typeof body === "string" || body instanceof Uint8Array || body instanceof ReadableStream;
	return new Request(`${origin}${path}`, {
		method,
		headers: {
			...(token === null ? {} : { authorization: `Bearer ${token}` }),
			...(body === undefined || isRaw ? {} : { "content-type": "application/json" }),
			...headers,
		},
		...(body === undefined ? {} : { body: isRaw ? (body as BodyInit) : JSON.stringify(body) }),
	});
}

/** The parsed answer; an error is checked to be a problem with all that a problem must have. */
export async function send<T = unknown>(method: string, path: string, call: Call = {}): Promise<Answer<T>> {
	const response = await fetchRaw(method, path, call);
	const { status, headers } = response;
	const text = await response.text();
	const body = (text === "" ? null : JSON.parse(text)) as T;
	if (status >= 400) expectProblem({ status, headers, body: body as Problem });
	return { status, headers, body };
}

/** What anybody may rely on when something went wrong. */
export function expectProblem({ status, headers, body }: Answer<Problem>): void {
	expect(headers.get("content-type")).toBe("application/problem+json");
	const text = expect.stringMatching(/\S/);
	expect(body).toMatchObject({ type: text, title: text, status, code: expect.stringMatching(/^[a-z]+(-[a-z]+)*$/) });
	expect(body).toMatchObject({ detail: text, requestId: headers.get("x-request-id") });
	const known = ["code", "detail", "errors", "requestId", "status", "title", "type"];
	expect(known).toEqual(expect.arrayContaining(Object.keys(body)));
	if (status === 400) expect(body.errors).toEqual(expect.any(Array));
	for (const error of body.errors ?? []) expect(error).toEqual({ path: expect.any(String), message: text });
}

/** `400 jobs[0].key, jobs[1].needs[0]`: a status, and which fields it blames. */
export async function refusal(method: string, path: string, call: Call = {}): Promise<string> {
	const { status, body } = await send<Problem>(method, path, call);
	if (status < 400) return String(status);
	return [status, status === 400 ? (body.errors ?? []).map((error) => error.path).join(", ") : body.code].join(" ");
}

let made = 0;

export interface Place {
	owner: string;
	repo: string;
	path: string;
}

/** A repository of an owner of its own. */
export async function aRepo(settings: object = {}): Promise<Place> {
	return aRepoOf(`api-owner-${++made}`, "web", settings);
}

export async function aRepoOf(owner: string, repo: string, settings: object = {}): Promise<Place> {
	const path = `/v1/repos/${owner}/${repo}`;
	expect((await send("PUT", path, { body: settings })).status).toBe(200);
	return { owner, repo, path };
}

export async function makeToken(owner: string, scopes: Scope[], rest: object = {}): Promise<TokenMade> {
	const body = { owner, name: `${scopes.join(" and ")} of ${owner}`, scopes, ...rest };
	const made = await send<TokenMade>("POST", "/v1/tokens", { body });
	expect(made.status).toBe(201);
	return made.body;
}

export async function aToken(owner: string, scopes: Scope[], rest: object = {}): Promise<string> {
	return (await makeToken(owner, scopes, rest)).token;
}

export function job(key: string, rest: object = {}): { key: string; run?: string } {
	return { key, run: "true", ...rest };
}

export async function submit({ path }: Place, jobs: object[], rest: object = {}, call: Call = {}): Promise<Run> {
	const answer = await send<Run>("POST", `${path}/runs`, { body: { jobs, ...rest }, ...call });
	expect(answer.status).toBe(201);
	return answer.body;
}

export async function runOf({ path }: Place, run: { id: string }): Promise<Run> {
	const answer = await send<Run>("GET", `${path}/runs/${run.id}`);
	expect(answer.status).toBe(200);
	return answer.body;
}

/** A run without what becomes of its logs, which are sealed when they are, whatever else happens. */
export async function settledRunOf(place: Place, run: { id: string }): Promise<Run> {
	const { jobs = [], ...rest } = await runOf(place, run);
	const log = { state: "sealed" as const, length: 0, sha256: null, missing: [] };
	return {
		...rest,
		jobs: jobs.map((job) => ({ ...job, attempts: job.attempts.map((attempt) => ({ ...attempt, log })) })),
	};
}

/** `key:state` or `key:outcome`, in order. */
export async function states(place: Place, run: { id: string }): Promise<string> {
	const { jobs = [] } = await runOf(place, run);
	return jobs.map((shown) => `${shown.key}:${shown.outcome ?? shown.state}`).join(" ");
}

export async function aRunner(
	{ owner }: Pick<Place, "owner">,
	request: object = {},
	pool = "default",
	token = operator,
): Promise<Registered> {
	const call = { token, body: { name: "one", ...request } };
	const answer = await send<Registered>("POST", `/v1/pools/${owner}/${pool}/runners`, call);
	expect(answer.status).toBe(201);
	return answer.body;
}

export async function poolOf({ owner }: Place, pool = "default"): Promise<PoolFigures> {
	return (await send<PoolFigures>("GET", `/v1/pools/${owner}/${pool}`)).body;
}

/** The next grant for a runner; throws when none comes. */
export async function grantOf({ token }: { token: string }, held: string[] = []): Promise<Grant> {
	const call = { token, body: { waitSeconds: 10, leases: held } };
	const answer = await send<Grant>("POST", "/v1/runner/acquire", call);
	expect(answer.status).toBe(200);
	return answer.body;
}

/** A job that runs: its grant, by a runner of its own. */
export async function running(place: Place): Promise<Grant> {
	const grant = await grantOf(await aRunner(place));
	expect((await lease("start", grant)).status).toBe(200);
	return grant;
}

export function lease<T = { job: Job }>(call: "start" | "finish" | "steps", grant: Grant, body: object = {}) {
	return send<T>("POST", `/v1/lease/${call}`, { token: grant.lease.token, body });
}

export function finish(grant: Grant, outcome = "passed", rest: object = {}) {
	return lease("finish", grant, { outcome, exitCode: outcome === "passed" ? 0 : 1, logLength: 0, ...rest });
}

export function append(grant: Grant, offset: number | string, body: Call["body"]) {
	const headers = { "upload-offset": String(offset), "content-type": "application/octet-stream" };
	return send("PATCH", "/v1/lease/log", { token: grant.lease.token, body, headers });
}
