// A RepoObject in the real runtime: each call by itself, with evictions between any two, by alarm, and with doubles.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { moveClock } from "../testing/clock-fixture.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { Job } from "../../src/contracts/http/run.ts";
import { alarmSliceMax, graceSeconds, lossesMax, startBySeconds } from "../../src/domain/limits.ts";
import type { Repo } from "./queue-fixture.ts";
import { aJob, aReport, aRepository, aSubmitCall, claim, repoOf, startOne, submit } from "./queue-fixture.ts";
import type { Env } from "../env.ts";
import { sealSecret } from "../bindings/sealing.ts";

const env = bindings as unknown as Env;

afterEach(() => {
	vi.useRealTimers();
});

const minuteMs = 60_000;

async function jobsOf(repo: Repo, run: string): Promise<Job[]> {
	return orThrow(await repoOf(repo).run(run)).jobs ?? [];
}

/** `key:state` or `key:outcome`, in order. */
async function states(repo: Repo, run: string): Promise<string> {
	return (await jobsOf(repo, run)).map((job) => `${job.key}:${job.outcome ?? job.state}`).join(" ");
}

describe("submitting", () => {
	it("[W1] an unknown repository takes nothing and stays empty", async () => {
		const nobody = { owner: "nobody", repo: "nothing", pool: "default" };
		expect(await repoOf(nobody).submit(aSubmitCall([aJob("a")]))).toEqual({
			ok: false,
			refusal: { code: "repository-unknown" },
		});
		const tables = await runInDurableObject(repoOf(nobody), (_, { storage }) =>
			storage.sql.exec("SELECT name FROM sqlite_master").toArray(),
		);
		expect(tables).toEqual([]);
	});

	it("[W2] what was accepted is there after an eviction, whole", async () => {
		const repo = await aRepository();
		const run = await submit(repo, [aJob("a"), aJob("b", { needs: ["a"] })]);
		await evictDurableObject(repoOf(repo));
		expect(await states(repo, run.id)).toBe("a:waiting b:blocked");
		expect(orThrow(await repoOf(repo).figures())).toMatchObject({ waiting: 1, blocked: 1, running: 0 });
	});

	it("[W3] the same key and body give the same run and its present state; another body is refused", async () => {
		const repo = await aRepository();
		const call = aSubmitCall([aJob("a")], "key-1");
		const first = orThrow(await repoOf(repo).submit(call));
		const lease = await startOne(repo);
		await evictDurableObject(repoOf(repo));
		const again = orThrow(await repoOf(repo).submit(call));
		expect(again).toMatchObject({ replayed: true, run: { id: first.run.id, number: 1, state: "running" } });
		const other = await repoOf(repo).submit({ ...call, digest: "another" });
		expect(other).toEqual({ ok: false, refusal: { code: "idempotency-key-reused" } });
		orThrow(await repoOf(repo).finish(lease, aReport()));
		expect(orThrow(await repoOf(repo).figures())).toMatchObject({ waiting: 0, running: 0 });
	});

	it("[W4] numbers count accepted runs without a gap", async () => {
		const repo = await aRepository();
		await submit(repo, [aJob("a")]);
		const cycle = [aJob("a", { needs: ["b"] }), aJob("b", { needs: ["a"] })];
		expect((await repoOf(repo).submit(aSubmitCall(cycle))).ok).toBe(false);
		expect((await submit(repo, [aJob("a")])).number).toBe(2);
	});

	it("[W5] a newer run of a ref cancels the older ones and names itself", async () => {
		const repo = await aRepository({ cloneUrl: "https://git.example/web.git" });
		const source = { cloneUrl: "", ref: "refs/heads/main", commit: null };
		const older = await submit(repo, [aJob("a"), aJob("b")], { source });
		const other = await submit(repo, [aJob("a")], { source: { ...source, ref: "refs/heads/other" } });
		const lease = await startOne(repo);
		const newer = await submit(repo, [aJob("a")], { source, cancelSuperseded: true });
		expect(await states(repo, older.id)).toBe("a:canceling b:canceled");
		expect(await states(repo, other.id)).toBe("a:waiting");
		orThrow(await repoOf(repo).finish(lease, aReport({ outcome: "canceled" })));
		const ended = orThrow(await repoOf(repo).run(older.id));
		expect(ended).toMatchObject({ state: "finished", outcome: "canceled", supersededBy: newer.id });
	});
});

