// Tokens that were ended, as callers meet them: whatever other owners do, whatever of the rest is down, on a server that just began.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import type { Problem } from "../../src/contracts/http/problem.ts";
import type { TokenMade } from "../../src/contracts/http/token.ts";
import worker from "../main.ts";
import { ownerCalls } from "../bindings/stubs.ts";
import { aRepo, aToken, job, makeToken, refusal, requestOf, send } from "./api-fixture.ts";
import type { Call, Place } from "./api-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

/** What a server that has just begun answers, `bindings` in place of its own. */
async function fresh(method: string, path: string, call: Call, bindings: object = {}): Promise<string> {
	const ctx = createExecutionContext();
	const response = await worker.fetch(requestOf(method, path, call) as never, { ...env, ...bindings }, ctx);
	const text = await response.text();
	await waitOnExecutionContext(ctx);
	const { status, headers } = response;
	if (status < 400) return String(status);
	return `${status} ${(JSON.parse(text) as Problem).code}${headers.has("retry-after") ? ", again" : ""}`;
}

const submission = (token: string): Call => ({ token, body: { jobs: [job("a")] } });
const submit = (place: Place, token: string, bindings?: object) =>
	fresh("POST", `${place.path}/runs`, submission(token), bindings);

const tables = ["token", "audit", "run", "repository", "pool"];

async function withoutDatabase(act: () => Promise<void>): Promise<void> {
	vi.spyOn(console, "error").mockImplementation(() => undefined);
	for (const table of tables) {
		await env.DB.exec(`ALTER TABLE ${table} RENAME TO ${table}_gone`);
	}
	try {
		await act();
	} finally {
		for (const table of tables) {
			await env.DB.exec(`ALTER TABLE ${table}_gone RENAME TO ${table}`);
		}
	}
}

it("[W59] with the database gone a revoked token is refused by a server that just began, and others submit", async () => {
	const place = await aRepo();
	const good = await aToken(place.owner, ["write"]);
	const { token, id } = await makeToken(place.owner, ["write"]);
	expect(await submit(place, token)).toBe("201");
	expect((await send("DELETE", `/v1/tokens/${id}`)).status).toBe(204);
	await withoutDatabase(async () => {
		expect(await submit(place, token)).toBe("401 unauthorized");
		expect(await submit(place, good)).toBe("201");
		expect(await fresh("GET", `/v1/tokens?owner=${place.owner}`, {})).toBe("503 unavailable, again");
	});
});

it("[A43] ten thousand ends of another owner push out none of this one's", async () => {
	const [place, mallory] = [await aRepo(), await aRepo()];
	const { token, id } = await makeToken(place.owner, ["write"]);
	expect((await send("DELETE", `/v1/tokens/${id}`)).status).toBe(204);
	const other = await makeToken(mallory.owner, ["read"]);
	// As if it had made and revoked them all: in the database too, newer than the first.
	const at = Date.now() + 1_000;
	const rows = Array.from({ length: 10_050 }, (_, n) => ({ id: `tk${n.toString(16).padStart(20, "0")}`, at }));
	for (let from = 0; from < rows.length; from += 1_000) {
		await env.DB.prepare(
			`INSERT INTO token SELECT value ->> 'id', ?, 0, NULL, value ->> 'at', '{"scopes":["read"],"expiresAt":null}'
			FROM json_each(?)`,
		)
			.bind(mallory.owner, JSON.stringify(rows.slice(from, from + 1_000)))
			.run();
	}
	await Promise.all(rows.slice(0, 100).map((row) => ownerCalls(env, mallory.owner).endToken({ ...row, until: null })));
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 60_000 });
	expect(await refusal("GET", mallory.path, { token: other.token })).toBe("200");
	expect(await refusal("POST", `${place.path}/runs`, submission(token))).toBe("401 unauthorized");
	expect(await submit(place, token)).toBe("401 unauthorized");
});

