// A run's way into the archive and back: moved a week after its end, read there, brought back by a retry, moved again.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { moveClock } from "../testing/clock-fixture.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { BulkRetryCall } from "../../src/contracts/objects/objects.ts";
import type { Env } from "../env.ts";
import { archiveAll, count, dayMs, endedRun, play, untilTold } from "./archive-fixture.ts";
import { aJob, aReport, aRepository, aSubmitCall, repoOf, startOne, storeAsOf, submit } from "./queue-fixture.ts";
import { readArchived } from "../../src/engine/repo/archive/repo-archive.ts";
import { archivedRunKey, runStore } from "./repo-outside.ts";

const env = bindings as unknown as Env;
const giveWay = () => scheduler.wait(0);
const who = { actor: "ops", reason: "again" };

afterEach(() => {
	vi.useRealTimers();
});

it("[W42] a run that ended a week ago moves to the archive whole and leaves a tombstone; others stay", async () => {
	const repo = await aRepository();
	const call = aSubmitCall([aJob("a"), aJob("b")], "old");
	const old = orThrow(await repoOf(repo).submit(call)).run;
	for (const _ of ["a", "b"]) await play(repo);
	await untilTold(repo);
	const shown = orThrow(await repoOf(repo).run(old.id));
	const open = await submit(repo, [aJob("c")]);
	await archiveAll(repo);
	const rows = ["run", "job", "attempt", "tombstone"].map((table) => count(repo, table));
	expect(await Promise.all(rows)).toEqual([1, 1, 0, 1]);
	expect(await repoOf(repo).run(old.id)).toEqual({ ok: false, refusal: { code: "run-archived" } });
	expect(await readArchived(runStore(env), { name: repo, run: old.id, now: Date.now() }, giveWay)).toEqual(shown);
	expect((await repoOf(repo).submit({ ...call, key: "other" })).ok).toBe(false);
	expect(orThrow(await repoOf(repo).run(open.id)).jobs?.[0]?.outcome).toBe("expired");
});

it("[W43] a run whose log is not in the archive yet stays, and so does one that was retried", async () => {
	const repo = await aRepository();
	const run = await submit(repo, [aJob("a")]);
	orThrow(await repoOf(repo).finish(await startOne(repo), aReport({ logLength: 5 })));
	moveClock(8 * dayMs);
	await runDurableObjectAlarm(repoOf(repo));
	expect((await repoOf(repo).run(run.id)).ok).toBe(true);
});

it("[W53] a retry of an archived run brings it back with all its attempts, and archives them all again", async () => {
	const repo = await aRepository();
	const old = await endedRun(repo, [aJob("fails"), aJob("passes")]);
	await archiveAll(repo);
	const call = { run: old.id, only: "failed", key: "once", ...who } as const;
	const { run } = orThrow(await repoOf(repo).retryRun(call));
	expect(run).toMatchObject({ number: 1, round: 2, state: "running", retried: { actor: "ops", reason: "again" } });
	expect(run.jobs?.[1]).toEqual(old.jobs?.[1]);
	expect(run.jobs?.[0]).toMatchObject({ state: "waiting", attempts: old.jobs?.[0]?.attempts });
	expect(await count(repo, "tombstone")).toBe(0);
	await evictDurableObject(repoOf(repo));
	expect(orThrow(await repoOf(repo).retryRun(call))).toMatchObject({ replayed: true, run: { round: 2 } });
	await play(repo);
	await untilTold(repo);
	const again = orThrow(await repoOf(repo).run(old.id));
	expect(again).toMatchObject({
		outcome: "passed",
		jobs: [{ attempts: [{ number: 1 }, { number: 2, by: "user" }] }, {}],
	});
	await archiveAll(repo);
	expect(await readArchived(runStore(env), { name: repo, run: old.id, now: Date.now() }, giveWay)).toEqual(again);
});

