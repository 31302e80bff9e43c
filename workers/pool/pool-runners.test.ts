// Single runners of a pool: forgotten with their one job, drained, removed, and what they say of themselves.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { RunnerIdentity } from "../../src/contracts/objects/objects.ts";
import type { Env } from "../env.ts";
import { connectRequest } from "../../src/contracts/wire/sockets/runner-socket.ts";
import { SessionRunner, started } from "./pool-fixture.ts";
import type { Repo } from "../repo/queue-fixture.ts";
import {
	aJob,
	acquire,
	anIdentity,
	aReport,
	aRepository,
	heartbeat,
	poolOf,
	register,
	repoOf,
	submit,
} from "../repo/queue-fixture.ts";
import { wholePool } from "./whole-pool.ts";

const env = bindings as unknown as Env;
const shardCounts = [1, 3];

/** One runner in each shard. */
async function runnersIn(repo: Repo, shards: number): Promise<RunnerIdentity[]> {
	const all = Array.from({ length: shards }, (_, shard) => anIdentity(repo, { id: `rn${shard}`, shard }));
	for (const runner of all) await register(runner);
	return all;
}

/** A job that runs, by the runner of the last of so many shards. */
async function heldByLastOf(shards: number) {
	const repo = await aRepository();
	const last = (await runnersIn(repo, shards)).at(-1) ?? anIdentity(repo);
	const session = await SessionRunner.connect(last);
	await submit(repo, [aJob("a")]);
	await session.helloHeard([]);
	const held = await session.grant();
	return { repo, last, session, held, lease: await started(held) };
}

const statesOf = async (repo: Repo) => (await wholePool(env, repo).figures()).runners.map(({ state }) => state);

it("[W25] an ephemeral runner is forgotten once its one job is over, and comes back by no call", async () => {
	const repo = await aRepository();
	const runner = await register(anIdentity(repo, { ephemeral: true, capacity: 3 }));
	const session = await SessionRunner.connect(runner);
	await session.helloHeard([], { capacity: 3 });
	expect((await poolOf(repo).figures()).runners).toMatchObject([{ id: "rn1", capacity: 1 }]);
	await submit(repo, [aJob("a"), aJob("b")]);
	const lease = await started(await session.grant());
	expect(await acquire(runner)).toBeNull();
	orThrow(await repoOf(repo).finish(lease, aReport()));
	expect(await session.closed).toBe(4_410);
	await evictDurableObject(poolOf(repo));
	expect((await poolOf(repo).figures()).runners).toEqual([]);
	expect(await poolOf(repo).acquire(runner, [])).toBe("runner-unknown");
	expect(await poolOf(repo).heartbeat(runner, [])).toBe("runner-unknown");
	expect((await poolOf(repo).fetch(connectRequest({ kind: "session", runner }))).status).toBe(404);
	expect(session.waiting).toBe(0);
});

it("[W32] the capacity that a runner says in its hello counts, is shown, and stays after sleep", async () => {
	const repo = await aRepository();
	const runner = await register(anIdentity(repo));
	const session = await SessionRunner.connect(runner);
	await session.helloHeard([], { capacity: 3 });
	await evictDurableObject(poolOf(repo), { webSockets: "hibernate" });
	await submit(repo, [aJob("a"), aJob("b"), aJob("c"), aJob("d")]);
	for (let grants = 0; grants < 3; grants++) await session.grant();
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(1));
	expect((await poolOf(repo).figures()).runners).toMatchObject([{ capacity: 3, leases: 3 }]);
	expect(session.waiting).toBe(0);
	await session.helloHeard([], { capacity: 2 });
	expect((await poolOf(repo).figures()).runners).toMatchObject([{ capacity: 2 }]);
});

it.each(shardCounts)(
	"[B22] a runner that drains takes nothing new and finishes what it holds, of %i shards",
	async (shards) => {
		const { repo, last, session, held, lease } = await heldByLastOf(shards);
		const whole = wholePool(env, repo);
		expect(await whole.setRunner(last.id, { draining: true })).toMatchObject({
			id: last.id,
			state: "draining",
			leases: 1,
		});
		await session.frame("drain");
		await evictDurableObject(poolOf(repo, last.shard), { webSockets: "hibernate" });
		expect(await heartbeat(last, [held.lease.id])).toMatchObject({ draining: true, leases: [{ state: "ok" }] });
		orThrow(await repoOf(repo).finish(lease, aReport()));
		await vi.waitFor(async () => expect((await whole.figures()).running).toBe(0));
		await submit(repo, [aJob("b")]);
		await vi.waitFor(async () => expect((await whole.figures()).waiting).toBe(1));
		expect(await acquire(last)).toBeNull();
		expect(session.waiting).toBe(0);
		expect((await statesOf(repo)).filter((state) => state === "draining")).toHaveLength(1);
		const again = await SessionRunner.connect(last);
		again.hello();
		await again.frame("drain");
		await whole.setRunner(last.id, { draining: false });
		expect(await again.closed).toBe(1_012);
		expect((await acquire(last))?.job.key).toBe("b");
	},
);