describe("a job's way", () => {
	it("[W6] with an eviction between any two calls a run comes to its end", async () => {
		const repo = await aRepository();
		const run = await submit(repo, [aJob("a"), aJob("b", { needs: ["a"] })]);
		for (const key of ["a", "b"]) {
			await evictDurableObject(repoOf(repo));
			const { grants } = await claim(repo);
			expect(grants.map(({ grant }) => grant.job.key)).toEqual([key]);
			const lease = grants[0]?.claim;
			if (!lease) throw new Error("no grant");
			await evictDurableObject(repoOf(repo));
			orThrow(await repoOf(repo).start(lease));
			await evictDurableObject(repoOf(repo));
			orThrow(await repoOf(repo).finish(lease, aReport()));
		}
		expect(orThrow(await repoOf(repo).run(run.id))).toMatchObject({ state: "finished", outcome: "passed" });
		const left = await runInDurableObject(repoOf(repo), (_, { storage }) =>
			storage.sql.exec("SELECT COUNT(*) AS n FROM job WHERE deadline IS NOT NULL OR lane IS NOT NULL").one(),
		);
		expect(left).toEqual({ n: 0 });
	});

	it("[W7] a start and a finish told twice have the effect of once", async () => {
		const repo = await aRepository();
		await submit(repo, [aJob("a")]);
		const lease = await startOne(repo);
		expect(orThrow(await repoOf(repo).start(lease)).job.attempts).toHaveLength(1);
		const first = orThrow(await repoOf(repo).finish(lease, aReport({ outcome: "failed", exitCode: 1 })));
		await evictDurableObject(repoOf(repo));
		const again = orThrow(await repoOf(repo).finish(lease, aReport({ outcome: "failed", exitCode: 1 })));
		// What became of the log meanwhile is the log's own.
		const withoutLog = ({ job }: typeof first) => ({
			...job,
			attempts: job.attempts.map((attempt) => ({ ...attempt, log: null })),
		});
		expect(withoutLog(again)).toEqual(withoutLog(first));
		expect(again.job.attempts).toHaveLength(1);
	});

	it("[W8] a stale lease changes nothing", async () => {
		const repo = await aRepository();
		await submit(repo, [aJob("a")]);
		const [old] = (await claim(repo)).grants;
		if (!old) throw new Error("no grant");
		moveClock((startBySeconds + 3) * 1_000);
		await runDurableObjectAlarm(repoOf(repo));
		moveClock(minuteMs);
		await runDurableObjectAlarm(repoOf(repo));
		const lease = await startOne(repo);
		expect(lease.epoch).toBe(2);
		const stale = { ok: false, refusal: { code: "lease-stale" } };
		expect(await repoOf(repo).start(old.claim)).toEqual(stale);
		expect(await repoOf(repo).finish(old.claim, aReport())).toEqual(stale);
		expect(await repoOf(repo).lease(old.claim)).toBe("lost");
		expect(await repoOf(repo).lease(lease)).toBe("ok");
	});

	it("[W9] a lapsed grant uses up no attempt, and the alarm that saw to it does not spin", async () => {
		const repo = await aRepository();
		const run = await submit(repo, [aJob("a")]);
		await claim(repo);
		expect(await states(repo, run.id)).toBe("a:leased");
		moveClock((startBySeconds + 3) * 1_000);
		await runDurableObjectAlarm(repoOf(repo));
		const [job] = await jobsOf(repo, run.id);
		expect(job).toMatchObject({ state: "waiting", attempts: [], waiting: { code: "backing-off" } });
		const alarm = await runInDurableObject(repoOf(repo), (_, { storage }) => storage.getAlarm());
		expect(alarm).toBeGreaterThan(Date.now());
	});

	it("[D6] one alarm moves no more than its slice; the next is set at once, until none is left", async () => {
		const repo = await aRepository();
		for (const part of [1, 2, 3]) {
			await submit(
				repo,
				Array.from({ length: 400 }, (_, at) => aJob(`${part}-${at}`, { queueTimeoutSeconds: 3_600 })),
			);
		}
		const waiting = async () => orThrow(await repoOf(repo).figures()).waiting;
		moveClock(3_601_000);
		const left: number[] = [];
		for (let alarms = 0; alarms < 3; alarms++) {
			await runDurableObjectAlarm(repoOf(repo));
			left.push(await waiting());
			const alarm = await runInDurableObject(repoOf(repo), (_, { storage }) => storage.getAlarm());
			if (alarms < 2) expect(alarm).toBeLessThan(Date.now() + 1_000);
		}
		expect(left).toEqual([1_200 - alarmSliceMax, 1_200 - 2 * alarmSliceMax, 0]);
	});

	it("[W10] lost runners cost no attempt, up to their own bound", async () => {
		const repo = await aRepository();
		const run = await submit(repo, [aJob("a")]);
		for (let loss = 1; loss <= lossesMax; loss++) {
			const lease = await startOne(repo);
			await repoOf(repo).expire([lease], 30_000);
			await repoOf(repo).expire([lease], 30_000);
			moveClock(minuteMs);
			await runDurableObjectAlarm(repoOf(repo));
		}
		const [job] = await jobsOf(repo, run.id);
		expect(job?.attempts.map(({ outcome }) => outcome)).toEqual(["lost", "lost", "lost"]);
		expect(job?.attempts.at(-1)?.next).toEqual({ withheld: "poison" });
		expect(job?.outcome).toBe("lost");
	});

	it("[W11] a job retried by its rule waits for its backoff and runs again", async () => {
		const repo = await aRepository();
		const backoff = { initialSeconds: 30, jitter: "none" as const };
		const retry = { maxAttempts: 2, on: [{ exitCodes: [75] }], backoff };
		const run = await submit(repo, [aJob("a", { retry })]);
		const lease = await startOne(repo);
		orThrow(await repoOf(repo).finish(lease, aReport({ outcome: "failed", exitCode: 75 })));
		expect((await claim(repo)).grants).toEqual([]);
		moveClock(31_000);
		await runDurableObjectAlarm(repoOf(repo));
		orThrow(await repoOf(repo).finish(await startOne(repo), aReport()));
		const ended = orThrow(await repoOf(repo).run(run.id));
		expect(ended).toMatchObject({ outcome: "passed", round: 1 });
		expect(ended.jobs?.[0]?.attempts).toMatchObject([{ next: { at: expect.any(String) } }, { by: "rule", next: null }]);
	});

	it("[W12] a job that does not stop when canceled is freed by the alarm", async () => {
		const repo = await aRepository();
		const run = await submit(repo, [aJob("a")]);
		const lease = await startOne(repo);
		orThrow(await repoOf(repo).cancelRun({ run: run.id, actor: "dev", reason: "enough" }));
		expect(await repoOf(repo).lease(lease)).toBe("canceling");
		moveClock(graceSeconds * 1_000 + 5 * minuteMs);
		await runDurableObjectAlarm(repoOf(repo));
		expect(orThrow(await repoOf(repo).run(run.id))).toMatchObject({ outcome: "canceled", reason: "enough" });
		expect(await repoOf(repo).lease(lease)).toBe("lost");
	});

	it("[W13] an explicit retry of a finished run makes a new attempt and a round, once per key", async () => {
		const repo = await aRepository();
		const run = await submit(repo, [aJob("a"), aJob("b", { needs: ["a"] })]);
		orThrow(await repoOf(repo).finish(await startOne(repo), aReport({ outcome: "failed", exitCode: 1 })));
		expect(await states(repo, run.id)).toBe("a:failed b:skipped");
		const [a] = await jobsOf(repo, run.id);
		const call = { job: a?.id ?? "", key: "again", actor: "dev", reason: "flaky" };
		orThrow(await repoOf(repo).retryJob(call));
		orThrow(await repoOf(repo).retryJob(call));
		expect(await states(repo, run.id)).toBe("a:waiting b:blocked");
		orThrow(await repoOf(repo).finish(await startOne(repo), aReport()));
		orThrow(await repoOf(repo).finish(await startOne(repo), aReport()));
		const ended = orThrow(await repoOf(repo).run(run.id));
		expect(ended).toMatchObject({ outcome: "passed", round: 2 });
		expect(ended.jobs?.[0]?.attempts).toMatchObject([
			{ by: "submit" },
			{ by: "user", actor: "dev", retryReason: "flaky" },
		]);
	});
});

