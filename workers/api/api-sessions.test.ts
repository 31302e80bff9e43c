// Sessions of browsers through the front door: opened by a token or by signing in, what they may, how they end, and what forgers get.
import { createExecutionContext, evictAllDurableObjects, waitOnExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parseKeys, signToken } from "../../src/auth/token.ts";
import type { ShownCaller, ShownSession } from "../../src/contracts/http/session.ts";
import type { Env } from "../env.ts";
import { moveClock } from "../testing/clock-fixture.ts";
import worker from "../main.ts";
import { takeDatabaseAway } from "./away-fixture.ts";
import { aRepo, aToken, fetchRaw, job, makeToken, operator, origin, refusal, requestOf, send } from "./api-fixture.ts";
import { aMember, browse, openedBy, signedIn, somebody } from "./people-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

const dayMs = 24 * 3_600_000;
const me = (cookie: string) => browse<ShownCaller>("GET", "/v1/session", cookie);
const heard = async (method: string, path: string, cookie: string, headers: Record<string, string> = {}) =>
	refusal(method, path, { token: null, headers: { cookie, origin, "spillway-request": "1", ...headers } });

describe("opened by a token", () => {
	it("[A88] a session of the operator's token is the operator's, and the cookie is out of reach of scripts and other sites", async () => {
		const answer = await fetchRaw("POST", "/v1/session", { token: null, body: { token: operator } });
		const cookie = answer.headers.get("set-cookie") ?? "";
		expect(cookie).toMatch(
			/^spillway_session=spw_session_\S+; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=\d{7}$/,
		);
		expect(await me(cookie.split(";")[0] ?? "")).toMatchObject({
			status: 200,
			body: { name: "operator", kind: "operator" },
		});
		expect((await browse("GET", "/v1/switches", cookie.split(";")[0] ?? "")).status).toBe(200);
	});

	it("[A88] a session of an access token may what the token may, names it in the audit and ends with it", async () => {
		const place = await aRepo();
		const { token, id } = await makeToken(place.owner, ["read", "write"]);
		const cookie = await openedBy(token);
		const { body } = await me(cookie);
		expect(body).toMatchObject({ kind: "token", person: null, owners: [{ owner: place.owner, role: "developer" }] });
		const run = { jobs: [job("a")] };
		expect((await browse("POST", `${place.path}/runs`, cookie, { body: run })).status).toBe(201);
		expect(await heard("PATCH", place.path, cookie)).toBe("403 scope-missing");
		expect(await heard("GET", (await aRepo()).path, cookie)).toBe("404 unknown");
		await send("DELETE", `/v1/tokens/${id}`);
		expect(await heard("GET", "/v1/session", cookie)).toBe("401 unauthorized");
	});

	it("[A88] a token that is none, has ended or is a session's own opens none", async () => {
		const place = await aRepo();
		const { token, id } = await makeToken(place.owner, ["read"]);
		const [, cookie = ""] = (await openedBy(token)).split("=");
		await send("DELETE", `/v1/tokens/${id}`);
		for (const wrong of [token, `${token}x`, cookie, "sixteen-characters"]) {
			expect(await refusal("POST", "/v1/session", { token: null, body: { token: wrong } })).toBe("401 unauthorized");
		}
		expect(await refusal("POST", "/v1/session", { token: null, body: {} })).toBe("400 token");
	});

	it("[A88] the sessions of an operator's token that was replaced are nobody's", async () => {
		const ctx = createExecutionContext();
		const before = { ...env, SPILLWAY_OPERATOR_TOKEN: "the-operators-token-before" };
		const request = requestOf("POST", "/v1/session", { token: null, body: { token: before.SPILLWAY_OPERATOR_TOKEN } });
		const { headers } = await worker.fetch(request as never, before as never, ctx);
		await waitOnExecutionContext(ctx);
		const [cookie = ""] = (headers.get("set-cookie") ?? "").split(";");
		expect(cookie).toMatch(/^spillway_session=spw_session_/);
		expect(await heard("GET", "/v1/session", cookie)).toBe("401 unauthorized");
	});

	it("[A88] the cookie is `Secure` anywhere but on the machine's own address", async () => {
		const headerAt = async (at: string) => {
			const body = JSON.stringify({ token: operator });
			const headers = { "content-type": "application/json" };
			const answer = await exports.default.fetch(new Request(`${at}/v1/session`, { method: "POST", headers, body }));
			expect([at, answer.status]).toEqual([at, 204]);
			return answer.headers.get("set-cookie") ?? "";
		};
		for (const at of ["http://localhost:8787", "http://127.0.0.1:8787", "http://[::1]:8787"]) {
			expect([at, await headerAt(at)]).toEqual([at, expect.not.stringContaining("Secure")]);
		}
		for (const at of ["http://ci.example", "http://192.168.0.1", "https://ci.example", "https://localhost:8787"]) {
			expect([at, await headerAt(at)]).toEqual([at, expect.stringContaining("; Secure;")]);
		}
	});
});

