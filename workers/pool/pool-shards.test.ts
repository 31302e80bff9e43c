// A pool of three shards: runners are spread, work reaches all of them, and what acts on a pool acts on each.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { moveClock } from "../testing/clock-fixture.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import { createApp } from "../../src/doors/http/app.ts";
import { parseKeys, readToken } from "../../src/auth/token.ts";
import type { LeaseIdentity, RunnerIdentity } from "../../src/contracts/objects/objects.ts";
import type { Registered } from "../../src/contracts/http/runner.ts";
import { shardOf } from "../../src/domain/pool/pool.ts";
import type { JobRequest } from "../../src/domain/job/submission.ts";
import { requestOf } from "../api/api-fixture.ts";
import type { Env } from "../env.ts";
import { report } from "../report.ts";
import type { PoolObject } from "./pool-object.ts";
import { SessionRunner, leaseOf } from "./pool-fixture.ts";
import type { Repo } from "../repo/queue-fixture.ts";
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
import { waitForGrant } from "./wait-for-grant.ts";
import { wholePool } from "./whole-pool.ts";
import { wire } from "../wire.ts";

const env = bindings as unknown as Env;
const shards = 3;

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

const figures = (repo: Repo) => wholePool(env, repo).figures();

/** A registered runner of that shard. */
async function aMember(repo: Repo, shard: number, rest: Partial<RunnerIdentity> = {}): Promise<RunnerIdentity> {
	return register(anIdentity(repo, { id: `rn-${shard}`, shard, ...rest }));
}

/** One runner in each shard, in a session that said hello. */
async function aSessionEach(repo: Repo, capacity = 1): Promise<SessionRunner[]> {
	const identities = [];
	for (let shard = 0; shard < shards; shard++) identities.push(await aMember(repo, shard, { capacity }));
	const runners = await Promise.all(identities.map((identity) => SessionRunner.connect(identity)));
	for (const runner of runners) runner.hello([], { capacity });
	await vi.waitFor(async () => expect((await figures(repo)).idle).toBe(shards));
	return runners;
}

async function finish(lease: LeaseIdentity): Promise<void> {
	orThrow(await repoOf(lease).start(lease));
	orThrow(await repoOf(lease).finish(lease, aReport()));
}

describe("where runners are", () => {
	const app = createApp<Env>(wire, report);
	const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} } as unknown as ExecutionContext;

	async function registerOver(repo: Repo, poolShards: unknown): Promise<RunnerIdentity> {
		const request = requestOf("POST", `/v1/pools/${repo.owner}/default/runners`, { body: { name: "one" } });
		const response = await app.fetch(request, { ...env, POOL_SHARDS: poolShards as number }, context);
		expect(response.status).toBe(201);
		const { token } = await response.json<Registered>();
		const identity = readToken(parseKeys(env.SPILLWAY_SIGNING_KEYS), "runner", token);
		if (!identity) throw new Error("no good token");
		return identity;
	}

	it("[W45] new ones spread, and each gets work where it is, also when there are fewer shards again", async () => {
		const repo = await aRepository();
		const spread: RunnerIdentity[] = [];
		while (new Set(spread.map(({ shard }) => shard)).size < shards) spread.push(await registerOver(repo, "3"));
		for (const { id, shard } of spread) expect(shard).toBe(shardOf(id, shards));
		const later = await registerOver(repo, 1);
		expect(later.shard).toBe(0);
		const all = [...spread, later];
		expect((await figures(repo)).runners.map(({ id }) => id).sort()).toEqual(all.map(({ id }) => id).sort());
		const polls = all.map((runner) => waitForGrant(env, { runner, named: [] }, 10_000));
		await submit(
			repo,
			all.map((_, at) => aJob(`j${at}`)),
		);
		const granted = await Promise.all(polls);
		expect(granted.map((grant) => leaseOf(grant).shard)).toEqual(all.map(({ shard }) => shard));
	});

	it("[P6] a number of shards that is none is refused before anything is done", async () => {
		expect(() => wire({ ...env, POOL_SHARDS: "17" }, () => {})).toThrow(/POOL_SHARDS/);
	});
});

