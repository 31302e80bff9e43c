// What goes through the queues: measured in bytes, split, sent by its name where it is too large; and no message that cannot be
// taken or written holds up another.
import {
	createExecutionContext,
	createMessageBatch,
	evictDurableObject,
	getQueueResult,
	runDurableObjectAlarm,
} from "cloudflare:test";
import { env as bindings } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../src/doors/http/answer.ts";
import type { ChangeEvent, Delivery } from "../src/contracts/objects/events.ts";
import type { OperationalEvent } from "../src/contracts/wire/operational-event.ts";
import type { Run } from "../src/contracts/http/run.ts";
import { aRepo, job, send, submit } from "./api/api-fixture.ts";
import { moveClock } from "./testing/clock-fixture.ts";
import type { Env } from "./env.ts";
import main from "./main.ts";
import { batchLength, jsonBytes } from "../src/engine/message-bytes.ts";
import { ChangeOutbox } from "../src/engine/repo/outgoing/change-outbox.ts";
import { repoOf } from "./repo/queue-fixture.ts";

const env = bindings as unknown as Env;
/** What a queue says of its own bounds. */
const queueTakes = { message: 128_000, batch: 256_000 };

afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

type Place = Awaited<ReturnType<typeof aRepo>>;
interface Listed {
	items: Run[];
	stale: boolean;
}

async function listed(place: Place): Promise<Listed> {
	return (await send<Listed>("GET", `${place.path}/runs?limit=100`)).body;
}

async function shows(place: Place, runs: number): Promise<void> {
	const look = async () => expect((await listed(place)).items).toHaveLength(runs);
	await vi.waitFor(look, { timeout: 15_000, interval: 100 });
}

describe("what goes into a queue", () => {
	it.each([
		["300 jobs with long keys and names", 300, "k", "n"],
		["180 jobs with names of 200 Chinese characters", 180, "k", "文"],
	])("[Q8][W65] %s are listed", async (_, count, key, name) => {
		const place = await aRepo();
		const jobs = Array.from({ length: count }, (_, at) => ({
			...job(`${at}-${key.repeat(90)}`),
			name: `${at}-`.padEnd(200, name),
		}));
		await submit(place, jobs);
		await shows(place, 1);
	});

	it("[Q8][W65] a hundred runs with long titles at once are listed", async () => {
		const place = await aRepo();
		const runs = Array.from({ length: 100 }, (_, at) =>
			submit(place, [job("a")], { title: `${at}`.padEnd(500, "漢") }),
		);
		await Promise.all(runs);
		await shows(place, 100);
	});

	it("[Q8][W66] a repository whose settings no message holds is listed with them, and so are its runs", async () => {
		const place = await aRepo();
		const weights = Object.fromEntries(Array.from({ length: 3_000 }, (_, at) => [`${at}`.padEnd(100, "x"), 2]));
		const { path } = place;
		expect((await send("PATCH", path, { body: { fairness: { weights } } })).status).toBe(200);
		await submit(place, [job("a")]);
		await shows(place, 1);
		await vi.waitFor(async () => {
			const { items } = (
				await send<{ items: { fairness: { weights: object } }[] }>("GET", `/v1/repos?owner=${place.owner}`)
			).body;
			expect(Object.keys(items[0]?.fairness.weights ?? {})).toHaveLength(3_000);
		}, 15_000);
	});

	it("[Q8] every batch is within what a queue takes, whatever the characters", () => {
		const sizes = [{ a: "x" }, { a: "漢".repeat(30_000) }, { a: "\u0000".repeat(10_000) }].map(jsonBytes);
		expect(sizes).toEqual([9, 90_008, 60_008]);
		expect(batchLength(sizes)).toBe(3);
		expect(batchLength(Array(300).fill(10))).toBe(100);
		expect(batchLength(Array(3).fill(queueTakes.message))).toBe(1);
		expect(batchLength([queueTakes.batch * 2, 1])).toBe(1);
	});
});