it("[B22] one runner's drain is not ended by the pool's end of it, and no runner's by another's", async () => {
	const repo = await aRepository();
	const runner = await register(anIdentity(repo));
	const other = await register(anIdentity(repo, { id: "rn2" }));
	const whole = wholePool(env, repo);
	await whole.setRunner(runner.id, { draining: true });
	await whole.configure({ draining: true });
	await whole.configure({ draining: false });
	expect([(await heartbeat(runner)).draining, (await heartbeat(other)).draining]).toEqual([true, false]);
	await submit(repo, [aJob("a")]);
	await vi.waitFor(async () => expect((await whole.figures()).waiting).toBe(1));
	expect(await acquire(runner)).toBeNull();
	expect((await acquire(other))?.job.key).toBe("a");
	expect(await whole.setRunner("rn3", { draining: true })).toBeNull();
});

it.each(shardCounts)(
	"[B23] a removed runner's jobs go to others at once, and its token works no more, of %i shards",
	async (shards) => {
		const { repo, last, session, held, lease } = await heldByLastOf(shards);
		const whole = wholePool(env, repo);
		expect(await whole.removeRunner(last.id)).toBe(true);
		expect((await session.frame("lost")).lease).toBe(held.lease.id);
		expect(await session.closed).toBe(4_410);
		expect(await repoOf(repo).lease(lease)).toBe("lost");
		expect(orThrow(await repoOf(repo).job(lease.job)).attempts).toMatchObject([{ outcome: "lost" }]);
		expect((await whole.figures()).runners.map(({ id }) => id)).not.toContain(last.id);
		await evictDurableObject(poolOf(repo, last.shard));
		expect(await poolOf(repo, last.shard).acquire(last, [])).toBe("runner-removed");
		expect(await poolOf(repo, last.shard).heartbeat(last, [])).toBe("runner-removed");
		expect((await poolOf(repo, last.shard).fetch(connectRequest({ kind: "session", runner: last }))).status).toBe(404);
		expect(await whole.removeRunner(last.id)).toBe(false);
		expect(await whole.removeRunner("rn-of-nobody")).toBeNull();
	},
);

it("[B23] what a removed runner held is over also when its repository could not be told at once", async () => {
	const repo = await aRepository();
	const runner = await register(anIdentity(repo));
	await submit(repo, [aJob("a")]);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(1));
	const lease = await started(await acquire(runner));
	const { RepoObject } = await import("../repo/repo-object.ts");
	const expire = vi.spyOn(RepoObject.prototype, "expire").mockRejectedValueOnce(new Error("not now"));
	expect(await wholePool(env, repo).removeRunner(runner.id)).toBe(true);
	expect(await repoOf(repo).lease(lease)).toBe("ok");
	expire.mockRestore();
	await runDurableObjectAlarm(poolOf(repo));
	expect(await repoOf(repo).lease(lease)).toBe("lost");
});

it("[A64] neither 10,000 one-job runners nor 10,000 removals after it let a removed runner's token work again", async () => {
	const repo = await aRepository();
	const pool = poolOf(repo);
	const runner = await register(anIdentity(repo));
	expect(await pool.removeRunner(runner.id)).toBe(true);
	for (const ephemeral of [1, 0]) {
		await runInDurableObject(pool, (_, { storage: { sql } }) => {
			sql.exec(
				`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
				INSERT INTO removed SELECT 'rn-' || ?1 || '-' || i, ?2, ?1 FROM n`,
				ephemeral,
				Date.now(),
			);
		});
		await evictDurableObject(pool);
		const key = `rn-of-key-${ephemeral}`;
		const id = `${key}-1`;
		const other = anIdentity(repo, { id, ephemeral: ephemeral === 1 });
		orThrow(await pool.register(other, key));
		if (other.ephemeral) await pool.heartbeat(other, [], { leaving: true });
		else expect(await pool.removeRunner(id)).toBe(true);
		expect(await pool.register(other, key)).toMatchObject({ value: { replayed: true } });
		expect(await pool.register({ ...other, id: `${key}-2` }, key)).toMatchObject({ ok: false });
		expect(await pool.acquire(runner, [])).toBe("runner-removed");
	}
});
