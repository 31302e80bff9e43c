// Tokens made under an idempotency key.
import { expect, it } from "vitest";
import type { AuditRecord } from "../../src/contracts/http/audit.ts";
import type { TokenMade } from "../../src/contracts/http/token.ts";
import { aRepo, aToken, refusal, send } from "./api-fixture.ts";

const asked = (owner: string, rest: object = {}) => ({ owner, name: "ci", scopes: ["read"], ...rest });

const make = (body: object, key: string) =>
	send<TokenMade>("POST", "/v1/tokens", { body, headers: { "idempotency-key": key } });

it("[A19] a key makes one token and gives it again; with another body it is refused, and each owner has its own", async () => {
	const [{ owner }, other] = [await aRepo(), await aRepo()];
	const first = await make(asked(owner), "k1");
	const again = await make(asked(owner), "k1");
	expect([first.status, again.status, again.headers.get("idempotency-replayed")]).toEqual([201, 200, "true"]);
	expect(again.body).toEqual(first.body);
	expect(first.headers.get("idempotency-replayed")).toBeNull();
	for (const rest of [{ name: "cd" }, { scopes: ["write"] }, { repos: ["web"] }]) {
		const call = { body: asked(owner, rest), headers: { "idempotency-key": "k1" } };
		expect(await refusal("POST", "/v1/tokens", call)).toBe("422 idempotency-key-reused");
	}
	expect((await make(asked(owner), "k2")).status).toBe(201);
	expect((await make(asked(other.owner), "k1")).status).toBe(201);
	const { body } = await send<{ items: unknown[] }>("GET", `/v1/tokens?owner=${owner}`);
	expect(body.items).toHaveLength(2);
	const acts = async () => {
		const { body } = await send<{ items: AuditRecord[] }>("GET", `/v1/audit?owner=${owner}&action=token-create`);
		return body.items.length;
	};
	await expect.poll(acts).toBe(2);
});

it("[A19] of requests at once with one key, one makes a token", async () => {
	const { owner } = await aRepo();
	const answers = await Promise.all(["a", "a", "b", "a"].map((name) => make(asked(owner, { name }), "k1")));
	expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
	const { body } = await send<{ items: { id: string }[] }>("GET", `/v1/tokens?owner=${owner}`);
	expect(body.items).toHaveLength(1);
	const given = answers.filter(({ status }) => status < 300);
	expect(new Set(given.map(({ body: { id } }) => id))).toEqual(new Set([body.items[0]?.id]));
});

it("[A19] a replay shows the present state, and gives nothing to who may not make it", async () => {
	const { owner } = await aRepo();
	const { body } = await make(asked(owner, { scopes: ["write"] }), "k1");
	expect((await send("DELETE", `/v1/tokens/${body.id}`)).status).toBe(204);
	const again = await make(asked(owner, { scopes: ["write"] }), "k1");
	expect([again.status, again.body.revokedAt]).toEqual([200, expect.any(String)]);
	const weak = await aToken(owner, ["admin"]);
	const call = { token: weak, body: asked(owner, { scopes: ["write"] }), headers: { "idempotency-key": "k1" } };
	expect(await refusal("POST", "/v1/tokens", call)).toBe("403 scope-missing");
});
