// Who may do what: tokens that verify themselves, owners, scopes, repositories, and what a token may make.
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ownerCalls } from "../bindings/stubs.ts";
import { parseKeys, signToken } from "../../src/auth/token.ts";
import { accessTable } from "../../src/operations/access-table.ts";
import type { TokenMade, TokenRecord } from "../../src/contracts/http/token.ts";
import {
	aRepo,
	aRepoOf,
	aRunner,
	aToken,
	fetchRaw,
	grantOf,
	job,
	makeToken,
	operator,
	refusal,
	running,
	send,
	submit,
	timePattern,
} from "./api-fixture.ts";
import type { Place } from "./api-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

/** Every call that takes an access token, with a body that is good. */
function accessCalls({ owner, path }: Place): [method: string, path: string, body?: object][] {
	const run = `${path}/runs/r${"a".repeat(24)}`;
	const shown = `${path}/jobs/j${"a".repeat(24)}-0`;
	return [
		["GET", `/v1/repos?owner=${owner}`],
		["GET", path],
		["PUT", path, {}],
		["PATCH", path, {}],
		["GET", `${path}/queue`],
		["GET", `${path}/secrets`],
		["PUT", `${path}/secrets/NAME`, { value: "x" }],
		["DELETE", `${path}/secrets/NAME`],
		["POST", `${path}/retry`],
		["POST", `${path}/cancel`, { state: ["waiting"] }],
		["POST", `${path}/runs`, { jobs: [job("a")] }],
		["GET", `${path}/runs`],
		["GET", run],
		["GET", `${run}/jobs`],
		["POST", `${run}/jobs`, { jobs: [job("a")] }],
		["POST", `${run}/cancel`],
		["POST", `${run}/retry`, { only: "all" }],
		["GET", shown],
		["PATCH", shown, { priority: 1 }],
		["POST", `${shown}/cancel`],
		["POST", `${shown}/retry`],
		["GET", `/v1/pools/${owner}`],
		["GET", `/v1/pools/${owner}/default`],
		["PATCH", `/v1/pools/${owner}/default`, {}],
		["POST", `/v1/pools/${owner}/default/runners`, { name: "one" }],
		["POST", "/v1/tokens", { owner, name: "new", scopes: ["read"] }],
		["GET", `/v1/tokens?owner=${owner}`],
		["GET", `/v1/audit?owner=${owner}`],
	];
}

const operatorCalls: [string, string, object?][] = [
	["GET", "/v1/switches"],
	["PATCH", "/v1/switches", {}],
];
const runnerCalls: [string, string, object?][] = [
	["POST", "/v1/runner/acquire", { waitSeconds: 0 }],
	["POST", "/v1/runner/heartbeat", { leases: [] }],
];
const leaseCalls: [string, string, object?][] = [
	["POST", "/v1/lease/start", {}],
	["POST", "/v1/lease/id-token", { audience: "a" }],
	["PATCH", "/v1/lease/log"],
	["POST", "/v1/lease/steps", { steps: [] }],
	["POST", "/v1/lease/finish", { outcome: "passed", logLength: 0 }],
];

