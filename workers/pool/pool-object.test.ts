// A PoolObject in the real runtime: grants at once and by long poll, slots, leases that go quiet, fairness.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { moveClock } from "../testing/clock-fixture.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseIdentity, RunnerIdentity } from "../../src/contracts/objects/objects.ts";
import type { Grant } from "../../src/contracts/http/runner.ts";
import type { Env } from "../env.ts";
import type { PoolObject } from "./pool-object.ts";
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

const env = bindings as unknown as Env;

afterEach(() => {
	vi.useRealTimers();
});

/** Waits as a runner would: over the socket, until a grant comes. */
function poll(runner: RunnerIdentity, named: string[] | null = []): Promise<Grant | null> {
	return waitForGrant(env, { runner, named }, 10_000);
}

/** The pool has heard of the repository's demand: told over RPC after the submission was stored. */
async function heard(repo: Repo, waiting: number): Promise<void> {
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(waiting));
}

describe("grants", () => {
	it("[W19] a job that waits is granted at once, with a lease token that names it", async () => {
		const repo = await aRepository();
		await submit(repo, [aJob("a")]);
		await heard(repo, 1);
		const grant = await acquire(anIdentity(repo), []);
		expect(leaseOf(grant)).toMatchObject({ owner: repo.owner, repo: "web", attempt: 1, epoch: 1, job: grant?.job.id });
		expect(await acquire(anIdentity(repo, { id: "rn2" }), [])).toBeNull();
	});

	it("[W20] a long poll gets the job that is submitted later, also when the object slept meanwhile", async () => {
		const repo = await aRepository();
		orThrow(await poolOf(repo).register(anIdentity(repo)));
		const waiting = poll(anIdentity(repo));
		const sockets = () => runInDurableObject(poolOf(repo), (_: PoolObject, ctx) => ctx.getWebSockets().length);
		await vi.waitFor(async () => expect(await sockets()).toBe(1));
		await evictDurableObject(poolOf(repo), { webSockets: "hibernate" });
		await submit(repo, [aJob("a")]);
		expect((await waiting)?.job.key).toBe("a");
	});

	it("[W21] each poll gets one grant, each job one runner", async () => {
		const repo = await aRepository();
		const polls = ["rn1", "rn2", "rn3"].map((id) => poll(anIdentity(repo, { id })));
		await submit(repo, [aJob("a"), aJob("b"), aJob("c")]);
		const keys = (await Promise.all(polls)).map((grant) => grant?.job.key);
		expect(keys.sort()).toEqual(["a", "b", "c"]);
	});

	it("[W22] a runner holds no more than its capacity, and a finished job frees its slot", async () => {
		const repo = await aRepository();
		const runner = anIdentity(repo, { capacity: 2 });
		await submit(repo, [aJob("a"), aJob("b"), aJob("c")]);
		await heard(repo, 3);
		const first = leaseOf(await acquire(runner, []));
		const second = leaseOf(await acquire(runner, null));
		expect(await acquire(runner, null)).toBeNull();
		const next = poll(runner, null);
		orThrow(await repoOf(repo).start(first));
		orThrow(await repoOf(repo).finish(first, aReport()));
		expect((await next)?.job.key).toBe("c");
		expect(second.epoch).toBe(1);
	});

	it("[W23] labels of a job are a runner's to have", async () => {
		const repo = await aRepository();
		await submit(repo, [aJob("a", { labels: ["gpu", "linux"] })]);
		await heard(repo, 1);
		expect(await acquire(anIdentity(repo, { labels: ["linux"] }), [])).toBeNull();
		const grant = await acquire(anIdentity(repo, { id: "rn2", labels: ["gpu", "linux", "x64"] }), []);
		expect(grant?.job.key).toBe("a");
	});

	it("[W24] two repositories of one owner share a pool, the one that runs less first", async () => {
		const repo = await aRepository();
		const other: Repo = { ...repo, repo: "other" };
		orThrow(await repoOf(other).configure({ ...other, request: {}, replace: true }));
		await submit(repo, [aJob("a1"), aJob("a2"), aJob("a3")]);
		await submit(other, [aJob("b1")]);
		await heard(repo, 4);
		const runner = anIdentity(repo, { capacity: 4 });
		const keys: (string | undefined)[] = [];
		for (let slot = 0; slot < 4; slot++) keys.push((await acquire(runner, null))?.job.key);
		expect(keys).toEqual(["a1", "b1", "a2", "a3"]);
	});
});

