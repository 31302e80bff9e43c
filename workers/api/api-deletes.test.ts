// What goes, and how a DELETE is answered whose answer was lost and that is sent again: the same for all resources.
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import type { AuditRecord } from "../../src/contracts/http/audit.ts";
import { deadLettersOf } from "../dead-letters/dead-letter-store.ts";
import { aRepo, aRunner, aToken, makeToken, operator, refusal, send } from "./api-fixture.ts";
import type { Place } from "./api-fixture.ts";
import { invite, openedBy, somebody } from "./people-fixture.ts";

/** By the path that the document has: makes one, and says where it is and which act its end is. */
const resources: Record<string, (place: Place) => Promise<{ path: string; act: string }>> = {
	"/v1/repos/{owner}/{repo}/secrets/{name}": async ({ path }) => {
		await send("PUT", `${path}/secrets/A`, { body: { value: "x" } });
		return { path: `${path}/secrets/A`, act: "secret-delete" };
	},
	"/v1/owners/{owner}/secrets/{name}": async ({ owner }) => {
		await send("PUT", `/v1/owners/${owner}/secrets/A`, { body: { value: "x" } });
		return { path: `/v1/owners/${owner}/secrets/A`, act: "secret-delete" };
	},
	"/v1/owners/{owner}/members/{member}": async ({ owner }) => {
		const member = somebody().email ?? "";
		await invite(owner, member, "viewer");
		return { path: `/v1/owners/${owner}/members/${member}`, act: "member-remove" };
	},
	"/v1/sessions/{id}": async () => {
		await openedBy(operator);
		const { items } = (await send<{ items: { id: string }[] }>("GET", "/v1/sessions")).body;
		return { path: `/v1/sessions/${items[0]?.id}`, act: "session-end" };
	},
	"/v1/tokens/{id}": async ({ owner }) => {
		const { id } = await makeToken(owner, ["read"]);
		return { path: `/v1/tokens/${id}`, act: "token-revoke" };
	},
	"/v1/pools/{owner}/{pool}/runners/{runner}": async (place) => {
		const { id } = await aRunner(place);
		return { path: `/v1/pools/${place.owner}/default/runners/${id}`, act: "runner-remove" };
	},
	"/v1/dead-letters/{letter}": async ({ owner }) => {
		const letter = { message: owner, queue: "events" as const, at: 1_700_000_000_000, tries: 1, reason: "", body: 7 };
		await deadLettersOf(env).keep(letter);
		const { items } = (await send<{ items: { id: string }[] }>("GET", "/v1/dead-letters?limit=100")).body;
		const mine = owner.replaceAll(/[^0-9a-z]/g, "");
		return { path: `/v1/dead-letters/${items.find(({ id }) => id.endsWith(mine))?.id}`, act: "dead-letter-drop" };
	},
};

it("[Y13] every resource that can be deleted is here", async () => {
	const { paths } = (await send<{ paths: Record<string, object> }>("GET", "/openapi.json", { token: null })).body;
	const deleted = Object.keys(paths).filter((path) => "delete" in (paths[path] ?? {}));
	// Whoever signs out has no session any more that could do it again.
	expect(deleted.sort()).toEqual([...Object.keys(resources), "/v1/session"].sort());
});

it.each(Object.entries(resources))(
	"[Y13][N187] a DELETE that is repeated is answered as the first was, says that there was nothing, and is no act: %s",
	async (_, make) => {
		const place = await aRepo();
		const { path, act } = await make(place);
		for (const absent of [null, "true", "true"]) {
			const { status, headers, body } = await send("DELETE", path);
			expect([status, headers.get("spillway-absent"), body]).toEqual([204, absent, null]);
		}
		const subject = path.slice(path.lastIndexOf("/") + 1);
		const acts = await vi.waitFor(async () => {
			const { items } = (await send<{ items: AuditRecord[] }>("GET", `/v1/audit?action=${act}&limit=100`)).body;
			const mine = items.filter((item) => item.subject === subject && (item.owner ?? place.owner) === place.owner);
			expect(mine).not.toEqual([]);
			return mine;
		});
		expect(acts).toHaveLength(1);
	},
);

it("[Y13] where nothing may be known, nothing is said: a stranger's DELETE is refused as everything of a stranger's is", async () => {
	const token = await aToken((await aRepo()).owner, ["admin"]);
	const place = await aRepo();
	for (const [path, make] of Object.entries(resources)) {
		// Sessions are looked for among the caller's own: another's are none of them, whether they are there or not.
		const others: Record<string, string> = { "dead-letters": "403 operator-only", sessions: "204" };
		const said = others[path.split("/")[2] ?? ""] ?? "404 unknown";
		const made = await make(place);
		expect([path, await refusal("DELETE", made.path, { token })]).toEqual([path, said]);
		expect([path, await refusal("DELETE", `${made.path}0`, { token })]).toEqual([path, said]);
		if (said !== "204") continue;
		const { items } = (await send<{ items: { id: string }[] }>("GET", "/v1/sessions")).body;
		expect(items.some(({ id }) => made.path.endsWith(id))).toBe(true);
	}
});