describe("tokens", () => {
	it("[A9] without a good token of the right kind no call does anything", async () => {
		const place = await aRepo();
		const all = await aToken(place.owner, ["read", "write", "admin", "runner:register"]);
		await submit(place, [job("a")]);
		const runner = await aRunner(place);
		const lease = (await grantOf(runner)).lease.token;
		const flipped = all.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
		const [, , payload = ""] = all.split("_");
		const other = Buffer.from(payload, "base64url").toString().replace(place.owner, "somebody-else");
		const forged = all.replace(payload, Buffer.from(other).toString("base64url"));
		const never = [
			null,
			"",
			"x",
			`${operator}x`,
			operator.slice(1),
			"spw_access_",
			"spw_access_e30_00",
			flipped,
			forged,
		];
		const calls = [...accessCalls(place), ...operatorCalls, ...runnerCalls, ...leaseCalls];
		const wrong = [
			{ calls, tokens: never },
			{ calls: [...accessCalls(place), ...operatorCalls], tokens: [runner.token] },
			{
				calls: accessCalls(place).filter(([method, path]) => method !== "POST" || !path.endsWith("/jobs")),
				tokens: [lease],
			},
			{ calls: runnerCalls, tokens: [all, lease, operator] },
			{ calls: leaseCalls, tokens: [all, runner.token, operator, flipped.replace("access", "lease")] },
		];
		for (const { calls, tokens } of wrong) {
			for (const [method, path, body] of calls) {
				for (const token of tokens) {
					const at = `${method} ${path} with ${token}`;
					const { status, headers } = await send(method, path, { token, body });
					expect([at, status, headers.get("www-authenticate")]).toEqual([at, 401, 'Bearer realm="spillway"']);
				}
			}
		}
		for (const scheme of ["Basic", "Token", "Bearer:", ""]) {
			const headers = { authorization: `${scheme} ${operator}` };
			expect(await refusal("GET", place.path, { token: null, headers })).toBe("401 unauthorized");
		}
	});

	it("[A9] each path of the document that is not open wants a token, and each of a repository its owner's", async () => {
		const { owner } = await aRepo();
		const { body } = await send<Documented>("GET", "/openapi.json");
		const stranger = await aToken("api-stranger", ["read", "write", "admin", "runner:register"]);
		const names = { owner, repo: "web", pool: "default", name: "NAME", id: "tk0", attempt: "1" };
		const ids = { run: `r${"a".repeat(24)}`, job: `j${"a".repeat(24)}-0` };
		let guarded = 0;
		for (const [template, operations] of Object.entries(body.paths)) {
			const path = Object.entries({ ...names, ...ids }).reduce(
				(at, [name, id]) => at.replace(`{${name}}`, id),
				template,
			);
			for (const [method, { security, operationId }] of Object.entries(operations)) {
				if (security.length === 0) continue;
				guarded++;
				const at = `${method} ${template}`;
				const call = (token: string | null) => refusal(method.toUpperCase(), path, { token });
				expect([at, await call(null)]).toEqual([at, "401 unauthorized"]);
				// What is the operator's alone is so wherever it is.
				const isOperators =
					accessTable[operationId.replace(/InRun$/, "") as keyof typeof accessTable].of === "installation";
				const refused = isOperators ? "403 operator-only" : "404 unknown";
				if (template.includes("{owner}")) expect([at, await call(stranger)]).toEqual([at, refused]);
			}
		}
		expect(guarded).toBeGreaterThan(35);
	});

	it("[A10] a token acts until it expires or is revoked", async () => {
		const { owner, path } = await aRepo();
		const expiresAt = inAnHour();
		const { token, id } = await makeToken(owner, ["read"], { expiresAt });
		const read = () => refusal("GET", path, { token });
		expect(await read()).toBe("200");
		vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(expiresAt) - 1 });
		expect(await read()).toBe("200");
		vi.setSystemTime(Date.parse(expiresAt));
		expect(await read()).toBe("401 unauthorized");
		vi.useRealTimers();
		expect(await read()).toBe("200");
		expect((await fetchRaw("DELETE", `/v1/tokens/${id}`)).status).toBe(204);
		expect(await read()).toBe("401 unauthorized");
		expect((await fetchRaw("DELETE", `/v1/tokens/${id}`)).status).toBe(204);
		const { body } = await send<{ items: TokenRecord[] }>("GET", `/v1/tokens?owner=${owner}`);
		expect(body.items).toMatchObject([{ id, revokedAt: expect.stringMatching(timePattern) }]);
		expect(await refusal("DELETE", "/v1/tokens/tk0")).toBe("404 unknown");
	});

	it("[A10] a revocation acts after 60 s on a server that did nothing meanwhile", async () => {
		const { owner, path } = await aRepo();
		const { token, id } = await makeToken(owner, ["read"]);
		expect(await refusal("GET", path, { token })).toBe("200");
		// As another server would do it: this one is not told.
		await ownerCalls(env, owner).endToken({ id, at: Date.now(), until: null });
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 4 * 3_600_000 });
		expect(await refusal("GET", path, { token })).toBe("401 unauthorized");
	});

	it("[A10] a token signed with a key that is not ours is none, whatever it says", async () => {
		const { owner, path } = await aRepo();
		const payload = { id: "tk1", owner, name: "x", scopes: ["read" as const], repos: null, expiresAt: null };
		const signed = (keys: string) => signToken(parseKeys(keys), "access", payload);
		expect(await refusal("GET", path, { token: signed(env.SPILLWAY_SIGNING_KEYS) })).toBe("200");
		expect(await refusal("GET", path, { token: signed(`k1:${"00".repeat(32)}`) })).toBe("401 unauthorized");
		expect(await refusal("GET", path, { token: signed(`k2:${"5e".repeat(32)}`) })).toBe("401 unauthorized");
	});
});