describe("limits", () => {
	it("[W14] a changed limit, a pause and its end act on what already waits", async () => {
		const repo = await aRepository({ maxRunning: 1 });
		await submit(repo, [aJob("a"), aJob("b"), aJob("c")]);
		const configure = async (request: object) =>
			orThrow(await repoOf(repo).configure({ ...repo, request, replace: false }));
		expect((await claim(repo, { free: 3 })).grants).toHaveLength(1);
		await configure({ maxRunning: 2, paused: true });
		expect((await claim(repo, { free: 3 })).grants).toHaveLength(0);
		await configure({ paused: false });
		expect((await claim(repo, { free: 3 })).grants).toHaveLength(1);
	});

	it("[W15] a concurrency group lets as many run as its limit says, and others pass", async () => {
		const repo = await aRepository();
		await submit(repo, [
			aJob("a", { concurrencyGroup: "deploy" }),
			aJob("b", { concurrencyGroup: "deploy" }),
			aJob("c"),
		]);
		const { grants } = await claim(repo, { free: 3 });
		expect(grants.map(({ grant }) => grant.job.key)).toEqual(["a", "c"]);
		const waiting = orThrow(await repoOf(repo).job(`j${grants[0]?.grant.run.id.slice(1)}-1`)).waiting;
		expect(waiting).toMatchObject({ code: "concurrency-group", position: 1 });
	});

	it("[W16] labels and priority decide who is handed what", async () => {
		const repo = await aRepository();
		await submit(repo, [aJob("plain"), aJob("gpu", { labels: ["gpu"] }), aJob("first", { priority: 10 })]);
		const keys = async (labels: string[]) =>
			(await claim(repo, { labels, free: 3 })).grants.map(({ grant }) => grant.job.key);
		expect(await keys([])).toEqual(["first", "plain"]);
		expect(await keys(["linux", "gpu"])).toEqual(["gpu"]);
	});
});

