// What a caller learns or gets beside what was asked for: of things that are not the caller's to know, and of what others made.
import { expect, it, vi } from "vitest";
import type { TokenMade } from "../../src/contracts/http/token.ts";
import { aRepo, aRepoOf, aToken, job, makeToken, refusal, running, send, submit } from "./api-fixture.ts";

const absent = `tk${"0".repeat(20)}`;

it("[A125] who may revoke no token hears the same of each id, whosever it is", async () => {
	const [{ owner }, other] = [await aRepo(), await aRepo()];
	const [own, others] = [await makeToken(owner, ["read"]), await makeToken(other.owner, ["read"])];
	const reader = await aToken(owner, ["read", "write"]);
	const some = await aToken(owner, ["admin"], { repos: ["web"] });
	for (const id of [own.id, others.id, absent, "tk0"]) {
		const revoke = (token: string, query = "") => refusal("DELETE", `/v1/tokens/${id}${query}`, { token });
		expect([id, await revoke(reader)]).toEqual([id, "403 scope-missing"]);
		expect([id, await revoke(reader, `?owner=${owner}`)]).toEqual([id, "403 scope-missing"]);
		expect([id, await revoke(reader, `?owner=${other.owner}`)]).toEqual([id, "404 unknown"]);
		expect([id, await revoke(some)]).toEqual([id, "403 repositories-limited"]);
	}
});

it("[A125] an owner's admin hears the same of another owner's token as of none", async () => {
	const [{ owner }, other] = [await aRepo(), await aRepo()];
	const others = await makeToken(other.owner, ["read"]);
	const admin = await aToken(owner, ["admin"]);
	for (const id of [others.id, absent]) {
		expect(await refusal("DELETE", `/v1/tokens/${id}`, { token: admin })).toBe("404 unknown");
		// With its owner said it ends there, whether or not the list knows it [B26].
		const said = await send("DELETE", `/v1/tokens/${id}?owner=${owner}`, { token: admin });
		expect([id, said.status, said.headers.get("spillway-absent")]).toEqual([id, 204, null]);
	}
	expect(await refusal("GET", other.path, { token: others.token })).toBe("200");
});

it("[A125] to a lease each run but its own is unknown, whether it is there or not", async () => {
	const place = await aRepo();
	const run = await submit(place, [job("a")]);
	const grant = await running(place);
	const other = await submit(place, [job("b")]);
	const add = (name: string) =>
		refusal("POST", `${place.path}/runs/${name}/jobs`, { token: grant.lease.token, body: { jobs: [job("c")] } });
	for (const name of [other.id, String(other.number), "latest", `r${"a".repeat(24)}`, "999"]) {
		expect([name, await add(name)]).toEqual([name, "404 unknown"]);
	}
	expect(await add(run.id)).toBe("201");
});

it("[A125] no page and no cursor of a list names a repository that the token is not for", async () => {
	const { owner } = await aRepo();
	for (const repo of ["api", "hidden", "zoo"]) await aRepoOf(owner, repo);
	const token = await aToken(owner, ["read"], { repos: ["zoo", "web"] });
	type Listed = { items: { repo: string }[]; nextCursor: string | null };
	const page = async (call: { token?: string }, rest: string) =>
		(await send<Listed>("GET", `/v1/repos?owner=${owner}${rest}`, call)).body;
	await vi.waitFor(async () => expect((await page({}, "")).items).toHaveLength(4));
	const first = await page({ token }, "&limit=1");
	expect(first.items.map(({ repo }) => repo)).toEqual(["web"]);
	expect(Buffer.from(first.nextCursor ?? "", "base64url").toString()).toBe("web");
	const second = await page({ token }, `&limit=1&cursor=${first.nextCursor}`);
	expect([second.items.map(({ repo }) => repo), second.nextCursor]).toEqual([["zoo"], null]);
});

it("[A126] a key gives nobody a token of another's that does or lives longer than one's own", async () => {
	const { owner } = await aRepo();
	const brief = await aToken(owner, ["admin"], { expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
	const body = { owner, name: "robot", scopes: ["admin"] };
	const make = (token: string) =>
		send<TokenMade & { code: string }>("POST", "/v1/tokens", { token, body, headers: { "idempotency-key": "robot" } });
	const long = await aToken(owner, ["admin"]);
	const [made, again, refused] = [await make(long), await make(long), await make(brief)];
	expect([made.status, again.status, again.body.token]).toEqual([201, 200, made.body.token]);
	expect([refused.status, refused.body.code, "token" in refused.body]).toEqual([403, "expiry-limited", false]);
});