describe("forged", () => {
	it("[A89] a cookie that is not ours, changed, another kind of token or without a record lets nobody in", async () => {
		const place = await aRepo();
		const cookie = await openedBy(await aToken(place.owner, ["read"]));
		const keys = parseKeys("other:0123456789abcdef0123456789abcdef");
		const payload = { id: "se1", holder: "/operator/00000000", name: "x", expiresAt: Date.now() + dayMs, token: null };
		const own = parseKeys((env as unknown as Env).SPILLWAY_SIGNING_KEYS);
		const wrong = [
			`spillway_session=${signToken(keys, "session", payload)}`,
			`spillway_session=${signToken(own, "session", payload)}`,
			cookie.slice(0, -2),
			cookie.replace("spw_session_", "spw_access_"),
			`spillway_session=${await aToken(place.owner, ["read"])}`,
			"spillway_session=",
		];
		for (const each of wrong) expect([each, await heard("GET", place.path, each)]).toEqual([each, "401 unauthorized"]);
		// The header counts alone, and is not helped by a good cookie.
		expect(await heard("GET", place.path, cookie, { authorization: "Bearer none-of-ours-at-all" })).toBe(
			"401 unauthorized",
		);
	});

	it("[A92] a cookie alone changes nothing: without the header a form could send it", async () => {
		const place = await aRepo();
		const { cookie } = await aMember(place.owner, "owner");
		const bare = { token: null, headers: { cookie } };
		expect(await refusal("PATCH", place.path, { ...bare, body: { maxRunning: 1 } })).toBe("403 request-header-missing");
		expect(await refusal("DELETE", "/v1/session", bare)).toBe("403 request-header-missing");
		expect((await send("GET", place.path, bare)).status).toBe(200);
		expect((await browse("PATCH", place.path, cookie, { body: { maxRunning: 1 } })).status).toBe(200);
	});

	it("[A93] what a page of another origin sends with a cookie is refused, and so is any WebSocket that it opens", async () => {
		const place = await aRepo();
		const { cookie } = await aMember(place.owner, "owner");
		for (const foreign of ["https://evil.test", "null", "http://spillway.test"]) {
			expect(await heard("GET", place.path, cookie, { origin: foreign })).toBe("403 origin-foreign");
			expect(await heard("PATCH", place.path, cookie, { origin: foreign })).toBe("403 origin-foreign");
			const socket = { upgrade: "websocket", origin: foreign };
			const path = `${place.path}/runs/latest/events`;
			expect(await refusal("GET", path, { headers: socket })).toBe("403 origin-foreign");
			const body = { token: operator };
			expect(await refusal("POST", "/v1/session", { token: null, body, headers: { origin: foreign } })).toBe(
				"403 origin-foreign",
			);
		}
		// A token was given to whoever sends it.
		expect((await send("GET", place.path, { headers: { origin: "https://evil.test" } })).status).toBe(200);
	});
});

describe("ended", () => {
	it("[A90] a person lists the own sessions and ends one; no other's is listed or ended", async () => {
		const person = somebody();
		const [first, second] = [await signedIn(person), await signedIn(person)];
		const other = await signedIn(somebody());
		const list = async (cookie: string) =>
			(await browse<{ items: ShownSession[] }>("GET", "/v1/sessions", cookie)).body.items;
		const ours = await list(first);
		expect(ours).toHaveLength(2);
		expect(ours.filter(({ isCurrent }) => isCurrent)).toHaveLength(1);
		expect(ours[0]).toMatchObject({ from: "192.0.2.1" });
		const { id = "" } = ours.find(({ isCurrent }) => !isCurrent) ?? {};
		const absent = await browse("DELETE", `/v1/sessions/${id}`, other);
		expect([absent.status, absent.headers.get("spillway-absent")]).toEqual([204, "true"]);
		expect((await me(second)).status).toBe(200);
		expect((await browse("DELETE", `/v1/sessions/${id}`, first)).status).toBe(204);
		expect(await heard("GET", "/v1/session", second)).toBe("401 unauthorized");
		expect(await list(first)).toHaveLength(1);
	});

	it("[A90] signing out ends the session for good, through evictions, and takes the cookie", async () => {
		const cookie = await signedIn(somebody());
		const out = await fetchRaw("DELETE", "/v1/session", { token: null, headers: { cookie, "spillway-request": "1" } });
		expect([out.status, out.headers.get("set-cookie")]).toEqual([204, expect.stringContaining("Max-Age=0")]);
		await evictAllDurableObjects();
		moveClock(60_000);
		expect(await heard("GET", "/v1/session", cookie)).toBe("401 unauthorized");
	});

	it("[A91] a session ends when it was not used for a week, and after thirty days however much it is used", async () => {
		const person = somebody();
		const cookie = await signedIn(person);
		for (let day = 0; day < 29; day++) {
			moveClock(dayMs);
			expect((await me(cookie)).status).toBe(200);
		}
		moveClock(dayMs + 1);
		expect(await heard("GET", "/v1/session", cookie)).toBe("401 unauthorized");
		const idle = await signedIn(person);
		moveClock(7 * dayMs + 1);
		expect(await heard("GET", "/v1/session", idle)).toBe("401 unauthorized");
	});

	it("[A89] whether a session ended that cannot be learnt is 503 and never 200; the database is not asked", async () => {
		const place = await aRepo();
		const { cookie } = await aMember(place.owner, "viewer");
		takeDatabaseAway();
		expect((await browse("GET", `${place.path}/queue`, cookie)).status).toBe(200);
		moveClock(46_000);
		const person = vi.spyOn(env.PERSON, "get").mockImplementation(() => {
			throw new Error("away");
		});
		expect(await heard("GET", place.path, cookie)).toBe("503 standing-unknown");
		person.mockRestore();
		moveClock(2_000);
		expect((await browse("GET", place.path, cookie)).status).toBe(200);
	});
});
