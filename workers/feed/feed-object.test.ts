// A run followed by its watchers: the state, then every change, whatever the messages' order, and whoever sleeps.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { FeedName } from "../../src/contracts/wire/object-name.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import type { RunEvent, WatchedRun } from "../../src/contracts/http/streams/run-events.ts";
import type { RunUpdate } from "../../src/contracts/objects/feed.ts";
import { runIdFrom } from "../../src/domain/ids.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { changesKept } from "../../src/engine/feed/feed-history.ts";
import type { FeedObject } from "./feed-object.ts";
import { repoOf } from "../log/log-fixture.ts";

const upgrade = { headers: { Upgrade: "websocket" } };
let made = 0;

/** A run of some jobs that nothing happens to by itself: its pool has no runner. */
async function aRun(jobs = 2): Promise<{ name: FeedName; run: Run }> {
	const repository = { owner: "acme", repo: `feed-${++made}` };
	const repo = repoOf(repository);
	orThrow(await repo.configure({ ...repository, request: {}, replace: true }));
	const submission = {
		source: null,
		title: null,
		trigger: "api" as const,
		actor: "test",
		cancelSuperseded: false,
		jobs: Array.from({ length: jobs }, (_, at) => ({ key: `job-${at}`, run: "true" })),
	};
	const id = runIdFrom(crypto.getRandomValues(new Uint8Array(15)));
	const { run } = orThrow(await repo.submit({ run: id, key: null, digest: "", submission }));
	return { name: { ...repository, run: id }, run };
}

function feedOf({ owner, repo, run }: FeedName): DurableObjectStub<FeedObject> {
	const namespace = env.FEED as DurableObjectNamespace<FeedObject>;
	return namespace.get(namespace.idFromName(`${owner}/${repo}/${run}`));
}

class Watcher {
	readonly messages: RunEvent[] = [];
	#news: () => void = () => undefined;

	static async watch(name: FeedName, after?: number): Promise<Watcher> {
		const url = `https://feed/${after === undefined ? "" : `?after=${after}`}`;
		const { webSocket, status } = await feedOf(name).fetch(url, upgrade);
		if (webSocket === null) throw new Error(`no socket: ${status}`);
		return new Watcher(webSocket);
	}

	readonly socket: WebSocket;

	constructor(socket: WebSocket) {
		this.socket = socket;
		socket.addEventListener("message", ({ data }) => {
			this.messages.push(JSON.parse(String(data)));
			this.#news();
		});
		socket.accept();
	}

	async until(holds: (last: RunEvent) => boolean): Promise<void> {
		for (let last = this.messages.at(-1); !last || !holds(last); last = this.messages.at(-1)) {
			await new Promise<void>((resolve) => {
				this.#news = resolve;
			});
		}
	}

	/** What the messages add up to, and a fault where their places do not grow. */
	state(): { run: WatchedRun; jobs: Record<string, string> } {
		const [first, ...rest] = this.messages;
		if (first?.type !== "snapshot") throw new Error("no snapshot first");
		const { jobs, ...run } = first.run;
		const state = { run: run as WatchedRun, jobs: Object.fromEntries(jobs.map(({ id, state }) => [id, state])) };
		let { seq } = first;
		for (const event of rest) {
			if (event.type === "snapshot" || event.seq !== seq + 1) throw new Error(`a seam at ${seq}`);
			seq = event.seq;
			if (event.type === "run") state.run = event.run;
			else state.jobs[event.job.id] = event.job.state;
		}
		return state;
	}
}

async function cancel({ owner, repo, run }: FeedName): Promise<Run> {
	return orThrow(await repoOf({ owner, repo }).cancelRun({ run, actor: "test", reason: null }));
}

/** An invented life of a run: each change finishes or reopens some jobs. */
function changesOf(run: Run, count: number, random: () => number): RunUpdate[] {
	const { jobs = [], ...bare } = run;
	return Array.from({ length: count }, (_, at) => ({
		at: 1_000 + at,
		run: { ...bare, version: run.version + 3 * (at + 1), title: `change ${at}` },
		since: run.version + 3 * at,
		jobs: jobs.flatMap((job) => {
			const state = random() < 0.5 ? ("running" as const) : ("waiting" as const);
			return random() < 0.4 ? [] : [{ ...job, state, priority: at }];
		}),
	}));
}

