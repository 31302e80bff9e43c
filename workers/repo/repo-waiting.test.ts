// Why a job waits, as its repository's object says it when it has just woken, and while its pool's runners come and go.
import { evictDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { Waiting } from "../../src/contracts/http/run.ts";
import type { Env } from "../env.ts";
import { PoolObject } from "../pool/pool-object.ts";
import { wholePool } from "../pool/whole-pool.ts";
import type { Repo } from "./queue-fixture.ts";
import {
	aJob,
	anIdentity,
	aReport,
	aRepository,
	claim,
	poolOf,
	register,
	repoOf,
	startOne,
	submit,
} from "./queue-fixture.ts";

const env = bindings as unknown as Env;
/** Longer than what a pool said is believed, and than a runner that nobody hears of counts as there. */
const staleMs = 5_000;
const goneMs = 5 * 60_000;

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

const jobOf = (run: string, index: number) => `j${run.slice(1)}-${index}`;

async function why(repo: Repo, job: string): Promise<Waiting | null> {
	return orThrow(await repoOf(repo).job(job)).waiting;
}

async function code(repo: Repo, job: string): Promise<string> {
	return (await why(repo, job))?.code ?? "none";
}

/** By the job, its run and the list of its run's jobs, each asked as the first thing after the object woke. */
async function codesAwake(repo: Repo, run: string): Promise<(string | undefined)[]> {
	await evictDurableObject(repoOf(repo));
	const job = await code(repo, jobOf(run, 0));
	await evictDurableObject(repoOf(repo));
	const ofRun = orThrow(await repoOf(repo).run(run)).jobs?.[0]?.waiting?.code;
	await evictDurableObject(repoOf(repo));
	const { items } = orThrow(await repoOf(repo).jobs({ run, from: 0, limit: 10 }));
	return [job, ofRun, items[0]?.waiting?.code];
}

it("[E3] an object that just woke knows whether there is a runner before it says why a job waits", async () => {
	const repo = await aRepository();
	const { id } = await submit(repo, [aJob("a", { labels: ["gpu"] })]);
	expect(await codesAwake(repo, id)).toEqual(["no-runner", "no-runner", "no-runner"]);
	await register(anIdentity(repo, { labels: ["linux"] }));
	expect(await codesAwake(repo, id)).toEqual(["no-runner", "no-runner", "no-runner"]);
	await register(anIdentity(repo, { id: "rn2", labels: ["gpu", "linux"] }));
	expect(await codesAwake(repo, id)).toEqual(["runners-busy", "runners-busy", "runners-busy"]);
});

it("[E3] and whether the pool is paused, also for a job that could not be handed out anyway", async () => {
	const repo = await aRepository({ maxRunning: 1 });
	const run = await submit(repo, [aJob("a"), aJob("later", { notBefore: Date.now() + goneMs })]);
	await startOne(repo);
	const more = await submit(repo, [aJob("b")]);
	await wholePool(env, repo).configure({ paused: true, pauseNote: "new disks" });
	await evictDurableObject(repoOf(repo));
	expect(await why(repo, jobOf(run.id, 1))).toMatchObject({
		code: "paused",
		detail: expect.stringMatching(/new disks$/),
	});
	expect(await codesAwake(repo, more.id)).toEqual(["paused", "paused", "paused"]);
	await wholePool(env, repo).configure({ paused: false });
	expect(await codesAwake(repo, more.id)).toEqual(["repository-limit", "repository-limit", "repository-limit"]);
});

it("[E3] a runner that takes a job shows the others that there is one", async () => {
	vi.useFakeTimers({ toFake: ["Date"] });
	const repo = await aRepository();
	const { id } = await submit(repo, [aJob("a"), aJob("b"), aJob("gpu", { labels: ["gpu"] })]);
	expect(await code(repo, jobOf(id, 1))).toBe("no-runner");
	expect((await claim(repo)).grants).toHaveLength(1);
	expect(await code(repo, jobOf(id, 1))).toBe("runners-busy");
	expect(await code(repo, jobOf(id, 2))).toBe("no-runner");
});

it("[E3] runners that come and go are known some seconds later", async () => {
	vi.useFakeTimers({ toFake: ["Date"] });
	const repo = await aRepository();
	const { id } = await submit(repo, [aJob("a")]);
	expect(await code(repo, jobOf(id, 0))).toBe("no-runner");
	await register(anIdentity(repo));
	vi.setSystemTime(Date.now() + staleMs);
	expect(await code(repo, jobOf(id, 0))).toBe("runners-busy");
	vi.setSystemTime(Date.now() + goneMs);
	expect(await code(repo, jobOf(id, 0))).toBe("no-runner");
});

it("[E3] a pool that does not answer is not waited for, and nothing is made up about it", async () => {
	const repo = await aRepository();
	const { id } = await submit(repo, [aJob("a")]);
	await vi.waitFor(async () => expect((await poolOf(repo).figures()).waiting).toBe(1));
	await evictDurableObject(repoOf(repo));
	vi.spyOn(console, "error").mockReturnValue(undefined);
	vi.spyOn(PoolObject.prototype, "demand").mockReturnValue(new Promise(() => undefined));
	const unknown = { code: "runners-busy", detail: 'the pool "default" has not said yet what runners it has' };
	expect(await why(repo, jobOf(id, 0))).toMatchObject(unknown);
}, 5_000);

it("[E3] what pools say is asked for once in some seconds, and not for what does not wait", async () => {
	vi.useFakeTimers({ toFake: ["Date"] });
	const repo = await aRepository();
	const { id } = await submit(repo, [aJob("a"), aJob("b", { needs: ["a"] })]);
	await code(repo, jobOf(id, 0));
	const asked = vi.spyOn(PoolObject.prototype, "demand");
	await Promise.all([code(repo, jobOf(id, 0)), orThrow(await repoOf(repo).run(id)), code(repo, jobOf(id, 1))]);
	expect(asked).not.toHaveBeenCalled();
	vi.setSystemTime(Date.now() + staleMs);
	await Promise.all([code(repo, jobOf(id, 0)), repoOf(repo).run(id), code(repo, jobOf(id, 0))]);
	expect(asked).toHaveBeenCalledOnce();
	const lease = await startOne(repo);
	asked.mockClear();
	vi.setSystemTime(Date.now() + staleMs);
	await Promise.all([code(repo, jobOf(id, 0)), repoOf(repo).run(id)]);
	expect(asked).not.toHaveBeenCalled();
	orThrow(await repoOf(repo).finish(lease, aReport()));
});
