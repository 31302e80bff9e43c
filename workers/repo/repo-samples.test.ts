// How long jobs wait and take, as it is told after the repository's object slept: out of rows that are written anyway.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { QueueFigures } from "../../src/contracts/http/repository.ts";
import type { Repo } from "./queue-fixture.ts";
import { aJob, aReport, aRepository, repoOf, startOne, storeAsOf, submit } from "./queue-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

const secondMs = 1_000;

/** Runs of one job each, the first waiting 1 s, the second 2 s and so on; each takes twice as long as it waited. */
async function live(repo: Repo, runs: number, sleeps: () => Promise<unknown>): Promise<void> {
	for (let at = 1; at <= runs; at++) {
		await submit(repo, [aJob("a")]);
		vi.setSystemTime(Date.now() + at * secondMs);
		const lease = await startOne(repo);
		await sleeps();
		vi.setSystemTime(Date.now() + 2 * at * secondMs);
		orThrow(await repoOf(repo).finish(lease, aReport()));
		await sleeps();
	}
}

async function waitsOf(repo: Repo): Promise<Pick<QueueFigures, "waitSecondsP50" | "waitSecondsP99">> {
	const { waitSecondsP50, waitSecondsP99 } = orThrow(await repoOf(repo).figures());
	return { waitSecondsP50, waitSecondsP99 };
}

it.each([
	["awake all the time", false],
	["asleep whenever nothing happens", true],
])("[E4] the waits of a repository that is %s are told", async (_, isSleepy) => {
	vi.useFakeTimers({ toFake: ["Date"] });
	const repo = await aRepository();
	expect(await waitsOf(repo)).toEqual({ waitSecondsP50: null, waitSecondsP99: null });
	await live(repo, 5, async () => isSleepy && (await evictDurableObject(repoOf(repo))));
	expect(await waitsOf(repo)).toEqual({ waitSecondsP50: 3, waitSecondsP99: 5 });
	await live(repo, 1, async () => undefined);
	expect(await waitsOf(repo)).toEqual({ waitSecondsP50: 3, waitSecondsP99: 5 });
});

it("[E4] when a job may start is reckoned from what ran before the object slept", async () => {
	vi.useFakeTimers({ toFake: ["Date"] });
	const repo = await aRepository({ maxRunning: 1 });
	await live(repo, 5, async () => undefined);
	const { id } = await submit(repo, [aJob("a"), aJob("b")]);
	await startOne(repo);
	await evictDurableObject(repoOf(repo));
	const { waiting } = orThrow(await repoOf(repo).job(`j${id.slice(1)}-1`));
	expect(waiting).toMatchObject({ code: "repository-limit", position: 1 });
	expect(Date.parse(waiting?.expectedStartAt ?? "")).toBe(Date.now() + 6 * secondMs);
});

it("[E4] a repository that was stored before that has none yet, and goes on", async () => {
	vi.useFakeTimers({ toFake: ["Date"] });
	const repo = await aRepository();
	await live(repo, 1, async () => undefined);
	await runInDurableObject(repoOf(repo), (_, { storage }) => {
		storeAsOf(3, storage);
	});
	await evictDurableObject(repoOf(repo));
	expect(await waitsOf(repo)).toEqual({ waitSecondsP50: null, waitSecondsP99: null });
	await live(repo, 1, () => evictDurableObject(repoOf(repo)));
	expect(await waitsOf(repo)).toEqual({ waitSecondsP50: 1, waitSecondsP99: 1 });
});
