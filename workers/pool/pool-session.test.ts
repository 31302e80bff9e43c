// Runners' sessions in the real runtime: hello, pushed grants and cancels, and what becomes of leases when sockets go.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { moveClock } from "../testing/clock-fixture.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { shardOf } from "../../src/domain/pool/pool.ts";
import { SessionRunner, leaseOf, started } from "./pool-fixture.ts";
import type { PoolObject } from "./pool-object.ts";
import { PoolTables } from "../../src/engine/pool/pool-tables.ts";
import type { Repo } from "../repo/queue-fixture.ts";
import { RepoObject } from "../repo/repo-object.ts";
import {
	acquire,
	aJob,
	anIdentity,
	aReport,
	aRepository,
	poolOf,
	register,
	repoOf,
	submit,
} from "../repo/queue-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

/** A started lease, held over a session. */
async function running(): Promise<{
	repo: Repo;
	runner: SessionRunner;
	id: string;
	lease: LeaseIdentity;
}> {
	const repo = await aRepository();
	const runner = await SessionRunner.connect(anIdentity(repo));
	runner.hello();
	await submit(repo, [aJob("a")]);
	const grant = await runner.grant();
	const lease = await started(grant);
	await runner.helloHeard([grant.lease.id]);
	return { repo, runner, id: grant.lease.id, lease };
}

/** A close that the pool has certainly taken. */
async function closeHeard(repo: Repo, runner: SessionRunner): Promise<void> {
	runner.close();
	const sockets = () => runInDurableObject(poolOf(repo), (_: PoolObject, ctx) => ctx.getWebSockets().length);
	await vi.waitFor(async () => expect(await sockets()).toBe(0));
	await poolOf(repo).figures();
}

async function look(repo: Repo, times: number): Promise<void> {
	for (let looked = 0; looked < times; looked++) {
		moveClock(15_000);
		await runDurableObjectAlarm(poolOf(repo));
	}
}

describe("grants over a session", () => {
	it("[W31] a job is pushed to a runner that said hello, also when the object slept meanwhile", async () => {
		const repo = await aRepository();
		const runner = await SessionRunner.connect(anIdentity(repo));
		runner.hello();
		await vi.waitFor(async () => expect((await poolOf(repo).figures()).idle).toBe(1));
		await evictDurableObject(poolOf(repo), { webSockets: "hibernate" });
		await submit(repo, [aJob("a")]);
		expect((await runner.grant()).job.key).toBe("a");
	});

	it("[W32] as many as its hello's capacity are pushed; a finished job makes room for the next", async () => {
		const repo = await aRepository();
		const runner = await SessionRunner.connect(anIdentity(repo));
		runner.hello([], { capacity: 2 });
		await submit(repo, [aJob("a"), aJob("b"), aJob("c")]);
		const first = await runner.grant();
		const second = await runner.grant();
		expect([first.job.key, second.job.key].sort()).toEqual(["a", "b"]);
		expect((await poolOf(repo).figures()).running).toBe(2);
		await started(first);
		orThrow(await repoOf(repo).finish(leaseOf(first), aReport()));
		expect((await runner.grant()).job.key).toBe("c");
		expect(runner.waiting).toBe(0);
	});

	it("[W32] however many are free, they are one claim", async () => {
		const repo = await aRepository();
		await submit(
			repo,
			Array.from({ length: 8 }, (_, at) => aJob(`j${at}`)),
		);
		await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(8));
		const claims = vi.spyOn(RepoObject.prototype, "claim");
		const runner = await SessionRunner.connect(anIdentity(repo, { capacity: 8 }));
		runner.hello([], { capacity: 8 });
		for (let granted = 0; granted < 8; granted++) await runner.grant();
		expect(claims.mock.calls.map(([{ free }]) => free)).toEqual([8]);
		claims.mockRestore();
	});

	it("[W51] few jobs spread over those that have room", async () => {
		const repo = await aRepository();
		const runners = await Promise.all(
			["one", "two"].map((id) => SessionRunner.connect(anIdentity(repo, { id, capacity: 4 }))),
		);
		for (const runner of runners) await runner.helloHeard([], { capacity: 4 });
		await submit(repo, [aJob("a"), aJob("b"), aJob("c"), aJob("d")]);
		for (const runner of runners) await Promise.all([runner.grant(), runner.grant()]);
		expect(runners.map((runner) => runner.waiting)).toEqual([0, 0]);
	});

	it("[W51] a runner that never starts its grant is handed the next only when nobody else has room, and it is logged", async () => {
		const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
		const repo = await aRepository();
		const lazy = await SessionRunner.connect(anIdentity(repo, { id: "lazy" }));
		await lazy.helloHeard([]);
		await submit(repo, [aJob("a")]);
		const lapsed = await lazy.grant();
		const busy = await SessionRunner.connect(anIdentity(repo, { id: "busy", capacity: 2 }));
		await busy.helloHeard([], { capacity: 2 });
		await submit(repo, [aJob("b")]);
		await started(await busy.grant());
		moveClock(13_000);
		await runDurableObjectAlarm(repoOf(repo));
		moveClock(2_000);
		await evictDurableObject(poolOf(repo), { webSockets: "hibernate" });
		await runDurableObjectAlarm(repoOf(repo));
		expect((await busy.grant()).job.id).toBe(lapsed.job.id);
		const events = said.mock.calls.map(([line]) => JSON.parse(String(line)));
		expect(events).toContainEqual({
			...{ event: "grants-lapsed", pool: `${repo.owner}/${repo.pool}/0`, leases: [lapsed.lease.id] },
		});
		said.mockRestore();
		await submit(repo, [aJob("c")]);
		expect((await lazy.grant()).job.key).toBe("c");
	});

	it("[W33] nothing is pushed before hello or after bye; polls of others are served meanwhile", async () => {
		const repo = await aRepository();
		const silent = await SessionRunner.connect(anIdentity(repo, { id: "silent" }));
		const leaving = await SessionRunner.connect(anIdentity(repo, { id: "leaving" }));
		leaving.hello();
		leaving.say({ type: "bye" });
		await submit(repo, [aJob("a")]);
		await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(1));
		expect((await acquire(anIdentity(repo, { id: "poller" }), []))?.job.key).toBe("a");
		expect(silent.waiting + leaving.waiting).toBe(0);
	});

	it("[W34][A49] a frame that is none ends the session, and says so by its code", async () => {
		const repo = await aRepository();
		for (const frame of [
			"{",
			{ type: "hello" },
			{ type: "hello", instanceId: "i", capacity: 1, leases: [], more: 1 },
			'{"type":"hello","instanceId":"i","capacity":1,"capacity":2,"leases":[]}',
			'{"type":"hello","instanceId":"\\ud800","capacity":1,"leases":[]}',
		]) {
			const runner = await SessionRunner.connect(anIdentity(repo));
			runner.say(frame);
			expect(await runner.closed).toBe(4_400);
		}
	});

	it("[W35] a cancel is pushed to the session that holds the lease", async () => {
		const { repo, runner, id, lease } = await running();
		orThrow(await repoOf(repo).cancelJob({ job: lease.job, actor: "dev", reason: null, force: false }));
		expect(await runner.frame("cancel")).toEqual({ type: "cancel", lease: id, graceSeconds: 10 });
	});
});

