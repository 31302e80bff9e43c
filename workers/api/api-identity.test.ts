// Who a job is to others, over HTTP: the token that it asks for with its lease, what it says, whom it is refused, and what anybody
// verifies it with.
import { env } from "cloudflare:workers";
import { createExecutionContext } from "cloudflare:test";
import { createLocalJWKSet, jwtVerify } from "jose";
import type { JSONWebKeySet } from "jose";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Problem } from "../../src/contracts/http/problem.ts";
import type { IdTokenMade } from "../../src/contracts/http/identity.ts";
import type { Grant } from "../../src/contracts/http/runner.ts";
import { createApp } from "../../src/doors/http/app.ts";
import { jobIdentitiesPerMinute } from "../../src/domain/limits.ts";
import type { Env } from "../env.ts";
import { report } from "../report.ts";
import { wire } from "../wire.ts";
import {
	aRepo,
	aRunner,
	fetchRaw,
	finish,
	grantOf,
	job,
	lease,
	operator,
	origin,
	refusal,
	requestOf,
	send,
	submit,
} from "./api-fixture.ts";
import type { Answer, Place } from "./api-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

const audience = "sts.amazonaws.com";
const cloneUrl = "https://git.example/acme/web.git";

function idToken(grant: Grant, body: object = { audience }): Promise<Answer<IdTokenMade & Problem>> {
	return send("POST", "/v1/lease/id-token", { token: grant.lease.token, body });
}

async function claimsIn(token: string) {
	const { body } = await send<JSONWebKeySet>("GET", "/.well-known/jwks.json", { token: null });
	return (await jwtVerify(token, createLocalJWKSet(body), { issuer: origin, audience })).payload;
}

async function twoGrants(place: Place): Promise<[Grant, Grant]> {
	const runner = await aRunner(place, { capacity: 2 });
	const first = await grantOf(runner);
	return [first, await grantOf(runner, [first.lease.id])];
}

const codeOf = async (grant: Grant) => {
	const { status, body } = await idToken(grant);
	return status === 200 ? "200" : `${status} ${body.code}`;
};

describe("a job's identity", () => {
	it("[A140] is what its repository knows of it, for the audience that it names, for ten minutes", async () => {
		const place = await aRepo({ cloneUrl });
		const source = { ref: "refs/heads/main", commit: "c".repeat(40) };
		const rest = { source, trigger: "push", actor: "dev@example.com" };
		const run = await submit(place, [job("deploy", { pool: "default" })], rest);
		const grant = await grantOf(await aRunner(place));
		await lease("start", grant);
		const made = await idToken(grant);
		expect([made.status, made.headers.get("cache-control"), made.headers.get("lease-state")]).toEqual([
			200,
			"no-store",
			"ok",
		]);
		const { iat = 0, exp = 0, nbf, jti, ...said } = await claimsIn(made.body.token);
		expect(said).toEqual({
			...{ iss: origin, aud: audience, sub: `${place.owner}/web:ref:refs/heads/main` },
			...{ owner: place.owner, repository: `${place.owner}/web`, ...source },
			...{ run_id: run.id, run_number: String(run.number), job_id: grant.job.id, job_key: "deploy", attempt: "1" },
			...{ actor: "dev@example.com", trigger: "push", pool: "default" },
		});
		expect([nbf, exp - iat, new Date(exp * 1_000).toISOString()]).toEqual([iat, 600, made.body.expiresAt]);
		expect(jti).not.toBe((await claimsIn((await idToken(grant)).body.token)).jti);
	});

	it("[A140] is given while its job runs and nobody wants it stopped, and to no other token", async () => {
		const place = await aRepo();
		const run = await submit(place, [job("a"), job("b")]);
		const runner = await aRunner(place, { capacity: 2 });
		const grant = await grantOf(runner);
		expect(await codeOf(grant)).toBe("409 lease-not-started");
		await lease("start", grant);
		expect(await codeOf(grant)).toBe("200");
		for (const token of [operator, runner.token]) {
			expect(await refusal("POST", "/v1/lease/id-token", { token, body: { audience } })).toBe("401 unauthorized");
		}
		await finish(grant);
		expect(await codeOf(grant)).toBe("409 lease-stale");
		const other = await grantOf(runner);
		await lease("start", other);
		await send("POST", `${place.path}/runs/${run.id}/cancel`);
		const refused = await idToken(other);
		expect([refused.body.code, refused.headers.get("lease-state")]).toEqual(["job-canceling", "canceling"]);
	});

	it("[A140] says who the job is to others, and opens nothing here", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const grant = await grantOf(await aRunner(place));
		await lease("start", grant);
		const { token } = (await idToken(grant, { audience: origin })).body;
		const calls = [
			["GET", place.path],
			["POST", `${place.path}/runs`],
			["POST", "/v1/runner/acquire"],
			["POST", "/v1/lease/finish"],
			["POST", "/v1/lease/id-token"],
			["GET", "/v1/switches"],
		] as const;
		for (const [method, path] of calls)
			expect([path, await refusal(method, path, { token })]).toEqual([path, "401 unauthorized"]);
	});

	it("[A141] of a job that says it is of a pull request, or fetches from elsewhere, does not look like the repository's own", async () => {
		const place = await aRepo({ cloneUrl });
		const ref = "refs/heads/main";
		await submit(place, [job("a")], { source: { ref }, trigger: "pull_request" });
		await submit(place, [job("b")], { source: { ref, cloneUrl: "https://git.example/mallory/web.git" } });
		const subjects = new Set<unknown>();
		for (const grant of await twoGrants(place)) {
			await lease("start", grant);
			subjects.add((await claimsIn((await idToken(grant)).body.token)).sub);
		}
		const name = `${place.owner}/web`;
		expect(subjects).toEqual(new Set([`${name}:pull_request:ref:${ref}`, `${name}:foreign:ref:${ref}`]));
	});

	it("[A144] an audience is 1 to 255 printable characters without blanks", async () => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const grant = await grantOf(await aRunner(place));
		await lease("start", grant);
		const ask = (body: object) => refusal("POST", "/v1/lease/id-token", { token: grant.lease.token, body });
		for (const wrong of ["", "a b", "ä", "a\n", "a".repeat(256), 7, null, ["a"]]) {
			expect([wrong, await ask({ audience: wrong })]).toEqual([wrong, "400 audience"]);
		}
		expect(await ask({})).toBe("400 audience");
		expect(await ask({ audience, subject: "x" })).toBe("400 subject");
		for (const right of ["a", "~".repeat(255), "//iam.googleapis.com/projects/1/x"])
			expect(await ask({ audience: right })).toBe("200");
	});

	it("[A144] a lease is given thirty a minute, and told when there are more", async () => {
		const place = await aRepo();
		await submit(place, [job("a"), job("b")]);
		const [first, second] = await twoGrants(place);
		for (const grant of [first, second]) await lease("start", grant);
		vi.useFakeTimers({ toFake: ["Date"] });
		const codes = await Promise.all(Array.from({ length: jobIdentitiesPerMinute }, () => codeOf(first)));
		expect(new Set(codes)).toEqual(new Set(["200"]));
		const refused = await idToken(first);
		expect([refused.status, refused.body.code]).toEqual([429, "limit-id-tokens"]);
		const waitSeconds = Number(refused.headers.get("retry-after"));
		expect(waitSeconds).toBeLessThanOrEqual(60);
		expect(await codeOf(second)).toBe("200");
		vi.setSystemTime(Date.now() + waitSeconds * 1_000);
		expect(await codeOf(first)).toBe("200");
	});
});

