// What a job costs on Cloudflare, itemised: whatever has a price is counted at the runtime's own doors while jobs go their
// whole way through the front door, over a runner's session and an upload socket, each alone, so that no two share a batch.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { writeFrame } from "../../src/contracts/wire/sockets/log-frame.ts";
import type { Grant } from "../../src/contracts/http/runner.ts";
import { aRepo, aRunner, fetchRaw, finish, job, lease, submit } from "../api/api-fixture.ts";
import type { RunId } from "../../src/domain/ids.ts";
import { FeedObject } from "../feed/feed-object.ts";
import { LogObject } from "../log/log-object.ts";
import main from "../main.ts";
import { PoolObject } from "../pool/pool-object.ts";
import { repoOf } from "./queue-fixture.ts";
import { RepoObject } from "./repo-object.ts";

/**
 * US dollars for a million, beyond what is included: the platform's pricing pages, November 2026. An alarm that is set writes a
 * row; of messages that come in over WebSockets twenty are one request; a queue's message is written, read and deleted.
 */
const dollars = {
	"Worker requests": 0.3,
	"object requests": 0.15,
	"socket messages": 0.15 / 20,
	"object rows written": 1,
	"D1 rows written": 1,
	"queue messages": 1.2,
	"R2 writes": 4.5,
	"R2 reads": 0.36,
};
type Item = keyof typeof dollars;

const counts = new Map<Item, number>();

function count(item: Item, by = 1): void {
	counts.set(item, (counts.get(item) ?? 0) + by);
}

type Any = Record<string, (...args: unknown[]) => unknown>;

/** `seen` is told what went in and what came out of each call. */
function watch(target: object, method: string, seen: (args: unknown[], result: unknown) => void): void {
	const real = (target as Any)[method];
	if (real === undefined) throw new Error(`no method ${method}`);
	vi.spyOn(target as Any, method).mockImplementation(function (this: unknown, ...args: unknown[]) {
		const result = real.apply(this, args);
		seen(args, result);
		return result;
	});
}

const uncounted: string[] = [];
const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];

async function watchAll(): Promise<void> {
	const prototypes = await runInDurableObject(repoOf({ owner: "nobody", repo: "none" }), (_, { storage }) => ({
		storage: Object.getPrototypeOf(storage),
		sql: Object.getPrototypeOf(storage.sql),
		kv: Object.getPrototypeOf(storage.kv),
	}));
	watch(prototypes.sql, "exec", ([statement], cursor) => {
		// A cursor counts what its last statement wrote and nothing before it.
		if (/;\s*\S/.test(String(statement))) uncounted.push(String(statement));
		cursors.push(cursor as (typeof cursors)[number]);
	});
	watch(prototypes.kv, "put", () => count("object rows written"));
	for (const method of ["setAlarm", "put"]) watch(prototypes.storage, method, () => count("object rows written"));
	for (const object of [RepoObject, PoolObject, LogObject, FeedObject]) {
		watch(object.prototype, "alarm", () => count("object requests"));
		if ("webSocketMessage" in object.prototype) {
			watch(object.prototype, "webSocketMessage", () => count("socket messages"));
		}
	}
	watch(Object.getPrototypeOf(env.REPO), "get", () => count("object requests"));
	const queue = Object.getPrototypeOf(env.EVENTS);
	watch(queue, "send", () => count("queue messages"));
	watch(queue, "sendBatch", ([messages]) => count("queue messages", [...(messages as unknown[])].length));
	const bucket = Object.getPrototypeOf(env.ARCHIVE);
	watch(bucket, "put", () => count("R2 writes"));
	for (const method of ["get", "head"]) watch(bucket, method, () => count("R2 reads"));
	watch(Object.getPrototypeOf(env.DB.prepare("SELECT 1")), "run", (_, result) => {
		void (result as Promise<D1Result>).then(({ meta }) => count("D1 rows written", meta.rows_written));
	});
	watch(main, "queue", () => count("Worker requests"));
	watch(main, "fetch", () => count("Worker requests"));
}

beforeEach(watchAll);
afterEach(() => {
	vi.restoreAllMocks();
});

/** The bill of what was done since the last. */
function bill(jobs: number): { text: string; dollars: number; rows: number } {
	count(
		"object rows written",
		cursors.splice(0).reduce((sum, { rowsWritten }) => sum + rowsWritten, 0),
	);
	let total = 0;
	const lines = Object.entries(dollars).map(([item, price]) => {
		const each = (counts.get(item as Item) ?? 0) / jobs;
		total += each * price;
		return `${item.padEnd(20)} ${each.toFixed(2).padStart(6)} a job  $${(each * price).toFixed(2).padStart(5)}`;
	});
	const rows = counts.get("object rows written") ?? 0;
	counts.clear();
	return {
		rows,
		text: `${lines.join("\n")}\n${"a million jobs".padEnd(35)} $${total.toFixed(2).padStart(5)}`,
		dollars: total,
	};
}

/** What a runner sends at once while nobody watches. */
const frameBytes = 64 * 1024;
const megabyte = 1024 * 1024;

class Session {
	readonly #socket: WebSocket;
	readonly #grants: Grant[] = [];

	constructor(socket: WebSocket) {
		this.#socket = socket;
		socket.addEventListener("message", ({ data }) => {
			const frame = JSON.parse(String(data));
			if (frame.type === "grant") this.#grants.push(frame.grant);
		});
		socket.accept();
	}

	hello(leases: string[]): void {
		this.#socket.send(JSON.stringify({ type: "hello", instanceId: "one", capacity: 1, leases }));
	}

