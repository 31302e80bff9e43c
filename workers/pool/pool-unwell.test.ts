// Runners that are given nothing, and who learns why: unwell ones, faulty ones that say nothing, and those that left.
import { evictDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { Grant } from "../../src/contracts/http/runner.ts";
import type { FinishReport } from "../../src/domain/job/job.ts";
import { moveClock } from "../testing/clock-fixture.ts";
import type { Env } from "../env.ts";
import type { Repo } from "../repo/queue-fixture.ts";
import {
	acquire,
	aJob,
	anIdentity,
	aReport,
	aRepository,
	heartbeat,
	poolOf,
	register,
	repoOf,
	submit,
} from "../repo/queue-fixture.ts";
import { SessionRunner, started } from "./pool-fixture.ts";
import { wholePool } from "./whole-pool.ts";

const env = bindings as unknown as Env;

afterEach(() => {
	vi.useRealTimers();
});

const runnersOf = async (repo: Repo) => (await wholePool(env, repo).figures()).runners;

async function why(repo: Repo, run: string, index = 0): Promise<string> {
	await evictDurableObject(repoOf(repo));
	const { waiting } = orThrow(await repoOf(repo).job(`j${run.slice(1)}-${index}`));
	return `${waiting?.code}: ${waiting?.detail}`;
}

const aFault = (rest: Partial<FinishReport> = {}): FinishReport => {
	const step = { name: "step 1", exitCode: null, startedAt: null, finishedAt: null, logStart: null, logEnd: null };
	return aReport({ outcome: "refused", exitCode: null, platformFault: "machine-fault", steps: [step], ...rest });
};

async function end(repo: Repo, grant: Grant | null, report: FinishReport): Promise<void> {
	const lease = await started(grant);
	orThrow(await repoOf(repo).finish(lease, report));
	// The pool heard of it.
	await vi.waitFor(async () => expect((await poolOf(repo).holds([grant?.lease.id ?? ""])).length).toBe(0));
}

it("[P11][E5] a session that says that it is unwell is given nothing, says why, and is served once it is well", async () => {
	const repo = await aRepository();
	const runner = await register(anIdentity(repo));
	const session = await SessionRunner.connect(runner);
	session.say({ type: "hello", instanceId: "i1", capacity: 1, leases: ["nobody's"], unwell: "its disk is full" });
	await session.frame("lost");
	const { id } = await submit(repo, [aJob("a")]);
	await evictDurableObject(poolOf(repo), { webSockets: "hibernate" });
	expect(await runnersOf(repo)).toMatchObject([{ state: "unwell", reason: "its disk is full" }]);
	expect(await wholePool(env, repo).figures()).toMatchObject({ idle: 0, busy: 0, waiting: 1 });
	expect(await why(repo, id)).toMatch(/^no-runner: .* 1 is unwell: its disk is full$/);
	expect(session.waiting).toBe(0);
	session.hello();
	expect((await session.grant()).job.key).toBe("a");
	expect(await runnersOf(repo)).toMatchObject([{ state: "busy", reason: null }]);
});

it("[P11] so is one that says it by calls; whoever asks for work without a word is well", async () => {
	const repo = await aRepository();
	const runner = await register(anIdentity(repo));
	await submit(repo, [aJob("a")]);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(1));
	expect(await poolOf(repo).acquire(runner, [], { unwell: "no git" })).toBeNull();
	await poolOf(repo).heartbeat(runner, [], { unwell: "no disk" });
	expect(await runnersOf(repo)).toMatchObject([{ state: "unwell", reason: "no disk" }]);
	expect((await acquire(runner))?.job.key).toBe("a");
});

it("[P12][J18] one whose machine failed jobs and that says nothing is asked last, one job at a time, then not at all", async () => {
	vi.useFakeTimers({ toFake: ["Date"] });
	const repo = await aRepository();
	const faulty = await register(anIdentity(repo, { capacity: 4 }));
	await submit(
		repo,
		["a", "b", "c", "d", "e", "f"].map((key) => aJob(key)),
	);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(6));
	const [first, second] = [await acquire(faulty, null), await acquire(faulty, null)];
	await end(repo, first, aFault());
	await end(repo, second, aFault());
	expect(await acquire(faulty, null), "held at once, they are one fault").toBeNull();
	expect(await runnersOf(repo)).toMatchObject([{ state: "unwell", reason: "its machine failed its last job" }]);
	moveClock(2_000);
	const third = await acquire(faulty, null);
	expect(third).not.toBeNull();
	expect(await acquire(faulty, null), "one at a time").toBeNull();
	await end(repo, third, aFault());
	moveClock(2_000);
	expect(await acquire(faulty, null)).toBeNull();
	await evictDurableObject(poolOf(repo));
	moveClock(2_000);
	await end(repo, await acquire(faulty, null), aReport());
	await acquire(faulty, null);
	expect(await acquire(faulty, null), "one that came through makes it a runner like any").not.toBeNull();
});

