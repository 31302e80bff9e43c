// Streams that a session opened: each ends with the session, and with any change of what its person is there.
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { personCalls } from "../bindings/stubs.ts";
import type { Env } from "../env.ts";
import { moveClock } from "../testing/clock-fixture.ts";
import { append, fetchRaw, makeToken, origin, refusal, send } from "./api-fixture.ts";
import { aMember, browse, invite, openedBy } from "./people-fixture.ts";
import { open, textOf, watched } from "./streams-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

const by = (cookie: string) => ({ token: null, headers: { cookie, origin } });
const ended = "4401 The session has ended: sign in again.";
const changed = "4401 What you may here was changed: open the stream again.";

/** Until the person's object has heard what its owner's object told it. */
async function heard(person: string, owner: string, role: string | null): Promise<void> {
	await vi.waitFor(async () => {
		const memberships = await personCalls(env as unknown as Env, person).memberships();
		expect(memberships.find((each) => each.owner === owner)?.role ?? null).toBe(role);
	});
}

it("[A94] sockets that an object holds end with their session, a changed role or repositories, and the end of membership", async () => {
	const { place, objects, paths } = await watched();
	const { owner } = place;
	for (const what of ["log", "feed"] as const) {
		const [out, raised, narrowed, removed, stays] = await Promise.all([
			aMember(owner, "viewer"),
			aMember(owner, "viewer"),
			aMember(owner, "viewer"),
			aMember(owner, "viewer"),
			aMember(owner, "viewer"),
		]);
		const sockets = await Promise.all(
			[out, raised, narrowed, removed, stays].map(({ cookie }) => open(paths[what], by(cookie))),
		);
		const [first, second, third, fourth, fifth] = sockets;
		expect((await browse("DELETE", "/v1/session", out.cookie)).status).toBe(204);
		await invite(owner, raised.id, "developer");
		await invite(owner, narrowed.id, "viewer", { repos: ["other"] });
		await send("DELETE", `/v1/owners/${owner}/members/${removed.id}`);
		await heard(raised.id, owner, "developer");
		await heard(removed.id, owner, null);
		await vi.waitFor(async () => {
			await runDurableObjectAlarm(objects[what]);
			expect(third?.isOpen()).toBe(false);
		});
		expect(await Promise.all([first?.closed, second?.closed, third?.closed, fourth?.closed])).toEqual([
			ended,
			changed,
			changed,
			changed,
		]);
		expect(fifth?.isOpen()).toBe(true);
		// A member whose role was raised comes back at once; one who is none any more does not.
		expect((await open(paths[what], by(raised.cookie))).isOpen()).toBe(true);
	}
});

it("[A94] a socket of a session that a token opened ends with either; a person's object that does not answer ends none", async () => {
	const { place, objects, paths } = await watched();
	const [mine, other] = [await makeToken(place.owner, ["read"]), await makeToken(place.owner, ["read"])];
	const byToken = await open(paths.log, by(await openedBy(mine.token)));
	const cookie = await openedBy(other.token);
	const bySession = await open(paths.log, by(cookie));
	await send("DELETE", `/v1/tokens/${mine.id}`);
	await runDurableObjectAlarm(objects.log);
	expect(await byToken.closed).toBe("4401 The token was revoked.");
	expect(bySession.isOpen()).toBe(true);
	expect((await browse("DELETE", "/v1/session", cookie)).status).toBe(204);
	const away = vi.spyOn(env.PERSON, "get").mockImplementation(() => {
		throw new Error("away");
	});
	await runDurableObjectAlarm(objects.log);
	expect(bySession.isOpen()).toBe(true);
	away.mockRestore();
	await runDurableObjectAlarm(objects.log);
	expect(await bySession.closed).toBe(ended);
});

it("[A94] event streams, and sockets that the Worker ends, end with the membership and give nothing more", async () => {
	const { place, grant, paths } = await watched();
	const { cookie, id } = await aMember(place.owner, "viewer");
	const all = [paths.log, paths.job, paths.feed];
	const streams = await Promise.all(all.map((path) => fetchRaw("GET", path, by(cookie))));
	const socket = await open(paths.job, by(cookie));
	const texts = Promise.all(streams.map(textOf));
	await send("DELETE", `/v1/owners/${place.owner}/members/${id}`);
	await heard(id, place.owner, null);
	// What this isolate knows is too old then, and is asked for by the next call.
	moveClock(46_000);
	await refusal("GET", paths.log, by(cookie));
	expect((await append(grant, 0, "secret")).status).toBe(204);
	expect((await send("POST", `${place.path}/jobs/${grant.job.id}/cancel`)).status).toBeLessThan(300);
	expect(await socket.closed).toBe(changed);
	for (const text of await texts) {
		expect(text).toMatch(
			/event: token-ended\ndata: \{"detail":"What you may here was changed: open the stream again\."\}\n\n$/,
		);
		expect(text).not.toContain("secret");
	}
	expect(await refusal("GET", paths.log, by(cookie))).toBe("404 unknown");
});
