// What a pool says to wait is what its repositories say, whatever either has slept through, forgotten or never heard.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import { demandFreshMs } from "../../src/domain/limits.ts";
import { moveClock } from "../testing/clock-fixture.ts";
import type { Env } from "../env.ts";
import type { Repo } from "../repo/queue-fixture.ts";
import {
	acquire,
	aJob,
	anIdentity,
	aRepository,
	claim,
	poolOf,
	register,
	repoOf,
	submit,
} from "../repo/queue-fixture.ts";
import { wholePool } from "./whole-pool.ts";

const env = bindings as unknown as Env;

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

const figures = (repo: Repo) => wholePool(env, repo).figures();

async function waits(repo: Repo, jobs: number): Promise<void> {
	await vi.waitFor(async () => expect((await figures(repo)).waiting).toBe(jobs));
}

/** Jobs that its pool was told of. */
async function aQueue(jobs: number): Promise<{ repo: Repo; run: string }> {
	const repo = await aRepository();
	const keys = Array.from({ length: jobs }, (_, at) => aJob(`job-${at}`));
	const run = await submit(repo, keys);
	await waits(repo, jobs);
	return { repo, run: run.id };
}

it("[P16][W64] what waited before a pool slept, and ended, is not shown to wait", async () => {
	const { repo, run } = await aQueue(3);
	orThrow(await repoOf(repo).cancelRun({ run, actor: "dev", reason: null }));
	await waits(repo, 0);
	await evictDurableObject(poolOf(repo));
	expect(await figures(repo)).toMatchObject({ waiting: 0, oldestWaitingSeconds: null });
	// It is not asked of its repository again after each sleep.
	await runInDurableObject(poolOf(repo), (_, { storage }) => {
		expect(storage.sql.exec("SELECT * FROM demand").toArray()).toEqual([]);
	});
});

it("[P16][W64] what waits still is shown as it is now, also right after a pool slept", async () => {
	const { repo } = await aQueue(3);
	await evictDurableObject(poolOf(repo));
	expect((await figures(repo)).waiting).toBe(3);
	await claim(repo, { free: 2 });
	await evictDurableObject(poolOf(repo));
	expect((await figures(repo)).waiting).toBe(1);
});

it("[P10][P16] a shard that was not told of less shows no more than waits, also when the one that claimed has slept", async () => {
	const { repo } = await aQueue(2);
	await register(anIdentity(repo, { id: "rn-1", shard: 1 }));
	await claim(repo, { free: 2 });
	await evictDurableObject(poolOf(repo));
	await moveClock(demandFreshMs);
	expect((await figures(repo)).waiting).toBe(0);
});

it("[P16] a repository whose end nobody heard of, since its object died first, is asked", async () => {
	const { repo } = await aQueue(2);
	await claim(repo, { free: 2 });
	// Told by its answer to whoever claimed, which here is no pool.
	expect((await figures(repo)).waiting).toBe(2);
	await evictDurableObject(repoOf(repo));
	await moveClock(demandFreshMs);
	expect((await figures(repo)).waiting).toBe(0);
});

it("[P17] a repository whose clock was set back is believed all the same", async () => {
	const { repo, run } = await aQueue(2);
	await evictDurableObject(repoOf(repo));
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 3_600_000 });
	orThrow(await repoOf(repo).cancelRun({ run, actor: "dev", reason: null }));
	await evictDurableObject(poolOf(repo));
	expect((await figures(repo)).waiting).toBe(0);
});

it("[P16] a repository that nobody knows any more wants nothing", async () => {
	const repo = await aRepository();
	const set = { labels: [], waiting: 2, rank: 0, since: Date.now() };
	await poolOf(repo).demand({ owner: repo.owner, repo: "gone", pool: repo.pool, version: Date.now(), sets: [set] });
	await evictDurableObject(poolOf(repo));
	expect((await figures(repo)).waiting).toBe(0);
});

it("[P16] a claim from a repository that nobody knows any more forgets what it wanted", async () => {
	const repo = await aRepository();
	const set = { labels: [], waiting: 2, rank: 0, since: Date.now() };
	await poolOf(repo).demand({ owner: repo.owner, repo: "gone", pool: repo.pool, version: Date.now(), sets: [set] });
	const runner = await register(anIdentity(repo));
	await expect(acquire(runner)).resolves.toBeNull();
	expect((await figures(repo)).waiting).toBe(0);
});