it("[P12] one that says that it is well again is tried at once, with one job", async () => {
	const repo = await aRepository();
	const runner = await register(anIdentity(repo, { capacity: 4 }));
	await submit(repo, [aJob("a"), aJob("b"), aJob("c")]);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(3));
	const grant = await acquire(runner, null);
	await poolOf(repo).heartbeat(runner, [], { unwell: "no disk" });
	await end(repo, grant, aFault());
	expect(await acquire(runner, null)).not.toBeNull();
	expect(await acquire(runner, null)).toBeNull();
});

it("[P13][E5] a runner that said bye is neither idle nor busy: it drains while it holds something, then it is offline", async () => {
	const repo = await aRepository();
	const session = await SessionRunner.connect(await register(anIdentity(repo, { capacity: 2 })));
	await session.helloHeard([], { capacity: 2 });
	await submit(repo, [aJob("a")]);
	const grant = await session.grant();
	session.say({ type: "bye" });
	await vi.waitFor(async () => expect(await runnersOf(repo)).toMatchObject([{ state: "draining" }]));
	const { id } = await submit(repo, [aJob("b")]);
	expect(await why(repo, id)).toMatch(/^no-runner: .* 1 drains$/);
	await end(repo, grant, aReport());
	expect(await runnersOf(repo)).toMatchObject([{ state: "offline" }]);
	expect(await why(repo, id)).toMatch(/^no-runner: the pool "default" has no runner$/);
	const again = await SessionRunner.connect(anIdentity(repo, { capacity: 2 }));
	again.hello([], { instanceId: "i2" });
	expect((await again.grant()).job.key).toBe("b");
});

it("[P13] one that leaves by calls says so with its heartbeat, and is back with its next question for work", async () => {
	const repo = await aRepository();
	const runner = await register(anIdentity(repo));
	await poolOf(repo).heartbeat(runner, [], { leaving: true });
	expect(await runnersOf(repo)).toMatchObject([{ state: "offline" }]);
	await acquire(runner);
	expect(await runnersOf(repo)).toMatchObject([{ state: "idle" }]);
});

it("[P13] a session that was closed without a bye counts for half a minute more", async () => {
	const repo = await aRepository();
	const session = await SessionRunner.connect(await register(anIdentity(repo)));
	await session.helloHeard([]);
	session.close();
	await session.closed;
	moveClock(29_000);
	expect(await runnersOf(repo)).toMatchObject([{ state: "idle" }]);
	moveClock(2_000);
	await evictDurableObject(poolOf(repo));
	expect(await runnersOf(repo)).toMatchObject([{ state: "offline" }]);
});

it("[P13] a runner for one job that leaves without one is forgotten, and so is one that is gone for a quarter of an hour", async () => {
	const repo = await aRepository();
	const ephemeral = (id: string) => register(anIdentity(repo, { id, ephemeral: true }));
	const session = await SessionRunner.connect(await ephemeral("rn1"));
	await session.helloHeard([]);
	const waits = await SessionRunner.connect(await ephemeral("rn2"));
	await waits.helloHeard([]);
	await ephemeral("rn3");
	await register(anIdentity(repo, { id: "rn4" }));
	session.say({ type: "bye" });
	await vi.waitFor(async () => expect((await runnersOf(repo)).map(({ id }) => id)).toEqual(["rn2", "rn3", "rn4"]));
	moveClock(16 * 60_000);
	await waits.helloHeard([]);
	expect((await runnersOf(repo)).map(({ id }) => id)).toEqual(["rn2", "rn4"]);
	await submit(repo, [aJob("a")]);
	expect((await waits.grant()).job.key).toBe("a");
});

it("[P14] when a runner was heard of last never runs backwards, whatever is heard of late, and over a sleep", async () => {
	const repo = await aRepository();
	const runner = await register(anIdentity(repo));
	const session = await SessionRunner.connect(runner);
	await session.helloHeard([]);
	const seen = async () => Date.parse((await runnersOf(repo))[0]?.lastSeenAt ?? "");
	moveClock(20_000);
	await heartbeat(runner);
	const last = Date.now();
	expect(await seen()).toBeGreaterThanOrEqual(last - 1_000);
	session.close();
	await session.closed;
	await vi.waitFor(async () => {
		await evictDurableObject(poolOf(repo));
		expect(await seen()).toBeGreaterThanOrEqual(last - 1_000);
	});
});
