// What the commands about people send, and what they show of the answer.
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/fake-terminal.ts";

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

const members = "/v1/owners/acme/members";
const since = "2026-05-01T12:00:00.000Z";
const ada = { member: "pe1", state: "active", role: "owner", repos: null, name: "Ada", invitedAs: null, since };
const invited = { ...ada, member: "eve@example.com", state: "invited", role: "viewer", repos: ["web"], name: null };
const absent = { status: 204, headers: { "spillway-absent": "true" } };

it("[A95] member list shows members and invitations", async () => {
	api.on(`GET ${members}`, { json: { items: [ada, invited], nextCursor: null, asOf: since, stale: false } });
	const { code, out } = await run(api, ["member", "list", "acme"]);
	expect(code).toBe(0);
	expect(out.split("\n")).toEqual([
		"member           name  role    repositories  state    since",
		`pe1              Ada   owner   all           active   ${since}`,
		`eve@example.com  -     viewer  web           invited  ${since}`,
		"",
	]);
});

it("[A95] member set sends the role and the repositories that were said, and names a member as it is", async () => {
	const login = `${members}/${encodeURIComponent("https://id.example/one:eve")}`;
	api.on(`PUT ${login}`, { json: invited });
	const words = ["member", "set", "acme", "https://id.example/one:eve", "--role", "viewer", "--repo", "web,acme/api"];
	const { code, out } = await run(api, words);
	expect({ code, out }).toEqual({ code: 0, out: "eve@example.com is invited as viewer\n" });
	expect(api.calls.map(({ json }) => json)).toEqual([{ role: "viewer", repos: ["web", "api"] }]);
	expect((await run(api, ["member", "set", "acme", "ada@example.com"])).code).toBe(2);
	expect((await run(api, ["member", "set", "acme", "ada@example.com", "--role", "boss"])).code).toBe(2);
	expect(api.calls).toHaveLength(1);
});

it("[A95] member remove says what was done, and fails where nobody is that", async () => {
	api.on(`DELETE ${members}/eve%40example.com`, { status: 204 }, absent);
	const words = ["member", "remove", "acme", "eve@example.com"];
	expect(await run(api, words)).toMatchObject({ code: 0, out: "eve@example.com is no member of acme any more\n" });
	expect(await run(api, words)).toMatchObject({ code: 4, err: expect.stringContaining("spillway member list") });
});

it("[A95] session list and end", async () => {
	const session = { id: "se1", openedAt: since, usedAt: since, expiresAt: since, from: null, isCurrent: false };
	api.on("GET /v1/sessions", { json: { items: [session], nextCursor: null, asOf: since, stale: false } });
	api.on("DELETE /v1/sessions/se1", { status: 204 }, absent);
	expect((await run(api, ["session", "list"])).out).toContain(`se1  ${since}`);
	expect(await run(api, ["session", "end", "se1"])).toMatchObject({ code: 0, out: "session se1 has ended\n" });
	expect(await run(api, ["session", "end", "se1"])).toMatchObject({ code: 4 });
});