describe("what waits", () => {
	it("[W46] each repository rings each shard, directly and by queue", async () => {
		const repo = await aRepository();
		const runners = await aSessionEach(repo);
		const queued: { shard: number; repository: string }[] = [];
		for (const name of ["web", "other"]) {
			const own = { ...repo, repo: name };
			orThrow(await repoOf(own).configure({ ...own, request: {}, replace: true }));
			await runInDurableObject(repoOf(own), (object) => {
				const { DELIVERIES } = (object as unknown as { env: Env }).env;
				vi.spyOn(DELIVERIES, "sendBatch").mockImplementation((async (messages: Iterable<{ body: unknown }>) => {
					for (const { body } of messages) {
						const { shard, demand } = body as { shard: number; demand: { repo: string } };
						queued.push({ shard, repository: demand.repo });
					}
				}) as never);
			});
			await submit(
				own,
				runners.map((_, at) => aJob(`j${at}`)),
			);
			if (name === "other") continue;
			const grants = await Promise.all(runners.map((runner) => runner.grant()));
			expect(grants.map(({ repository }) => repository.repo)).toEqual(["web", "web", "web"]);
			for (const grant of grants) await finish(leaseOf(grant));
		}
		const grants = await Promise.all(runners.map((runner) => runner.grant()));
		expect(grants.map(({ repository }) => repository.repo)).toEqual(["other", "other", "other"]);
		for (const repository of ["web", "other"]) {
			const told = queued.filter((message) => message.repository === repository).map(({ shard }) => shard);
			expect([...new Set(told)].sort()).toEqual([0, 1, 2]);
		}
	});

	it("[W46] a shard that comes while jobs wait hears of them from shard 0", async () => {
		const repo = await aRepository();
		await submit(repo, [aJob("a")]);
		await vi.waitFor(async () => expect((await figures(repo)).waiting).toBe(1));
		const runner = await aMember(repo, 2);
		expect((await acquire(runner, []))?.job.key).toBe("a");
	});

	it("[W47] each job goes to one runner, and each runner has its part", async () => {
		const repo = await aRepository();
		const runners = await aSessionEach(repo, 8);
		await submit(
			repo,
			Array.from({ length: 24 }, (_, at) => aJob(`j${at}`)),
		);
		const leases: string[] = [];
		for (const runner of runners) {
			for (let slot = 0; slot < 8; slot++) leases.push((await runner.grant()).lease.id);
		}
		expect(new Set(leases).size).toBe(24);
		expect(runners.map((runner) => runner.waiting)).toEqual([0, 0, 0]);
	});

	it("[W47] where only one may run at a time, no shard waits for ever", async () => {
		const repo = await aRepository({ maxRunning: 1 });
		const runners = await aSessionEach(repo);
		const count = 12;
		await submit(
			repo,
			Array.from({ length: count }, (_, at) => aJob(`j${at}`)),
		);
		const served = [0, 0, 0];
		for (let done = 0; done < count; done++) {
			const who = await vi.waitUntil(() => runners.find((runner) => runner.waiting > 0), { timeout: 5_000 });
			const at = runners.indexOf(who);
			served[at] = (served[at] ?? 0) + 1;
			await finish(leaseOf(await who.grant()));
		}
		expect(served.reduce((sum, jobs) => sum + jobs, 0)).toBe(count);
		expect(Math.min(...served)).toBeGreaterThan(0);
	});

	it("[P10] a claim that brings to light what others can do tells their shards", async () => {
		const repo = await aRepository();
		const gpu = await SessionRunner.connect(await aMember(repo, 1, { labels: ["gpu"] }));
		await gpu.helloHeard([]);
		const plain = await aMember(repo, 0, { labels: ["plain"] });
		const after: Partial<JobRequest> = { needs: ["a"], when: "failure", labels: ["gpu"] };
		await submit(repo, [aJob("a", { secrets: ["NOT_SET"], labels: ["plain"] }), aJob("b", after)]);
		await vi.waitFor(async () => expect((await figures(repo)).waiting).toBe(1));
		expect(await acquire(plain, [])).toBeNull();
		expect((await gpu.grant()).job.key).toBe("b");
	});

	it("[W48] figures are sums, and what waits counts once", async () => {
		const repo = await aRepository();
		const runners = await aSessionEach(repo);
		await aMember(repo, 1, { id: "fourth" });
		await submit(
			repo,
			Array.from({ length: 10 }, (_, at) => aJob(`j${at}`)),
		);
		await Promise.all(runners.map((runner) => runner.grant()));
		await vi.waitFor(async () =>
			expect(await figures(repo)).toMatchObject({ waiting: 7, running: 3, busy: 3, idle: 1 }),
		);
		const { runners: shown, oldestWaitingSeconds, ...rest } = await figures(repo);
		expect(shown.map(({ id, leases }) => `${id}:${leases}`).sort()).toEqual(["fourth:0", "rn-0:1", "rn-1:1", "rn-2:1"]);
		expect(oldestWaitingSeconds).toBeGreaterThanOrEqual(0);
		expect(Object.keys(rest).sort()).toEqual(
			["busy", "draining", "idle", "owner", "pauseNote", "paused", "pool", "running", "waiting"].sort(),
		);
	});

	it("[W52] what a repository runs in other shards counts against it, by its weight", async () => {
		// Else the ranks of what waits would grow with what runs, and do some of the same.
		const strict = { fairness: { perRunningSeconds: 0 }, maxRunning: 1_000 };
		const first = await aRepository(strict);
		const second: Repo = { ...first, repo: "second" };
		orThrow(await repoOf(second).configure({ ...second, request: { poolWeight: 2, ...strict }, replace: true }));
		const runners: RunnerIdentity[] = [];
		for (let shard = 0; shard < shards; shard++) runners.push(await aMember(first, shard));
		const many = (key: string) => Array.from({ length: 60 }, (_, at) => aJob(`${key}${at}`));
		await submit(first, many("a"));
		await submit(second, many("b"));
		await vi.waitFor(async () => expect((await figures(first)).waiting).toBe(120));
		// One slot a shard: by what runs in its own alone, each would serve the older jobs for ever.
		const served: string[] = [];
		const held = new Map<number, LeaseIdentity>();
		for (let turn = 0; turn < 45; turn++) {
			const shard = turn % shards;
			const before = held.get(shard);
			if (before) await finish(before);
			const take = () => acquire(runners[shard] ?? anIdentity(first), []);
			await vi.waitFor(async () => expect((await poolOf(first, shard).figures()).running).toBe(0));
			const lease = leaseOf(await take());
			held.set(shard, lease);
			served.push(lease.repo);
		}
		const ofSecond = served.filter((repo) => repo === "second").length;
		// Two of three, less what a shard does not know yet of the others.
		expect(ofSecond).toBeGreaterThan(24);
		expect(ofSecond).toBeLessThan(36);
	});
});