describe("secrets", () => {
	it("[W17] a secret reaches the grant and no table, message or answer in the clear", async () => {
		const repo = await aRepository();
		const place = { owner: repo.owner, repo: repo.repo, name: "NPM_TOKEN" };
		const sealed = sealSecret(env.SPILLWAY_SEALING_KEYS, place, "hunter2");
		orThrow(await repoOf(repo).setSecret({ name: "NPM_TOKEN", sealed }));
		const run = await submit(repo, [aJob("a", { secrets: ["NPM_TOKEN"] })]);
		const { grants } = await claim(repo);
		expect(grants[0]?.grant.job.secrets).toEqual({ NPM_TOKEN: "hunter2" });
		const stored = await runInDurableObject(repoOf(repo), (_, { storage }) => {
			const tables = storage.sql
				.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
				.toArray();
			return tables.flatMap(({ name }) =>
				name.startsWith("_") ? [] : storage.sql.exec(`SELECT * FROM ${name}`).toArray(),
			);
		});
		expect(JSON.stringify(stored)).not.toContain("hunter2");
		expect(JSON.stringify(await jobsOf(repo, run.id))).not.toContain("hunter2");
	});

	it("[W18] a job whose secret is not set is refused, says which, and lets the next one pass", async () => {
		const repo = await aRepository();
		const run = await submit(repo, [aJob("a", { secrets: ["GONE"] }), aJob("b")]);
		expect((await claim(repo)).grants.map(({ grant }) => grant.job.key)).toEqual(["b"]);
		const [a] = await jobsOf(repo, run.id);
		expect(a).toMatchObject({ outcome: "refused", reason: 'the secret "GONE" is not set' });
	});
});