it("[W53] a retry of one job of it too; what is refused, or is in no archive, leaves all as it was", async () => {
	const repo = await aRepository();
	const old = await endedRun(repo, [aJob("passes")]);
	await archiveAll(repo);
	const [job] = old.jobs ?? [];
	const retry = { run: old.id, only: "failed", key: null, ...who } as const;
	expect(await repoOf(repo).retryRun(retry)).toEqual({
		ok: false,
		refusal: { code: "run-nothing-to-retry", only: "failed" },
	});
	expect(orThrow(await repoOf(repo).run(old.id))).toEqual(old);
	moveClock(2 * dayMs);
	await runDurableObjectAlarm(repoOf(repo));
	expect((await repoOf(repo).run(old.id)).ok).toBe(false);
	const asked = { job: job?.id ?? "", key: null, ...who };
	expect(orThrow(await repoOf(repo).retryJob(asked)).job).toMatchObject({ state: "waiting", attempts: [{}] });
	const unknown = await repoOf(repo).retryJob({ ...asked, job: `j${"a".repeat(24)}-0` });
	expect(unknown).toEqual({ ok: false, refusal: { code: "job-unknown" } });
	await play(repo);
	await untilTold(repo);
	await archiveAll(repo);
	await env.ARCHIVE.delete(archivedRunKey(repo, old.id));
	expect(await repoOf(repo).retryJob(asked)).toEqual({ ok: false, refusal: { code: "run-archived" } });
});

it("[W58] a run that was archived before tombstones said until when is kept for its days from then on", async () => {
	const repo = await aRepository();
	const at = Date.now() - 20 * dayMs;
	await runInDurableObject(repoOf(repo), (_, { storage }) => {
		storeAsOf(2, storage);
		storage.sql.exec("INSERT INTO tombstone (run, at) VALUES (?, ?)", `r${"a".repeat(24)}`, at);
	});
	await evictDurableObject(repoOf(repo));
	expect(await repoOf(repo).run(`r${"a".repeat(24)}`)).toEqual({ ok: false, refusal: { code: "run-archived" } });
	expect(await count(repo, `tombstone WHERE expires_at = ${at + 90 * dayMs}`)).toBe(1);
});

it("[B18] a bulk retry leaves alone what is in the archive, and says how much of it would match", async () => {
	const repo = await aRepository();
	// As an object was stored before tombstones said so: it is brought up to date when it wakes.
	await runInDurableObject(repoOf(repo), (_, { storage }) => {
		storeAsOf(1, storage);
	});
	await evictDurableObject(repoOf(repo));
	const source = { cloneUrl: "https://git.example/a.git", ref: "main", commit: null };
	await endedRun(repo, [aJob("fails"), aJob("failing", { labels: ["gpu"] }), aJob("passes")], { source });
	await archiveAll(repo);
	const now = await endedRun(repo, [aJob("fails")]);
	const bulk = async (call: Partial<BulkRetryCall>) => {
		const filter = { outcome: ["failed" as const], since: null, label: null, ref: null };
		const { items, archived } = orThrow(
			await repoOf(repo).retryMatching({ ...filter, dryRun: true, key: null, ...who, ...call }),
		);
		return [items.length, archived];
	};
	expect(await bulk({})).toEqual([1, 2]);
	expect(await bulk({ outcome: ["failed", "passed"] })).toEqual([1, 3]);
	expect(await bulk({ label: "gpu" })).toEqual([0, 1]);
	expect(await bulk({ label: "gp" })).toEqual([0, 0]);
	expect(await bulk({ ref: "main" })).toEqual([0, 2]);
	expect(await bulk({ ref: "other" })).toEqual([0, 0]);
	expect(await bulk({ since: Date.now() - 9 * dayMs })).toEqual([1, 2]);
	expect(await bulk({ since: Date.now() - 7.5 * dayMs })).toEqual([1, 0]);
	expect(await bulk({ since: Date.now() - dayMs })).toEqual([1, 0]);
	expect(await bulk({ dryRun: false })).toEqual([1, 2]);
	expect(orThrow(await repoOf(repo).run(now.id))).toMatchObject({ round: 2 });
});