describe("a message that the queue refuses", () => {
	function change(run: string): ChangeEvent {
		const runs = { id: run, version: 1 } as unknown as Run;
		return { owner: "acme", repo: "web", at: 1, repository: null, run: runs };
	}

	/** Refuses batches with one of these. */
	function aQueue(refuses: (change: ChangeEvent) => boolean) {
		const sent: ChangeEvent[] = [];
		const said: OperationalEvent[] = [];
		const send = async (changes: ChangeEvent[]) => {
			if (changes.some(refuses)) throw new Error("Bad Request");
			sent.push(...changes);
		};
		return { sent, said, outbox: new ChangeOutbox({ report: (event) => said.push(event) }, send) };
	}

	it("[W67] is set aside and sent by its name; those behind it go on", async () => {
		const { sent, outbox } = aQueue(({ run }) => run?.id === "poison");
		for (const id of ["a", "poison", "b", "c"]) outbox.add(change(id));
		await outbox.send();
		await outbox.send();
		expect(sent.map(({ run, ask }) => run?.id ?? ask?.run)).toEqual(["a", "b", "c", "poison"]);
		expect(outbox.length).toBe(0);
	});

	it("[W67] even by its name is dropped and said, and told again later as it then is", async () => {
		const { sent, said, outbox } = aQueue(({ run, ask }) => (run?.id ?? ask?.run) === "poison");
		for (const id of ["poison", "a"]) outbox.add(change(id));
		await outbox.send();
		outbox.add(change("b"));
		await outbox.send();
		expect(sent.map(({ run }) => run?.id)).toEqual(["a", "b"]);
		expect(outbox.length).toBe(0);
		const line = { event: "change-set-aside", repository: "acme/web", run: "poison" };
		expect(said).toEqual([line, line]);
	});

	it("[W67] while the queue takes nothing, nothing is dropped, and few calls are made", async () => {
		let isAway = true;
		const { sent, outbox } = aQueue(() => isAway);
		const ids = Array.from({ length: 100 }, (_, at) => `run-${at}`);
		for (const id of ids) outbox.add(change(id));
		await expect(outbox.send()).rejects.toThrow("Bad Request");
		expect(outbox.length).toBe(100);
		isAway = false;
		await outbox.send();
		expect(sent.map(({ run }) => run?.id).sort()).toEqual(ids.sort());
	});
});

describe("a repository whose read model is behind", () => {
	it("[W68] says so in its lists, until it has caught up", async () => {
		vi.spyOn(console, "error").mockReturnValue();
		const place = await aRepo();
		await submit(place, [job("a")]);
		await shows(place, 1);
		const away = vi.spyOn(Object.getPrototypeOf(bindings.EVENTS), "sendBatch").mockRejectedValue(new Error("away"));
		await submit(place, [job("b")]);
		await vi.waitFor(async () => expect(await listed(place)).toMatchObject({ stale: true }), 15_000);
		away.mockRestore();
		moveClock(60_000);
		await runDurableObjectAlarm(repoOf(place));
		await vi.waitFor(async () => expect((await listed(place)).items).toHaveLength(2), 15_000);
		await vi.waitFor(async () => expect(await listed(place)).toMatchObject({ stale: false }), 15_000);
	});
});

describe("a message that cannot be dealt with", () => {
	async function consume(queue: string, bodies: unknown[]) {
		vi.spyOn(console, "error").mockReturnValue();
		const messages = bodies.map((body, at) => ({ id: `m${at}`, timestamp: new Date(), attempts: 1, body }));
		const batch = createMessageBatch(queue, messages);
		const context = createExecutionContext();
		await main.queue?.(batch, env);
		const { explicitAcks, retryMessages } = await getQueueResult(batch, context);
		return { acks: explicitAcks.sort(), retries: retryMessages.map(({ msgId }) => msgId).sort() };
	}

	async function aChange(place: Place): Promise<ChangeEvent> {
		const { jobs: _, ...run } = await submit(place, [job("a")]);
		return { owner: place.owner, repo: place.repo, at: Date.now(), repository: null, run };
	}

	it("[W69] does not hold up the rest of its batch: each is written or tried again by itself", async () => {
		const place = await aRepo();
		const good = await aChange(place);
		const bad = { ...good, run: { ...good.run, id: "bad", createdAt: "never", actor: null } };
		expect(await consume("spillway-events", [bad, good])).toEqual({ acks: ["m1"], retries: ["m0"] });
	});

	it("[W69] is put away at once if it is none of ours, with those beside it done", async () => {
		const place = await aRepo();
		const good = await aChange(place);
		const set = { labels: [], waiting: 1, rank: 1, since: 1 };
		const demand = { owner: place.owner, repo: place.repo, pool: "default", version: 1, sets: [set] };
		const delivery: Delivery = { shard: 0, demand };
		expect(await consume("spillway-events", [null, "text", { owner: 1 }, good])).toMatchObject({ retries: [] });
		expect(await consume("spillway-deliveries", [{}, 7, delivery])).toMatchObject({ retries: [] });
	});

	it("[W66] a change by its name is read from its repository, a demand by its name too", async () => {
		const place = await aRepo();
		const { owner, repo, at, run } = await aChange(place);
		const ask = { repository: true, run: run?.id ?? null };
		const named = { owner, repo, at: at + 1, repository: null, run: null, ask };
		await env.DB.prepare("DELETE FROM run WHERE owner = ?").bind(owner).run();
		expect(await consume("spillway-events", [named])).toMatchObject({ retries: [] });
		await shows(place, 1);
		const delivery: Delivery = { shard: 0, ask: { owner, repo, pool: "default" } };
		expect(await consume("spillway-deliveries", [delivery])).toMatchObject({ retries: [] });
		await evictDurableObject(repoOf(place));
		orThrow(await repoOf(place).settings());
		expect((await send("GET", `/v1/pools/${owner}/default`)).status).toBe(200);
	});
});