describe("what a token may do", () => {
	it("[A11] another owner's things are unknown, and what one's own token lacks the scope for is forbidden", async () => {
		const place = await aRepo();
		const stranger = await aToken("api-stranger", ["read", "write", "admin", "runner:register"]);
		for (const [method, path, body] of accessCalls(place)) {
			const at = `${method} ${path}`;
			expect([at, await refusal(method, path, { token: stranger, body })]).toEqual([at, "404 unknown"]);
		}
		const scopes = ["read", "write", "admin", "runner:register"] as const;
		const allowed: Record<string, number> = {};
		for (const scope of scopes) {
			const token = await aToken(place.owner, [scope]);
			const answers = await Promise.all(
				accessCalls(place).map(([method, path, body]) => refusal(method, path, { token, body })),
			);
			allowed[scope] = answers.filter((answer) => answer !== "403 scope-missing").length;
		}
		// One call needs both: an `admin` may make tokens, but no scope that it lacks itself.
		expect(allowed).toEqual({ read: 9, write: 9, admin: 8, "runner:register": 1 });
		for (const [method, path, body] of operatorCalls) {
			expect(await refusal(method, path, { token: stranger, body })).toBe("403 operator-only");
		}
	});

	it("[A11] a token for some repositories reaches no other, and nothing that all of them share", async () => {
		const place = await aRepo();
		const { owner } = place;
		const secret = await aRepoOf(owner, "secret");
		const limited = await makeToken(owner, ["read", "write", "admin", "runner:register"], { repos: ["web"] });
		const { token } = limited;
		const ownersCalls = accessCalls(place).filter(([, path]) => !path.startsWith(place.path));
		for (const [method, path, body] of accessCalls(secret)) {
			if (!path.startsWith(secret.path)) continue;
			expect(await refusal(method, path, { token, body })).toBe("404 unknown");
		}
		expect(await refusal("PUT", `/v1/repos/${owner}/new`, { token })).toBe("404 unknown");
		expect(await refusal("DELETE", `/v1/tokens/${limited.id}`, { token })).toBe("403 repositories-limited");
		for (const [method, path, body] of ownersCalls) {
			if (path.startsWith("/v1/repos?")) continue;
			expect(await refusal(method, path, { token, body })).toBe("403 repositories-limited");
		}
		expect(await refusal("GET", place.path, { token })).toBe("200");
		const list = async (who?: string) => {
			const path = `/v1/repos?owner=${owner}`;
			const { body } = await send<{ items: { repo: string }[] }>("GET", path, who === undefined ? {} : { token: who });
			return body.items.map(({ repo }) => repo);
		};
		await vi.waitFor(async () => expect(await list()).toEqual(["secret", "web"]), { timeout: 5_000 });
		expect(await list(token)).toEqual(["web"]);
	});

	it("[A12] no token makes one that does more, reaches further or lives longer than itself", async () => {
		const { owner } = await aRepo();
		const make = (token: string, rest: object) =>
			refusal("POST", "/v1/tokens", { token, body: { owner, name: "made", scopes: ["admin"], ...rest } });
		const admin = await aToken(owner, ["admin", "read"]);
		expect(await make(admin, { scopes: ["read", "admin"] })).toBe("201");
		expect(await make(admin, { scopes: ["read", "write"] })).toBe("403 scope-missing");
		expect(await make(admin, { scopes: ["runner:register"] })).toBe("403 scope-missing");
		expect(await make(admin, { owner: "api-stranger" })).toBe("404 unknown");
		const limited = await aToken(owner, ["admin"], { repos: ["web", "api"] });
		expect(await make(limited, { repos: ["web"] })).toBe("201");
		expect(await make(limited, {})).toBe("403 repositories-limited");
		expect(await make(limited, { repos: ["web", "secret"] })).toBe("403 repositories-limited");
		const expiresAt = inAnHour();
		const brief = await aToken(owner, ["admin"], { expiresAt });
		expect(await make(brief, { expiresAt })).toBe("201");
		const { body } = await send<TokenMade>("POST", "/v1/tokens", {
			token: brief,
			body: { owner, name: "made", scopes: ["admin"] },
		});
		expect(body.expiresAt).toBe(expiresAt);
		expect(await make(brief, { expiresAt: new Date(Date.parse(expiresAt) + 1).toISOString() })).toBe(
			"403 expiry-limited",
		);
		expect(await make(operator, { scopes: ["write", "runner:register"] })).toBe("201");
	});
});