describe("a run's feed", () => {
	it("[L21] the state comes first, then what the repository tells, over the queue alone", async () => {
		const { name, run } = await aRun();
		const watcher = await Watcher.watch(name);
		await watcher.until(() => true);
		expect(watcher.messages[0]).toMatchObject({ type: "snapshot", run: { id: run.id, state: "accepted" } });
		await cancel(name);
		await watcher.until((last) => last.type === "run" && last.run.state === "finished");
		const { run: seen, jobs } = watcher.state();
		expect(seen).toMatchObject({ state: "finished", outcome: "canceled" });
		expect(Object.values(jobs)).toEqual(["finished", "finished"]);
	});

	it("[L21] changes that come doubled, late or not at all leave no gap, no double, and the last state", async () => {
		for (const seed of [31, 32, 33]) {
			const random = seededRandom(seed);
			const { name, run } = await aRun(5);
			const watcher = await Watcher.watch(name);
			const changes = changesOf(run, 60, random);
			// The repository knows none of these: a look at it brings nothing, so what is lost stays lost until it is told again.
			for (let at = 0; at < changes.length; at++) {
				const from = Math.max(0, at - Math.floor(random() * 3));
				await feedOf(name).changed(changes.slice(from, at + 1).toSorted(() => random() - 0.5));
				if (random() < 0.2) await evictDurableObject(feedOf(name));
			}
			await watcher.until((last) => last.type === "run" && last.run.title === "change 59");
			const { run: seen, jobs } = watcher.state();
			expect(seen).toMatchObject({ title: "change 59" });
			for (const { id } of run.jobs ?? []) {
				const last = changes.flatMap((change) => change.jobs).findLast((job) => job.id === id);
				expect(jobs[id]).toBe(last?.state ?? "waiting");
			}
		}
	});

	it("[L21] a gap is closed by one look at the repository", async () => {
		const { name, run } = await aRun();
		const watcher = await Watcher.watch(name);
		const finished = await cancel(name);
		const { jobs: _, ...bare } = finished;
		await feedOf(name).changed([{ at: 1, run: bare, jobs: [], since: run.version + 7 }]);
		await watcher.until((last) => last.type === "run" && last.run.state === "finished");
		expect(Object.values(watcher.state().jobs)).toEqual(["finished", "finished"]);
	});

	it("[L22] a watcher that comes back by its place gets what it missed and no snapshot", async () => {
		const { name, run } = await aRun();
		const watcher = await Watcher.watch(name);
		await watcher.until(() => true);
		const at = watcher.messages[0]?.seq ?? 0;
		watcher.socket.close();
		await feedOf(name).changed(changesOf(run, 3, () => 0.45));
		await evictDurableObject(feedOf(name));
		const back = await Watcher.watch(name, at + 2);
		await back.until((last) => last.type === "run" && last.run.title === "change 2");
		expect(back.messages[0]?.seq).toBe(at + 3);
	});

	it("[L22] a place that is not kept any more, or was never given, is told so", async () => {
		const { name, run } = await aRun();
		const ask = async (after: number) => (await feedOf(name).fetch(`https://feed/?after=${after}`, upgrade)).status;
		expect(await ask(5)).toBe(410);
		const watcher = await Watcher.watch(name);
		await watcher.until(() => true);
		const at = watcher.messages[0]?.seq ?? 0;
		expect(await ask(at + 1)).toBe(410);
		await feedOf(name).changed(changesOf(run, 900, () => 0.45));
		await watcher.until((last) => last.type === "run" && last.run.title === "change 899");
		expect(await ask(at)).toBe(410);
		const last = watcher.messages.at(-1)?.seq ?? 0;
		await evictDurableObject(feedOf(name));
		expect(await ask(last - changesKept / 2)).toBe(101);
		const rows = await runInDurableObject(feedOf(name), (_, { storage }) =>
			storage.sql.exec("SELECT COUNT(*) AS n FROM change").one(),
		);
		expect(rows.n).toBeLessThanOrEqual(2 * changesKept);
		expect(watcher.state().run.title).toBe("change 899");
	});

	it("[L23] a run that nobody watches keeps nothing, and one that nobody watches any more is forgotten", async () => {
		const { name, run } = await aRun();
		const tables = () =>
			runInDurableObject(feedOf(name), (_, { storage }) =>
				storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'feed'").toArray(),
			);
		await feedOf(name).changed(changesOf(run, 3, () => 0.5));
		expect(await tables()).toEqual([]);
		expect((await feedOf({ ...name, run: `r${"a".repeat(24)}` }).fetch("https://feed/")).status).toBe(404);
		const watcher = await Watcher.watch(name);
		await watcher.until(() => true);
		await runDurableObjectAlarm(feedOf(name));
		expect(await tables()).toHaveLength(1);
		await evictDurableObject(feedOf(name), { webSockets: "close" });
		await runDurableObjectAlarm(feedOf(name));
		expect(await tables()).toEqual([]);
	});
});
