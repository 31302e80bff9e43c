// A pool that is paused or drains: nothing is granted, who waits is told why, runners are told to go, and the way back.
import { evictDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { PoolPatch } from "../../src/contracts/http/runner.ts";
import type { Env } from "../env.ts";
import { connectRequest } from "../../src/contracts/wire/sockets/runner-socket.ts";
import type { Repo } from "../repo/queue-fixture.ts";
import {
	acquire,
	aJob,
	anIdentity,
	aReport,
	aRepository,
	heartbeat,
	poolOf,
	repoOf,
	submit,
} from "../repo/queue-fixture.ts";
import { leaseOf } from "./pool-fixture.ts";
import { waitForGrant } from "./wait-for-grant.ts";
import { wholePool } from "./whole-pool.ts";

const env = bindings as unknown as Env;

const set = (repo: Repo, patch: PoolPatch) => wholePool(env, repo).configure(patch);

async function whyWaiting(repo: Repo, job: string | undefined): Promise<string> {
	const { waiting } = orThrow(await repoOf(repo).job(job ?? ""));
	return `${waiting?.code}: ${waiting?.detail}`;
}

/** A runner's session as a list of what it was told. */
async function aSession(repo: Repo, id: string): Promise<{ told: string[]; hello(): void; closed: Promise<number> }> {
	const { webSocket: socket } = await poolOf(repo).fetch(
		connectRequest({ kind: "session", runner: anIdentity(repo, { id }) }),
	);
	if (!socket) throw new Error("no session");
	const told: string[] = [];
	socket.addEventListener("message", ({ data }) => void told.push(JSON.parse(String(data)).type));
	const closed = new Promise<number>((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
	socket.accept();
	const hello = { type: "hello", instanceId: `of ${id}`, capacity: 1, leases: [] };
	return { told, hello: () => socket.send(JSON.stringify(hello)), closed };
}

it("[B6] paused, nothing is granted, also after the object slept; resumed, what waits goes at once", async () => {
	const repo = await aRepository();
	expect(await set(repo, { paused: true })).toMatchObject({ paused: true, pauseNote: null, draining: false });
	await evictDurableObject(poolOf(repo));
	await submit(repo, [aJob("a"), aJob("b")]);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(2));
	expect(await acquire(anIdentity(repo), [])).toBeNull();
	const session = await aSession(repo, "pushed");
	session.hello();
	const polled = waitForGrant(env, { runner: anIdentity(repo, { id: "polls" }), named: [] }, 10_000);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).idle).toBe(3));
	expect((await poolOf(repo).figures()).running).toBe(0);
	await set(repo, { paused: false });
	expect((await polled)?.job.key).toBeDefined();
	await vi.waitFor(() => expect(session.told).toEqual(["grant"]));
});

it("[B6] what runs when a pool is paused goes on to its end", async () => {
	const repo = await aRepository();
	await submit(repo, [aJob("a"), aJob("b")]);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(2));
	const runner = anIdentity(repo, { capacity: 2 });
	const grant = await acquire(runner, []);
	const lease = leaseOf(grant);
	await set(repo, { paused: true, draining: true });
	orThrow(await repoOf(repo).start(lease));
	expect(await heartbeat(runner, [grant?.lease.id ?? ""])).toMatchObject({
		leases: [{ state: "ok" }],
		draining: true,
	});
	expect(orThrow(await repoOf(repo).finish(lease, aReport())).job.outcome).toBe("passed");
	expect(await acquire(runner, [])).toBeNull();
});

it("[B7] sessions hear that the pool drains, when it begins and when they begin; its end ends them", async () => {
	const repo = await aRepository();
	const early = await aSession(repo, "early");
	early.hello();
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).idle).toBe(1));
	await set(repo, { draining: true, pauseNote: "moving" });
	await set(repo, { draining: true });
	const late = await aSession(repo, "late");
	late.hello();
	await vi.waitFor(() => expect([early.told, late.told]).toEqual([["drain"], ["drain"]]));
	await submit(repo, [aJob("a")]);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(1));
	expect(await poolOf(repo).figures()).toMatchObject({ idle: 0, busy: 0, runners: [{ state: "draining" }, {}] });
	await set(repo, { draining: false });
	expect([await early.closed, await late.closed]).toEqual([1_012, 1_012]);
	const back = await aSession(repo, "late");
	back.hello();
	await vi.waitFor(() => expect(back.told).toEqual(["grant"]));
});

it("[B8] a job says that its pool is paused, with the note, as soon as the pool is, and no longer than that", async () => {
	const repo = await aRepository();
	const run = await submit(repo, [aJob("a"), aJob("elsewhere", { pool: "other" })]);
	const [waiting, other] = (run.jobs ?? []).map(({ id }) => id);
	await vi.waitFor(async () => expect(await whyWaiting(repo, waiting)).toMatch(/^no-runner/));
	const says = (text: string) => vi.waitFor(async () => expect(await whyWaiting(repo, waiting)).toBe(text));
	await set(repo, { paused: true, pauseNote: "new disks" });
	await says('paused: the pool "default" is paused: new disks');
	expect(await whyWaiting(repo, other)).toMatch(/^no-runner/);
	await set(repo, { paused: false, draining: true, pauseNote: null });
	await says('paused: the pool "default" is draining');
	await set(repo, { draining: false });
	await says('no-runner: the pool "default" has no runner');
	await set(repo, { paused: true });
	const later = await submit({ ...repo }, [aJob("b")]);
	await vi.waitFor(async () => expect(await whyWaiting(repo, later.jobs?.[0]?.id)).toMatch(/^paused/));
});

it("[B8] a repository whose object slept hears of the pause when it wakes", async () => {
	const repo = await aRepository();
	const run = await submit(repo, [aJob("a")]);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(1));
	await set(repo, { paused: true });
	await evictDurableObject(repoOf(repo));
	await repoOf(repo).sweep([]);
	await vi.waitFor(async () => expect(await whyWaiting(repo, run.jobs?.[0]?.id)).toMatch(/^paused/));
});
