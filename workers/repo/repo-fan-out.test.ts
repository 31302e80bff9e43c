// How many objects a repository's calls at once when one act concerns many: each that sleeps must wake for it.
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import { FeedObject } from "../feed/feed-object.ts";
import { LogObject } from "../log/log-object.ts";
import { aJob, aRepository, claim, repoOf, submit } from "./queue-fixture.ts";

/** Calls that came, and how many of them may pass: an object cannot wait for what another does, so each looks for itself. */
let came = 0;
let passing = 0;

afterEach(() => {
	vi.restoreAllMocks();
	passing = Number.POSITIVE_INFINITY;
});

function hold<T>(answer: T): () => Promise<T> {
	[came, passing] = [0, 0];
	return async () => {
		const place = came++;
		while (place >= passing) await scheduler.wait(1);
		return answer;
	};
}

/** How many are held once there are `expected`; then lets them pass. */
async function heldAt(expected: number): Promise<number> {
	await vi.waitFor(() => expect(came - passing).toBeGreaterThanOrEqual(expected), { timeout: 5_000, interval: 5 });
	const held = came - passing;
	passing = came;
	return held;
}

it("[W71] the logs of 120 jobs that are canceled at once hear of it 50 at a time", async () => {
	vi.spyOn(LogObject.prototype, "cancel").mockImplementation(hold<void>(undefined));
	const repo = await aRepository({ maxRunning: 200 });
	await submit(
		repo,
		Array.from({ length: 120 }, (_, at) => aJob(`j${at}`)),
	);
	for (let held = 0; held < 120; ) {
		const { grants } = await claim(repo, { free: 120 });
		if (grants.length === 0) throw new Error("nothing was granted");
		for (const grant of grants) orThrow(await repoOf(repo).start(grant.claim));
		held += grants.length;
	}
	const cancel = { state: ["running" as const], label: null, ref: null, dryRun: false, actor: "test", reason: null };
	expect(orThrow(await repoOf(repo).cancelMatching(cancel)).canceled).toBe(120);
	expect([await heldAt(50), await heldAt(50), await heldAt(20)]).toEqual([50, 50, 20]);
});

it("[W71] the feeds of 60 runs that are watched and change at once hear of it 50 at a time", async () => {
	vi.spyOn(Object.getPrototypeOf(env.EVENTS), "sendBatch").mockResolvedValue(undefined);
	const repo = await aRepository();
	for (let made = 0; made < 60; made++) {
		const { id } = await submit(repo, [aJob("a")]);
		orThrow(await repoOf(repo).run(id, Date.now() + 600_000));
	}
	vi.spyOn(FeedObject.prototype, "changed").mockImplementation(hold<number | null>(null));
	const cancel = { state: ["waiting" as const], label: null, ref: null, dryRun: false, actor: "test", reason: null };
	expect(orThrow(await repoOf(repo).cancelMatching(cancel)).canceled).toBe(60);
	expect(await heldAt(50)).toBe(50);
	for (let told = 50; told < 60; ) told += await heldAt(1);
});