describe("leases", () => {
	/** One started lease, its pool's alarm having looked once. */
	async function held(): Promise<{ repo: Repo; runner: RunnerIdentity; lease: LeaseIdentity; id: string }> {
		const repo = await aRepository();
		const runner = anIdentity(repo);
		await submit(repo, [aJob("a")]);
		await heard(repo, 1);
		const grant = await acquire(runner, []);
		const lease = leaseOf(grant);
		orThrow(await repoOf(repo).start(lease));
		return { repo, runner, lease, id: grant?.lease.id ?? "" };
	}

	/** Looks every 15 s, as the alarm does by itself. */
	async function look(repo: Repo, times: number): Promise<void> {
		for (let looked = 0; looked < times; looked++) {
			moveClock(15_000);
			await runDurableObjectAlarm(poolOf(repo));
		}
	}

	it("[W26] a lease nobody renews is lost within 45 s, and its job goes to another runner", async () => {
		const { repo, lease } = await held();
		await look(repo, 1);
		expect(await repoOf(repo).lease(lease)).toBe("ok");
		await look(repo, 2);
		expect(await repoOf(repo).lease(lease)).toBe("lost");
		moveClock(5_000);
		await runDurableObjectAlarm(repoOf(repo));
		const waiting = poll(anIdentity(repo, { id: "rn2" }));
		expect(leaseOf(await waiting)).toMatchObject({ job: lease.job, attempt: 2, epoch: 2 });
	});

	it("[W27] a heartbeat keeps the leases it names, over evictions, and no other's", async () => {
		const { repo, runner, lease, id } = await held();
		for (let beat = 0; beat < 6; beat++) {
			await look(repo, 1);
			const answer = await heartbeat(runner, [id]);
			expect(answer.leases).toEqual([{ id, state: "ok", graceSeconds: expect.any(Number) }]);
			await evictDurableObject(poolOf(repo));
		}
		expect(await repoOf(repo).lease(lease)).toBe("ok");
		const liar = anIdentity(repo, { id: "liar" });
		for (let beat = 0; beat < 4; beat++) {
			await look(repo, 1);
			expect((await heartbeat(liar, [id])).leases[0]?.state).toBe("lost");
		}
		expect(await repoOf(repo).lease(lease)).toBe("lost");
	});

	it("[W28] after the object itself was away everybody gets a minute to come back", async () => {
		const { repo, runner, lease, id } = await held();
		await look(repo, 1);
		moveClock(10 * 60_000);
		await evictDurableObject(poolOf(repo));
		await runDurableObjectAlarm(poolOf(repo));
		expect(await repoOf(repo).lease(lease)).toBe("ok");
		await look(repo, 3);
		expect(await repoOf(repo).lease(lease)).toBe("ok");
		await heartbeat(runner, [id]);
		await look(repo, 2);
		expect(await repoOf(repo).lease(lease)).toBe("ok");
		await look(repo, 2);
		expect(await repoOf(repo).lease(lease)).toBe("lost");
	});

	it("[W29] a heartbeat hears of a cancel, also after the object slept", async () => {
		const { repo, runner, lease, id } = await held();
		orThrow(await repoOf(repo).cancelJob({ job: lease.job, actor: "dev", reason: null, force: false }));
		await vi.waitFor(async () => {
			expect((await heartbeat(runner, [id])).leases[0]?.state).toBe("canceling");
		});
		await evictDurableObject(poolOf(repo));
		expect((await heartbeat(runner, [id])).leases[0]?.state).toBe("canceling");
	});
});

describe("demand", () => {
	it("[W30] an older version, or the same one twice, changes nothing", async () => {
		const repo = await aRepository();
		const set = (waiting: number) => [{ labels: [], waiting, rank: 1, since: 1 }];
		const demand = { owner: repo.owner, repo: "elsewhere", pool: "default" };
		await poolOf(repo).demand({ ...demand, version: 3, sets: set(5) });
		await poolOf(repo).demand({ ...demand, version: 3, sets: set(6) });
		await poolOf(repo).demand({ ...demand, version: 2, sets: set(7) });
		expect((await poolOf(repo).figures()).waiting).toBe(5);
		await runInDurableObject(poolOf(repo), (_, { storage }) => {
			const rows = storage.sql.exec<{ version: number }>("SELECT version FROM demand").toArray();
			expect(rows).toEqual([{ version: 3 }]);
		});
	});
});
