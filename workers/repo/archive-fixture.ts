// A repository's way through a week: its runs played to their ends, all that must be told of them told, and archived.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import type { FinishedAttempt } from "../../src/domain/job/job.ts";
import type { JobRequest, Submission } from "../../src/domain/job/submission.ts";
import { logOf } from "../log/log-fixture.ts";
import { moveClock } from "../testing/clock-fixture.ts";
import { aReport, claim, repoOf, submit } from "./queue-fixture.ts";
import type { Repo } from "./queue-fixture.ts";

export const dayMs = 24 * 3_600_000;

/** Runs the next job of the repository to its end; on its first attempt it does as its key says. */
export async function play(repo: Repo): Promise<void> {
	const [next] = (await claim(repo, { labels: ["gpu"] })).grants;
	if (!next) throw new Error("nothing was granted");
	orThrow(await repoOf(repo).start(next.claim));
	const { key, attempt } = next.grant.job;
	const outcome = attempt === 1 && key.startsWith("fail") ? "failed" : "passed";
	orThrow(await repoOf(repo).finish(next.claim, aReport({ outcome })));
}

/** A run whose jobs end as their keys say; all that must be told of it is told. */
export async function endedRun(repo: Repo, jobs: JobRequest[], rest: Partial<Submission> = {}): Promise<Run> {
	const { id } = await submit(repo, jobs, rest);
	for (const _ of jobs) await play(repo);
	await untilTold(repo);
	return orThrow(await repoOf(repo).run(id));
}

/** The logs are sealed and the read model has confirmed the ends: until then a run keeps its marks, and stays. */
export async function untilTold(repo: Repo): Promise<void> {
	await vi.waitFor(
		async () => {
			// Alarms of a day to come do not go off by themselves.
			for (const { job, number: attempt } of await sealing(repo)) {
				await runDurableObjectAlarm(logOf({ owner: repo.owner, repo: repo.repo, job, attempt }));
			}
			expect(await count(repo, "job WHERE open = 1")).toBe(0);
		},
		{ timeout: 10_000 },
	);
}

async function sealing(repo: Repo): Promise<FinishedAttempt[]> {
	const select = "SELECT attempt FROM job WHERE sealing = 1";
	const rows = await runInDurableObject(repoOf(repo), (_, { storage }) =>
		storage.sql.exec<{ attempt: string }>(select).toArray(),
	);
	return rows.map(({ attempt }) => JSON.parse(attempt));
}

export async function count(repo: Repo, from: string): Promise<number> {
	return runInDurableObject(
		repoOf(repo),
		(_, { storage }) => storage.sql.exec<{ n: number }>(`SELECT COUNT(*) AS n FROM ${from}`).one().n,
	);
}

export async function archiveAll(repo: Repo): Promise<void> {
	moveClock(8 * dayMs);
	await runDurableObjectAlarm(repoOf(repo));
	expect(await count(repo, `run WHERE finished_at < ${Date.now() - 7 * dayMs}`)).toBe(0);
}
