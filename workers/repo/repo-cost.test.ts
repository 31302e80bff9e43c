// What a job costs: rows written through its whole life, by the cursors' own figures. Each costs money on Cloudflare and time
// on one machine, so more of them must be a decision and not an accident.
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { Repo } from "./queue-fixture.ts";
import { aJob, aReport, aRepository, aSubmitCall, repoOf, startOne } from "./queue-fixture.ts";

/** From now on counts what the object's statements write. */
async function countRows(repo: Repo): Promise<() => Promise<number>> {
	let cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
	let rows = 0;
	await runInDurableObject(repoOf(repo), (_, { storage }) => {
		const { sql } = storage;
		const exec = sql.exec.bind(sql);
		sql.exec = ((...args: Parameters<typeof exec>) => {
			const cursor = exec(...args);
			cursors.push(cursor);
			return cursor;
		}) as typeof sql.exec;
	});
	return () =>
		runInDurableObject(repoOf(repo), () => {
			rows += cursors.reduce((sum, cursor) => sum + cursor.rowsWritten, 0);
			cursors = [];
			return rows;
		});
}

async function live(repo: Repo, jobs: number, key: string): Promise<void> {
	const names = Array.from({ length: jobs }, (_, at) => `job-${at}`);
	const { run } = orThrow(
		await repoOf(repo).submit(
			aSubmitCall(
				names.map((name) => aJob(name)),
				key,
			),
		),
	);
	for (const _ of names) orThrow(await repoOf(repo).finish(await startOne(repo), aReport()));
	const isSealed = async () => {
		const shown = orThrow(await repoOf(repo).run(run.id)).jobs ?? [];
		expect(shown.every((job) => job.attempts[0]?.log.state === "sealed")).toBe(true);
	};
	await vi.waitFor(isSealed, { timeout: 15_000, interval: 100 });
}

describe("rows written", () => {
	it("[W44] a job that is a run of its own, submitted with a key, writes at most twelve rows", async () => {
		const repo = await aRepository();
		const rows = await countRows(repo);
		await live(repo, 1, "one");
		const first = await rows();
		await live(repo, 1, "two");
		const cost = (await rows()) - first;
		console.info(`rows written by a run of one job: ${cost}`);
		expect(cost).toBeGreaterThan(0);
		expect(cost).toBeLessThanOrEqual(12);
	});

	it("[W44] in a run of a hundred a job writes at most eight", async () => {
		const repo = await aRepository({ maxRunning: 1_000 });
		const rows = await countRows(repo);
		await live(repo, 100, "many");
		const cost = (await rows()) / 100;
		console.info(`rows written by a job in a run of a hundred: ${cost}`);
		expect(cost).toBeGreaterThan(0);
		expect(cost).toBeLessThanOrEqual(8);
	});
});