	async grant(): Promise<Grant> {
		await vi.waitFor(() => expect(this.#grants.length).toBeGreaterThan(0), { timeout: 5_000, interval: 5 });
		return this.#grants.shift() as Grant;
	}
}

async function openSocket(path: string, token: string): Promise<WebSocket> {
	const { webSocket } = await fetchRaw("GET", path, { token, headers: { upgrade: "websocket" } });
	if (!webSocket) throw new Error(`no WebSocket at ${path}`);
	return webSocket;
}

/** Appends over an upload socket, in frames as the runner cuts them. The last frame's acknowledgement has come when it is done. */
async function print(grant: Grant, bytes: Uint8Array): Promise<void> {
	const upload = await openSocket("/v1/lease/log/feed", grant.lease.token);
	const stored = new Promise<void>((resolve) => {
		upload.addEventListener("message", ({ data }) => {
			if (JSON.parse(String(data)).length === bytes.length) resolve();
		});
	});
	upload.accept();
	for (let at = 0; at < bytes.length; at += frameBytes)
		upload.send(writeFrame(at, bytes.subarray(at, at + frameBytes)));
	await stored;
}

async function end(session: Session, grant: Grant, bytes: Uint8Array): Promise<void> {
	const logSha256 = createHash("sha256").update(bytes).digest("hex");
	expect((await finish(grant, "passed", { logLength: bytes.length, logSha256 })).status).toBe(200);
	session.hello([]);
}

/** As the runner does it: a log of 4 KiB over its upload socket, the steps with the finish. */
async function work(session: Session, grant: Grant, before: number): Promise<void> {
	expect((await lease("start", grant)).status).toBe(200);
	session.hello([grant.lease.id]);
	const bytes = new Uint8Array(4_096).fill(0x61);
	await print(grant, bytes);
	await projected(grant.run.id, { running: 1, finished: before });
	await end(session, grant, bytes);
}

/** Until the read model knows of this; asked so that the asking costs nothing here. */
async function projected(id: string, counts: { running: number; finished: number }): Promise<void> {
	const ask = env.DB.prepare(
		"SELECT doc ->> '$.counts.running' AS running, doc ->> '$.counts.finished' AS finished FROM run WHERE id = ?",
	).bind(id);
	await vi.waitFor(async () => expect(await ask.first()).toEqual(counts), { timeout: 15_000, interval: 100 });
}

async function sealed(repo: DurableObjectStub<RepoObject>, id: string): Promise<void> {
	const look = async () => {
		const shown = await runInDurableObject(repo, (object: RepoObject) => object.run(id as RunId));
		const jobs = shown.ok ? (shown.value.jobs ?? []) : [];
		expect(jobs.map(({ attempts }) => attempts[0]?.log.state)).toEqual(jobs.map(() => "sealed"));
	};
	await vi.waitFor(look, { timeout: 15_000, interval: 100 });
}

describe("the bill", () => {
	/** Each job's start and end are told apart, as if it took minutes. */
	async function billOf(jobs: number): Promise<ReturnType<typeof bill>> {
		const place = await aRepo();
		const repo = repoOf(place);
		const { token } = await aRunner(place);
		const session = new Session(await openSocket("/v1/runner/session", token));
		session.hello([]);
		const live = async (count: number) => {
			const keys = Array.from({ length: count }, (_, at) => job(`job-${at}`));
			const headers = { "idempotency-key": crypto.randomUUID() };
			const { id } = await submit(place, keys, {}, { headers });
			for (let at = 0; at < count; at++) await work(session, await session.grant(), at);
			await sealed(repo, id);
			await projected(id, { running: 0, finished: count });
		};
		// What a repository and its pool cost once is not a job's.
		await live(1);
		bill(1);
		uncounted.splice(0);
		await live(jobs);
		expect(uncounted).toEqual([]);
		return bill(jobs);
	}

	it("[W54] a log writes at most a row for each append and one for each block of 256 KiB, and is put into the archive once", async () => {
		const place = await aRepo();
		const session = new Session(await openSocket("/v1/runner/session", (await aRunner(place)).token));
		session.hello([]);
		const { id } = await submit(place, [job("one")]);
		const grant = await session.grant();
		expect((await lease("start", grant)).status).toBe(200);
		await print(grant, new Uint8Array(frameBytes));
		bill(1);
		const whole = new Uint8Array(4 * megabyte + frameBytes);
		await print(grant, whole);
		const { rows } = bill(1);
		console.info(`rows written per MiB of log, in frames of 64 KiB: ${rows / 4}`);
		// Of four frames the last fills a block and is its row; the first block makes their table, which is two.
		expect(rows).toBe(4 * (3 * 4 + 4) + 2);
		await end(session, grant, whole);
		await sealed(repoOf(place), id);
		expect(counts.get("R2 writes")).toBe(1);
	});

	it("[W54] a million jobs in runs of ten cost less than $30 of operations", async () => {
		const { text, dollars } = await billOf(10);
		console.info(text);
		expect(dollars).toBeGreaterThan(10);
		expect(dollars).toBeLessThan(30);
	});

	/** Here each has its run's rows, messages and alarms to itself; how many alarms depends on what else is due. */
	it("[W54] a million jobs, each a run of its own, cost less than $45 of operations", async () => {
		const { text, dollars } = await billOf(1);
		console.info(text);
		expect(dollars).toBeGreaterThan(20);
		expect(dollars).toBeLessThan(45);
	});
});