describe("what acts on the pool", () => {
	it("[W49] a pause and its end act in each shard, in a new one too, also after they slept", async () => {
		const repo = await aRepository();
		const early = [await aMember(repo, 0), await aMember(repo, 1)];
		await wholePool(env, repo).configure({ paused: true, pauseNote: "moving" });
		const all = [...early, await aMember(repo, 2)];
		for (const { shard } of all) await evictDurableObject(poolOf(repo, shard));
		await submit(
			repo,
			all.map((_, at) => aJob(`j${at}`)),
		);
		await vi.waitFor(async () => expect((await figures(repo)).waiting).toBe(3));
		for (const runner of all) expect(await acquire(runner, [])).toBeNull();
		expect(await wholePool(env, repo).configure({ paused: false })).toMatchObject({
			paused: false,
			pauseNote: "moving",
		});
		for (const runner of all) expect(await acquire(runner, [])).not.toBeNull();
	});

	it("[W49] the sessions of each shard hear that the pool drains, and its end ends them", async () => {
		const repo = await aRepository();
		const runners = await aSessionEach(repo);
		expect((await wholePool(env, repo).configure({ draining: true })).idle).toBe(0);
		await Promise.all(runners.map((runner) => runner.frame("drain")));
		await wholePool(env, repo).configure({ draining: false });
		expect(await Promise.all(runners.map(({ closed }) => closed))).toEqual([1_012, 1_012, 1_012]);
	});

	it("[W49] a shard that could not be told fails the call, and is told when somebody asks for work", async () => {
		const repo = await aRepository();
		const all = [await aMember(repo, 0), await aMember(repo, 1), await aMember(repo, 2)];
		const away = await runInDurableObject(poolOf(repo, 0), (object: PoolObject) => {
			const { POOL } = (object as unknown as { env: Env }).env;
			const third = POOL.idFromName(`${repo.owner}/default/2`);
			const get = POOL.get.bind(POOL);
			return vi.spyOn(POOL, "get").mockImplementation((id, options) => {
				if (id.equals(third)) throw new Error("away");
				return get(id, options);
			});
		});
		await expect(wholePool(env, repo).configure({ paused: true })).rejects.toThrow("could not be told");
		expect(away).toHaveBeenCalled();
		away.mockRestore();
		await submit(repo, [aJob("a")]);
		await vi.waitFor(async () => {
			const paused = all.map(async ({ shard }) => (await poolOf(repo, shard).figures()).paused);
			expect(await Promise.all(paused)).toEqual([true, true, true]);
		});
	});

	it("[W50] a lease's cancel, renewal and loss are its own shard's", async () => {
		const repo = await aRepository();
		const runners = await aSessionEach(repo);
		await submit(
			repo,
			runners.map((_, at) => aJob(`j${at}`)),
		);
		const grants = await Promise.all(runners.map((runner) => runner.grant()));
		const leases = grants.map((grant) => leaseOf(grant));
		expect(leases.map(({ shard }) => shard)).toEqual([0, 1, 2]);
		for (const lease of leases) orThrow(await repoOf(repo).start(lease));
		const [, second, third] = leases;
		if (!second || !third) throw new Error("three leases were granted");
		orThrow(await repoOf(repo).cancelJob({ job: third.job, actor: "dev", reason: null, force: false }));
		expect((await runners[2]?.frame("cancel"))?.lease).toBe(grants[2]?.lease.id);
		for (let looked = 0; looked < 3; looked++) {
			moveClock(15_000);
			await poolOf(repo, 1).renew(grants[1]?.lease.id ?? "");
			for (let shard = 0; shard < shards; shard++) await runDurableObjectAlarm(poolOf(repo, shard));
		}
		expect(await Promise.all(leases.map((lease) => repoOf(repo).lease(lease)))).toEqual(["lost", "ok", "lost"]);
		orThrow(await repoOf(repo).finish(second, aReport()));
		await vi.waitFor(async () => expect((await poolOf(repo, 1).figures()).running).toBe(0));
	});
});
