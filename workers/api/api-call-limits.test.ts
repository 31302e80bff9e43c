// How often somebody may call: whose calls are counted together, who is never refused, and what a stranger's flood leaves alone.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { limitOf } from "../../src/domain/limit/limit-table.ts";
import main from "../main.ts";
import { aRepo, aRunner, aToken, grantOf, job, operator, requestOf, send, submit } from "./api-fixture.ts";
import type { Call } from "./api-fixture.ts";
import { signedIn, somebody } from "./people-fixture.ts";

/** As on one machine: the server counts by itself, and what the operator sets holds. */
const oneMachine = { ...env, TOKEN_CALLS: undefined, TOKEN_DEAR_CALLS: undefined, ADDRESS_CALLS: undefined };

afterEach(() => {
	vi.useRealTimers();
});

let addresses = 0;
const anAddress = () => `198.51.100.${++addresses}`;

async function ask(
	method: string,
	path: string,
	{ address, ...call }: Call & { address?: string } = {},
): Promise<string> {
	const ctx = createExecutionContext();
	const headers = { ...call.headers, ...(address === undefined ? {} : { "cf-connecting-ip": address }) };
	const response = await main.fetch(requestOf(method, path, { ...call, headers }) as never, oneMachine as never, ctx);
	await waitOnExecutionContext(ctx);
	if (response.status === 429) expect(response.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
	const text = await response.text();
	return response.status < 400 ? String(response.status) : `${response.status} ${JSON.parse(text).code}`;
}

it("[V28] past its limit a token is refused before anything is done; other tokens, the operator, runners and leases are not, and a runner ends its job", async () => {
	const place = await aRepo();
	const [token, other] = [await aToken(place.owner, ["read", "write"]), await aToken(place.owner, ["read"])];
	await submit(place, [job("a")]);
	const runner = await aRunner(place);
	const grant = await grantOf(runner);
	await send("PATCH", `/v1/owners/${place.owner}/limits`, { body: { "token-calls": 3 } });
	const read = `${place.path}/queue`;
	expect([
		await ask("GET", read, { token }),
		await ask("GET", read, { token }),
		await ask("GET", read, { token }),
	]).toEqual(["200", "200", "200"]);
	expect(await ask("POST", `${place.path}/runs`, { token, body: { jobs: [job("b")] } })).toBe("429 limit-token-calls");
	expect(await ask("GET", "/healthz", { token })).toBe("200");
	expect(await ask("GET", read, { token: other })).toBe("200");
	expect(await ask("GET", read, { token: operator })).toBe("200");
	for (let call = 0; call < 5; call++) {
		const body = { leases: [grant.lease.id] };
		expect(await ask("POST", "/v1/runner/heartbeat", { token: runner.token, body })).toBe("200");
	}
	const lease = grant.lease.token;
	expect(await ask("POST", "/v1/lease/start", { token: lease, body: {} })).toBe("200");
	for (let call = 0; call < 5; call++)
		expect(await ask("POST", "/v1/lease/steps", { token: lease, body: { steps: [] } })).toBe("204");
	expect(
		await ask("POST", "/v1/lease/finish", { token: lease, body: { outcome: "passed", exitCode: 0, logLength: 0 } }),
	).toBe("200");
	// Nothing of what was refused was done.
	expect((await send<{ waiting: number }>("GET", read)).body.waiting).toBe(0);
});

it("[V28] dear calls are counted by themselves as well", async () => {
	const place = await aRepo();
	const token = await aToken(place.owner, ["read"]);
	await send("PATCH", `/v1/owners/${place.owner}/limits`, { body: { "token-dear-calls": 2 } });
	const list = `${place.path}/runs`;
	expect([
		await ask("GET", list, { token }),
		await ask("GET", list, { token }),
		await ask("GET", list, { token }),
	]).toEqual(["200", "200", "429 limit-token-dear-calls"]);
	expect(await ask("GET", `${place.path}/queue`, { token })).toBe("200");
});

it("[V45] a person's calls are counted together, whichever session brings them, and another person's by themselves", async () => {
	const person = somebody();
	const [first, second, other] = [await signedIn(person), await signedIn(person), await signedIn(somebody())];
	// None comes back while they are sent.
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
	const list = (cookie: string) => ask("GET", "/v1/repos/nobodys/web/runs", { token: null, headers: { cookie } });
	const max = limitOf("token-dear-calls");
	const said: string[] = [];
	for (let call = 0; call < max; call++) said.push(await list(call % 2 === 0 ? first : second));
	expect(new Set(said)).toEqual(new Set(["404 unknown"]));
	for (const cookie of [first, second, await signedIn(person)])
		expect(await list(cookie)).toBe("429 limit-token-dear-calls");
	expect(await list(other)).toBe("404 unknown");
});

it("[V29][V30] a flood of wrong tokens from an address is refused as such; whoever is known there, runners and leases, and other addresses are served", async () => {
	const place = await aRepo();
	const [known, unknown] = [await aToken(place.owner, ["read"]), await aToken(place.owner, ["read"])];
	await submit(place, [job("a")]);
	const runner = await aRunner(place);
	const grant = await grantOf(runner);
	const address = anAddress();
	const read = `${place.path}/queue`;
	expect(await ask("GET", read, { token: known, address })).toBe("200");
	const wrong = [`${known}x`, "guess", `spw_lease_${"x".repeat(40)}`, null];
	// None comes back while they are sent.
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
	const max = limitOf("address-calls");
	const said: string[] = [];
	for (let call = 0; call < max + 4; call++)
		said.push(await ask("GET", read, { token: wrong[call % wrong.length] ?? null, address }));
	expect(new Set(said.slice(0, max))).toEqual(new Set(["401 unauthorized"]));
	expect(new Set(said.slice(max))).toEqual(new Set(["429 limit-address-calls"]));
	expect(await ask("GET", read, { token: unknown, address })).toBe("429 limit-address-calls");
	expect(await ask("GET", read, { token: known, address })).toBe("200");
	expect(await ask("GET", read, { token: operator, address })).toBe("200");
	expect(await ask("POST", "/v1/lease/start", { token: grant.lease.token, body: {}, address })).toBe("200");
	expect(await ask("POST", "/v1/runner/heartbeat", { token: runner.token, body: { leases: [] }, address })).toBe("200");
	expect(await ask("GET", "/healthz", { token: null, address })).toBe("200");
	vi.setSystemTime(Date.now() + 60_000);
	expect(await ask("GET", read, { token: unknown, address })).toBe("200");
	expect(await ask("GET", read, { token: "guess", address: anAddress() })).toBe("401 unauthorized");
});
