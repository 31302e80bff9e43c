// A run followed while its repository's object, or its feed's, sleeps between any two changes: what is told directly, what the
// queue makes good, and what it costs where nobody watches.
import { evictDurableObject, listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import type { Job } from "../../src/contracts/http/run.ts";
import type { RunEvent } from "../../src/contracts/http/streams/run-events.ts";
import { watchedAttemptsMax } from "../../src/domain/limits.ts";
import { watchedJobOf } from "../../src/contracts/objects/feed.ts";
import type { Repo } from "../repo/queue-fixture.ts";
import { aJob, aReport, aRepository, claim, repoOf, submit } from "../repo/queue-fixture.ts";
import { RepoObject } from "../repo/repo-object.ts";
import { FeedObject } from "./feed-object.ts";

function feedOf({ owner, repo }: Repo, run: string): DurableObjectStub<FeedObject> {
	const namespace = env.FEED as DurableObjectNamespace<FeedObject>;
	return namespace.get(namespace.idFromName(`${owner}/${repo}/${run}`));
}

function idOf(feed: unknown): DurableObjectId {
	return (feed as { ctx: DurableObjectState }).ctx.id;
}

/** The events of a run as one that watches it gets them. */
async function watch(repo: Repo, run: string): Promise<RunEvent[]> {
	const { webSocket } = await feedOf(repo, run).fetch("https://feed/", { headers: { Upgrade: "websocket" } });
	if (webSocket === null) throw new Error("no socket");
	const events: RunEvent[] = [];
	webSocket.addEventListener("message", ({ data }) => {
		events.push(JSON.parse(String(data)));
	});
	webSocket.accept();
	await vi.waitFor(() => expect(events).toHaveLength(1));
	return events;
}

async function claimOne(repo: Repo): Promise<LeaseIdentity> {
	const [first] = (await claim(repo)).grants;
	if (!first) throw new Error("nothing was granted");
	return first.claim;
}

const runFinished = (event: RunEvent | undefined) => event?.type === "run" && event.run.state === "finished";

async function untilFinished(events: RunEvent[]): Promise<void> {
	await vi.waitFor(() => expect(runFinished(events.at(-1))).toBe(true), { timeout: 5_000, interval: 5 });
}

function muteQueue(): void {
	vi.spyOn(Object.getPrototypeOf(env.EVENTS), "sendBatch").mockResolvedValue(undefined);
}

function told(events: RunEvent[]): string[] {
	return events.map((event) => (event.type === "job" ? event.job.state : `${event.type} ${event.run.state}`));
}

afterEach(() => {
	vi.restoreAllMocks();
});

it.each([
	["the repository's object", true, false],
	["the feed's object", false, true],
	["both objects", true, true],
])(
	"[L34] with %s asleep between any two changes each is told at once and in order",
	async (_, repoSleeps, feedSleeps) => {
		muteQueue();
		const repo = await aRepository();
		const { id } = await submit(repo, [aJob("a")]);
		const events = await watch(repo, id);
		const sleep = async (state: string) => {
			await vi.waitFor(() => expect(told(events)).toContain(state), { timeout: 5_000, interval: 5 });
			if (repoSleeps) await evictDurableObject(repoOf(repo));
			if (feedSleeps) await evictDurableObject(feedOf(repo, id));
		};
		await sleep("snapshot accepted");
		const first = await claimOne(repo);
		await sleep("leased");
		orThrow(await repoOf(repo).start(first));
		await sleep("running");
		orThrow(await repoOf(repo).finish(first, aReport()));
		await untilFinished(events);
		const way = ["leased", "run accepted", "running", "run running", "finished", "run finished"];
		expect(told(events)).toEqual(["snapshot accepted", ...way]);
	},
);

it("[L34] the job is told whole: as it is shown, with its attempts and what it waits for, and a priority that changed", async () => {
	muteQueue();
	const repo = await aRepository({ maxRunning: 1 });
	const { id } = await submit(repo, [aJob("a"), aJob("b", { needs: ["a"] })]);
	const events = await watch(repo, id);
	const jobs = (): Job[] => events.flatMap((event) => (event.type === "job" ? [event.job] : []));
	const [a, b] = (orThrow(await repoOf(repo).run(id)).jobs ?? []).map((job) => job.id);
	orThrow(await repoOf(repo).reprioritise({ job: b ?? "", priority: 7 }));
	await vi.waitFor(() => expect(jobs()).toMatchObject([{ id: b, priority: 7, waiting: { code: "needs" } }]));
	const first = await claimOne(repo);
	orThrow(await repoOf(repo).start(first));
	orThrow(await repoOf(repo).finish(first, aReport()));
	await vi.waitFor(() => expect(jobs().at(-1)).toMatchObject({ id: b, state: "waiting" }));
	const told = jobs().filter((job) => job.id === a);
	expect(told.map(({ state, attempts }) => [state, attempts.length])).toEqual([
		["leased", 0],
		["running", 1],
		["finished", 1],
	]);
	const shown = orThrow(await repoOf(repo).job(a ?? ""));
	const log = expect.objectContaining({ state: expect.stringMatching(/^seal/) });
	expect(told.at(-1)).toEqual({ ...shown, attempts: [{ ...shown.attempts[0], log }] });
});

it("[L34] a job that was tried very often is told with its last attempts", () => {
	const attempts = Array.from({ length: watchedAttemptsMax + 5 }, (_, at) => ({ number: at + 1 }));
	const shown = watchedJobOf({ id: "j", attempts } as Job);
	expect(shown.attempts.map(({ number }) => number)).toEqual(attempts.slice(5).map(({ number }) => number));
});

it("[L21] what is not told directly is found by the queue's word that there is a newer version", async () => {
	const changed = vi.spyOn(FeedObject.prototype, "changed").mockResolvedValue(null);
	const repo = await aRepository();
	const { id } = await submit(repo, [aJob("a")]);
	const events = await watch(repo, id);
	orThrow(await repoOf(repo).cancelRun({ run: id, actor: "test", reason: null }));
	await untilFinished(events);
	expect(changed).toHaveBeenCalled();
	expect(told(events)).toEqual(["snapshot accepted", "finished", "run finished"]);
});

it("[L21] what a feed's object missed while it slept is in the state that the next watcher gets, and told to the others", async () => {
	muteQueue();
	const repo = await aRepository();
	const { id } = await submit(repo, [aJob("a")]);
	const events = await watch(repo, id);
	const changed = vi.spyOn(FeedObject.prototype, "changed").mockResolvedValue(null);
	orThrow(await repoOf(repo).cancelRun({ run: id, actor: "test", reason: null }));
	await vi.waitFor(() => expect(changed).toHaveBeenCalled());
	await evictDurableObject(feedOf(repo, id));
	expect(told(await watch(repo, id))).toEqual(["snapshot finished"]);
	await untilFinished(events);
});

it("[L21] a hundred watchers, and all that they are told, cost its repository's object one look", async () => {
	muteQueue();
	const repo = await aRepository();
	const { id } = await submit(repo, [aJob("a")]);
	const looks = vi.spyOn(RepoObject.prototype, "run");
	const watchers: RunEvent[][] = [];
	while (watchers.length < 100) watchers.push(await watch(repo, id));
	const lease = await claimOne(repo);
	orThrow(await repoOf(repo).start(lease));
	orThrow(await repoOf(repo).finish(lease, aReport()));
	for (const events of watchers) await untilFinished(events);
	expect(looks).toHaveBeenCalledTimes(1);
});

it("[L35] a run that nobody watches costs its feed no call, also after its repository woke, and no object comes to be", async () => {
	const heard = vi.spyOn(FeedObject.prototype, "heard");
	const changed = vi.spyOn(FeedObject.prototype, "changed");
	const repo = await aRepository();
	const { id } = await submit(repo, [aJob("a"), aJob("b")]);
	const first = await claimOne(repo);
	orThrow(await repoOf(repo).start(first));
	await evictDurableObject(repoOf(repo));
	orThrow(await repoOf(repo).finish(first, aReport()));
	await evictDurableObject(repoOf(repo));
	orThrow(await repoOf(repo).cancelRun({ run: id, actor: "test", reason: null }));
	// The queue's messages have come when the read model has the run's end.
	const ended = env.DB.prepare("SELECT state FROM run WHERE id = ?").bind(id);
	await vi.waitFor(async () => expect(await ended.first()).toEqual({ state: "finished" }), { timeout: 15_000 });
	const own = env.FEED.idFromName(`${repo.owner}/${repo.repo}/${id}`);
	// Repositories of the tests before, whose messages were kept from them, tell their feeds again.
	const called = [...heard.mock.contexts, ...changed.mock.contexts].map(idOf);
	expect(called.filter((each) => each.equals(own))).toEqual([]);
	const objects = await listDurableObjectIds(env.FEED);
	expect(objects.some((object) => object.equals(own))).toBe(false);
});

it("[L37] a feed that is not watched any more keeps no table, no key and no alarm", async () => {
	const repo = await aRepository();
	const { id } = await submit(repo, [aJob("a")]);
	const { webSocket } = await feedOf(repo, id).fetch("https://feed/", { headers: { Upgrade: "websocket" } });
	if (webSocket === null) throw new Error("no socket");
	webSocket.accept();
	orThrow(await repoOf(repo).cancelRun({ run: id, actor: "test", reason: null }));
	const left = () =>
		runInDurableObject(feedOf(repo, id), async (_, { storage }) => [
			storage.sql.exec("SELECT name FROM sqlite_master").toArray().length,
			await storage.getAlarm(),
		]);
	expect(await left()).toEqual([expect.any(Number), expect.any(Number)]);
	webSocket.close();
	await vi.waitFor(
		async () => {
			await runDurableObjectAlarm(feedOf(repo, id));
			expect(await left()).toEqual([0, null]);
		},
		{ timeout: 10_000, interval: 5 },
	);
});