describe("making tokens", () => {
	it("[A13] a token is shown once, with all that it carries, and the list never shows it", async () => {
		const { owner } = await aRepo();
		const expiresAt = "2099-01-02T03:04:05Z";
		const repos = ["web"];
		const made = await makeToken(owner, ["write", "read", "write"], { name: "für CI 🚀", repos, expiresAt });
		const { token, ...record } = made;
		expect(token).toMatch(/^spw_access_[\w-]+_[0-9a-f]{64}$/);
		expect(record).toEqual({
			id: expect.stringMatching(/^tk[0-9a-f]{20}$/),
			owner,
			name: "für CI 🚀",
			scopes: ["write", "read"],
			repos,
			createdAt: expect.stringMatching(timePattern),
			createdBy: "operator",
			expiresAt: "2099-01-02T03:04:05.000Z",
			...{ pools: null, uses: null },
			revokedAt: null,
		});
		const listed = await send<object>("GET", `/v1/tokens?owner=${owner}`);
		const page = { items: [record], nextCursor: null, asOf: expect.stringMatching(timePattern), stale: false };
		expect(listed.body).toEqual(page);
		expect(JSON.stringify(listed.body)).not.toContain(token.slice(-20));
	});

	it("[A13] what is wrong with a wish for a token is said", async () => {
		const make = (rest: object) =>
			refusal("POST", "/v1/tokens", { body: { owner: "acme", name: "x", scopes: ["read"], ...rest } });
		expect(await make({ scopes: [] })).toBe("400 scopes");
		expect(await make({ scopes: ["read", "root"] })).toBe("400 scopes[1]");
		expect(await make({ owner: "ACME", name: "" })).toBe("400 owner, name");
		expect(await make({ expiresAt: "2001-01-01T00:00:00.000Z" })).toBe("400 expiresAt");
		expect(await make({ expiresAt: "tomorrow" })).toBe("400 expiresAt");
		expect(await make({ repos: [] })).toBe("400 repos");
		expect(await make({ repos: ["a/b"] })).toBe("400 repos[0]");
		expect(await refusal("GET", "/v1/tokens")).toBe("400 owner");
	});
});