it("[A43] an owner whose object does not answer is refused for a while; another owner is not, nor is the operator", async () => {
	const [place, other] = [await aRepo(), await aRepo()];
	const [token, theirs] = [await aToken(place.owner, ["write"]), await aToken(other.owner, ["write"])];
	const name = env.OWNER.idFromName(place.owner).toString();
	const silent = { ended: () => Promise.reject(new Error("away")) };
	const OWNER = {
		idFromName: (owner: string) => env.OWNER.idFromName(owner),
		get: (id: DurableObjectId) => (id.toString() === name ? silent : env.OWNER.get(id)),
	};
	expect(await submit(place, token, { OWNER })).toBe("503 standing-unknown, again");
	expect(await submit(other, theirs, { OWNER })).toBe("201");
	expect(await fresh("POST", `${place.path}/runs`, { body: { jobs: [job("a")] } }, { OWNER })).toBe("201");
	expect(await submit(place, `${token.slice(0, -1)}x`, { OWNER })).toBe("401 unauthorized");
});

it("[W60] tokens of before, of an owner not asked for yet, are unknown while the database is away; and count after", async () => {
	const place = await aRepo();
	const { id } = await makeToken(place.owner, ["write"]);
	const other = { ...place, owner: `${place.owner}-moved` };
	// As an upgrade finds it: a row that says revoked, and an object that nobody has asked yet.
	await env.DB.prepare("UPDATE token SET revoked_at = 1, owner = ? WHERE id = ?").bind(other.owner, id).run();
	await withoutDatabase(async () => expect(await ownerCalls(env, other.owner).ended([id])).toBeNull());
	expect(await ownerCalls(env, other.owner).ended([id])).toEqual([id]);
});

it("[A44] a token lives for a year unless told, and no longer than the one that makes it", async () => {
	const { owner } = await aRepo();
	const yearMs = 365 * 24 * 3_600_000;
	const before = Date.now();
	const { token, expiresAt } = await makeToken(owner, ["admin", "write"]);
	const livesMs = Date.parse(expiresAt ?? "") - yearMs;
	expect(livesMs).toBeGreaterThanOrEqual(before);
	expect(livesMs).toBeLessThanOrEqual(Date.now());
	const call = { token, body: { owner, name: "made", scopes: ["write"] } };
	expect((await send<TokenMade>("POST", "/v1/tokens", call)).body.expiresAt).toBe(expiresAt);
});

it("[B26] a token ends where the truth is when its owner is told, though the database is away; the list shows it later", async () => {
	const place = await aRepo();
	const admin = await aToken(place.owner, ["admin", "read"]);
	const { token, id } = await makeToken(place.owner, ["write"]);
	await withoutDatabase(async () => {
		expect(await fresh("DELETE", `/v1/tokens/${id}`, { token: admin })).toBe("503 unavailable, again");
		expect(await fresh("DELETE", `/v1/tokens/${id}?owner=other`, { token: admin })).toBe("404 unknown");
		expect(await fresh("DELETE", `/v1/tokens/${id}?owner=${place.owner}`, { token: admin })).toBe("204");
		expect(await submit(place, token)).toBe("401 unauthorized");
	});
	expect(await refusal("DELETE", `/v1/tokens/${id}?owner=UPPER`)).toBe("400 owner");
	const revokedAt = async () => {
		const { body } = await send<{ items: TokenMade[] }>("GET", `/v1/tokens?owner=${place.owner}`, { token: admin });
		return body.items.find((item) => item.id === id)?.revokedAt ?? null;
	};
	await expect.poll(revokedAt, { timeout: 10_000 }).not.toBeNull();
});

it("[A46] nothing is read of a caller without a good token, and the answer waits for nothing", async () => {
	const place = await aRepo();
	const { token, id } = await makeToken(place.owner, ["write"]);
	await send("DELETE", `/v1/tokens/${id}`);
	for (const bad of [null, token, "nonsense"]) {
		let pieces = 0;
		const body = new ReadableStream<Uint8Array>({
			pull(controller) {
				pieces++;
				if (pieces <= 16) controller.enqueue(new Uint8Array(65_536));
			},
		});
		expect(await fresh("POST", `${place.path}/runs`, { token: bad, body })).toBe("401 unauthorized");
		expect(pieces).toBeLessThan(16);
	}
});