describe("a session that waits", () => {
	it("[W55] its pings wake nothing, and nothing is due", async () => {
		const repo = await aRepository();
		const identities = Array.from({ length: 20 }, (_, at) => anIdentity(repo, { id: `rn${at}` }));
		const runners = await Promise.all(identities.map((identity) => SessionRunner.connect(identity)));
		for (const runner of runners) await runner.helloHeard([]);
		await evictDurableObject(poolOf(repo), { webSockets: "hibernate" });
		const reads = vi.spyOn(PoolTables.prototype, "runners");
		for (let round = 0; round < 3; round++) for (const runner of runners) runner.say("ping");
		await vi.waitFor(() => expect(runners.map((runner) => runner.pongs)).toEqual(runners.map(() => 3)));
		expect(reads).not.toHaveBeenCalled();
		expect(await runInDurableObject(poolOf(repo), (_: PoolObject, ctx) => ctx.storage.getAlarm())).toBeNull();
		// It was asleep until now: to look at it is what wakes it.
		expect(reads).toHaveBeenCalledTimes(1);
		reads.mockRestore();
	});
});

describe("leases over a session", () => {
	it("[W36] the newest instance wins: the older is closed, and what it held is lost at once", async () => {
		const { repo, runner, lease } = await running();
		const newer = await SessionRunner.connect(anIdentity(repo));
		newer.hello([], { instanceId: "i2" });
		expect(await runner.closed).toBe(4_009);
		await vi.waitFor(async () => expect(await repoOf(repo).lease(lease)).toBe("lost"));
		moveClock(5_000);
		await runDurableObjectAlarm(repoOf(repo));
		const again = await newer.grant();
		expect(again.job).toMatchObject({ id: lease.job, attempt: 2 });
	});

	it("[W37] a restarted runner that comes back without its leases has lost them at once", async () => {
		const { repo, runner, lease } = await running();
		runner.close();
		const newer = await SessionRunner.connect(anIdentity(repo));
		newer.hello([], { instanceId: "i2" });
		await vi.waitFor(async () => expect(await repoOf(repo).lease(lease)).toBe("lost"));
	});

	it("[W36] a process that is connected and has not said hello yet is not taken for an older one", async () => {
		const repo = await aRepository();
		const older = await SessionRunner.connect(anIdentity(repo));
		await older.helloHeard([]);
		const newer = await SessionRunner.connect(anIdentity(repo));
		await older.helloHeard([]);
		newer.hello([], { instanceId: "i2" });
		expect(await older.closed).toBe(4_009);
		await submit(repo, [aJob("a")]);
		expect((await newer.grant()).job.key).toBe("a");
	});

	it("[W36] a replaced process that comes back without having heard of it replaces nobody", async () => {
		const repo = await aRepository();
		const older = await SessionRunner.connect(anIdentity(repo));
		await older.helloHeard([]);
		const newer = await SessionRunner.connect(anIdentity(repo));
		await newer.helloHeard([], { instanceId: "i2" });
		await evictDurableObject(poolOf(repo), { webSockets: "hibernate" });
		const again = await SessionRunner.connect(anIdentity(repo));
		again.hello([]);
		expect(await again.closed).toBe(4_009);
		await submit(repo, [aJob("a")]);
		expect((await newer.grant()).job.key).toBe("a");
	});

	it("[W38] a runner that names a lease it does not have is told", async () => {
		const { repo, id } = await running();
		const liar = await SessionRunner.connect(anIdentity(repo, { id: "liar" }));
		liar.hello([id, "nonsense"]);
		const told = [await liar.frame("lost"), await liar.frame("lost")].map(({ lease }) => lease);
		expect(told.sort()).toEqual([id, "nonsense"].sort());
		expect((await poolOf(repo).figures()).running).toBe(1);
	});

	it("[W39] a session that says nothing, pings included, loses its leases within 45 s and is told", async () => {
		const { repo, runner, id, lease } = await running();
		await look(repo, 1);
		expect(await repoOf(repo).lease(lease)).toBe("ok");
		await look(repo, 2);
		expect(await repoOf(repo).lease(lease)).toBe("lost");
		expect(await runner.frame("lost")).toEqual({ type: "lost", lease: id });
	});

	it("[W40] a closed session has 30 s to come back; the same instance then keeps what it names", async () => {
		const { repo, runner, id, lease } = await running();
		await closeHeard(repo, runner);
		await look(repo, 1);
		const back = await SessionRunner.connect(anIdentity(repo));
		await back.helloHeard([id]);
		await look(repo, 1);
		expect(await repoOf(repo).lease(lease)).toBe("ok");
		await closeHeard(repo, back);
		await look(repo, 3);
		expect(await repoOf(repo).lease(lease)).toBe("lost");
	});

	it.each([1, 3])(
		"[W41] sockets that go without a close, all at once, over %i shards, have a minute from when it is noticed, once",
		async (shards) => {
			const repo = await aRepository();
			const pools = Array.from({ length: shards }, (_, shard) => poolOf(repo, shard));
			const identities = Array.from({ length: 200 }, (_, at) =>
				anIdentity(repo, { id: `rn${at}`, shard: shardOf(`rn${at}`, shards) }),
			);
			for (const identity of identities) await register(identity);
			const runners = await Promise.all(identities.map((identity) => SessionRunner.connect(identity)));
			for (const runner of runners) runner.hello();
			const jobs = identities.map((_, at) => aJob(`j${at}`));
			orThrow(await repoOf(repo).configure({ ...repo, request: { maxRunning: 1_000 }, replace: false }));
			await submit(repo, jobs);
			const leases = await Promise.all(runners.map(async (runner) => leaseOf(await runner.grant())));
			for (const lease of leases) orThrow(await repoOf(repo).start(lease));
			for (const pool of pools) await evictDurableObject(pool, { webSockets: "close" });
			const lookAll = async (times: number) => {
				for (let looked = 0; looked < times; looked++) {
					moveClock(15_000);
					for (const shard of pools.keys()) await runDurableObjectAlarm(poolOf(repo, shard));
				}
			};
			await lookAll(4);
			const states = async () => {
				const all = await Promise.all(leases.map((lease) => repoOf(repo).lease(lease)));
				return {
					ok: all.filter((state) => state === "ok").length,
					lost: all.filter((state) => state === "lost").length,
				};
			};
			expect(await states()).toEqual({ ok: 200, lost: 0 });
			const back = await Promise.all(identities.slice(0, 150).map((identity) => SessionRunner.connect(identity)));
			for (const heard of [1, 2]) {
				back.forEach((runner, at) => {
					const lease = leases[at];
					if (lease) runner.hello([`${lease.job}.${lease.epoch}`, "nobody's"]);
				});
				// Each is answered only after its pool took the hello. One wait for all, since each check moves the clock.
				await vi.waitFor(() => expect(back.every(({ waiting }) => waiting >= heard)).toBe(true));
				await lookAll(1);
			}
			expect(await states()).toEqual({ ok: 150, lost: 50 });
		},
	);
});