describe("whoever verifies it", () => {
	it("[A143] finds issuer and keys open and cacheable, by the name that the operator gave and not by the request's", async () => {
		const configuration = await send("GET", "/.well-known/openid-configuration", { token: null });
		expect(configuration.body).toMatchObject({
			...{ issuer: origin, jwks_uri: `${origin}/.well-known/jwks.json` },
			...{ response_types_supported: ["id_token"], subject_types_supported: ["public"] },
			id_token_signing_alg_values_supported: ["RS256"],
		});
		const lying = new Request("https://mallory.test/.well-known/openid-configuration", {
			headers: { "x-forwarded-host": "mallory.test", forwarded: "host=mallory.test" },
		});
		const app = createApp<Env>(wire, report);
		const answer = await app.fetch(lying, env, createExecutionContext());
		expect(await answer.json()).toEqual(configuration.body);
		for (const path of ["openid-configuration", "jwks.json"]) {
			const shown = await fetchRaw("GET", `/.well-known/${path}`, { token: null });
			expect(shown.headers.get("cache-control")).toBe("public, max-age=300");
			expect([...shown.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
			expect(await shown.text()).not.toMatch(/"(d|p|q|dp|dq|qi|k)":/);
		}
	});

	it.each([
		["without a URL", { SPILLWAY_URL: "" }],
		["without keys", { SPILLWAY_IDENTITY_KEYS: "" }],
	])("[A143] %s nobody is given an identity, and is told why", async (_, patch) => {
		const place = await aRepo();
		await submit(place, [job("a")]);
		const grant = await grantOf(await aRunner(place));
		await lease("start", grant);
		const app = createApp<Env>(wire, report);
		const ask = async (method: string, path: string, call: object) => {
			const answer = await app.fetch(requestOf(method, path, call), { ...env, ...patch }, createExecutionContext());
			return `${answer.status} ${((await answer.json()) as Problem).code}`;
		};
		const token = { token: grant.lease.token, body: { audience } };
		expect(await ask("POST", "/v1/lease/id-token", token)).toBe("409 identity-off");
		expect(await ask("GET", "/.well-known/openid-configuration", {})).toBe("404 identity-off");
		expect(await ask("GET", "/.well-known/jwks.json", {})).toBe("404 identity-off");
	});
});