describe("secrets", () => {
	it("[A14] a secret and a token are in no answer but the one they are meant for, and in no log", async () => {
		const place = await aRepo();
		const { owner, path } = place;
		const written: string[] = [];
		for (const level of ["log", "info", "warn", "error", "debug"] as const) {
			vi.spyOn(console, level).mockImplementation((...words) => void written.push(words.join(" ")));
		}
		const token = await aToken(owner, ["read", "write", "admin"]);
		const value = "hunter2";
		const set = { token, body: { value } };
		expect((await fetchRaw("PUT", `${path}/secrets/NPM_TOKEN`, set)).status).toBe(204);
		const run = await submit(place, [job("a", { secrets: ["NPM_TOKEN"] })], {}, { token });
		const grant = await running(place);
		expect(grant.job.secrets).toEqual({ NPM_TOKEN: value });
		const finish = { outcome: "failed", exitCode: 1, logLength: 0 };
		const finished = await send("POST", "/v1/lease/finish", { token: grant.lease.token, body: finish });
		const shown = [finished];
		for (const at of [
			path,
			`${path}/secrets`,
			`${path}/queue`,
			`${path}/runs/${run.id}`,
			`/v1/pools/${owner}/default`,
		]) {
			shown.push(await send("GET", at));
		}
		shown.push(await send("GET", `${path}/jobs/${grant.job.id}`), await send("GET", `/v1/tokens?owner=${owner}`));
		const bad = { token, body: { value: 7, [value]: token } };
		expect(await refusal("PUT", `${path}/secrets/${encodeURIComponent("a b")}`, set)).toBe("400 name");
		shown.push(await send("PUT", `${path}/secrets/NPM_TOKEN`, { ...bad, body: { value, x: 1 } }));
		shown.push(await send("GET", path, { token: `${token}0` }));
		for (const body of [`{"value":${value}}`, `{"value":"${value}"`, `"${value}`, `${value}${" ".repeat(99)}`]) {
			const headers = { "content-type": "application/json" };
			shown.push(await send("PUT", `${path}/secrets/NPM_TOKEN`, { token, body, headers }));
		}
		const text = JSON.stringify(shown.map(({ body, headers }) => [body, [...headers]])) + written.join("\n");
		for (const word of [value, token.slice(-64), grant.lease.token.slice(-64), operator])
			expect(text).not.toContain(word);
		expect(text).toContain("NPM_TOKEN");
	});

	it("[A14] secrets are listed without their values", async () => {
		const { path } = await aRepo();
		for (const name of ["B", "a", "_C"])
			await send("PUT", `${path}/secrets/${name}`, { body: { value: `of ${name}` } });
		const { body } = await send("GET", `${path}/secrets`);
		const terms = { refs: null, forks: false, setAt: expect.stringMatching(timePattern) };
		const items = ["B", "_C", "a"].map((name) => ({ name, ...terms }));
		expect(body).toEqual({ items, nextCursor: null, asOf: expect.stringMatching(timePattern), stale: false });
		expect((await fetchRaw("DELETE", `${path}/secrets/B`)).status).toBe(204);
		const again = await fetchRaw("DELETE", `${path}/secrets/B`);
		expect([again.status, again.headers.get("spillway-absent")]).toEqual([204, "true"]);
		const rest = await send<{ items: object[] }>("GET", `${path}/secrets?limit=1`);
		expect(rest.body).toMatchObject({ items: [{ name: "_C" }], nextCursor: expect.any(String) });
		for (const bad of ["1A", "a-b", "é"]) {
			expect(await refusal("PUT", `${path}/secrets/${bad}`, { body: { value: "x" } })).toBe("400 name");
		}
		expect(await refusal("PUT", `${path}/secrets/A`, { body: { value: "" } })).toBe("400 value");
		expect(await refusal("PUT", `${path}/secrets/A`)).toBe("400 value");
	});
});

interface Documented {
	paths: Record<string, Record<string, { security: object[]; operationId: string }>>;
}
