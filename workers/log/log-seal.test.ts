// The end of a log: when it is sealed, what the archive then holds, and that no crash on the way makes two of it, or none.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { appendBytesMax, logBlockBytes, logLeftGraceMs, logSealGraceMs } from "../../src/domain/limits.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { archiveKey, headLog, sealedLogOf } from "./archive.ts";
import {
	archivedBytes,
	bytesOf,
	closeOf,
	logOf,
	noise,
	repoOf,
	sealNow,
	sha256,
	someLog,
	startLease,
} from "./log-fixture.ts";
import type { LogObject } from "./log-object.ts";

afterEach(() => {
	vi.useRealTimers();
});

async function fill(lease: LeaseIdentity, bytes: Uint8Array, from = 0): Promise<void> {
	for (let at = from; at < bytes.length; at += appendBytesMax) {
		orThrow(await logOf(lease).append(lease, at, bytes.subarray(at, at + appendBytesMax)));
	}
}

async function rowsIn(lease: LeaseIdentity): Promise<unknown> {
	return runInDurableObject(logOf(lease), async (_, { storage }) => [
		storage.sql.exec("SELECT name FROM sqlite_master").toArray(),
		await storage.getAlarm(),
	]);
}

/** Puts another bucket before the object's own, until the object sleeps. */
async function withArchive(lease: LeaseIdentity, change: Partial<R2Bucket>): Promise<void> {
	await runInDurableObject(logOf(lease), (object: LogObject) => {
		const archive = new Proxy(env.ARCHIVE, {
			get(bucket, name) {
				const value = Reflect.get(change, name) ?? Reflect.get(bucket, name);
				return typeof value === "function" ? value.bind(bucket) : value;
			},
		});
		Object.assign(object, { env: { ...env, ARCHIVE: archive } });
	});
}

describe("sealing", () => {
	it("[L5] a log with its last declared byte is sealed: the archive agrees, gunzip gives the log, the object is empty", async () => {
		const lease = await startLease();
		const bytes = someLog(seededRandom(5), 3 * logBlockBytes + 77_000);
		await fill(lease, bytes);
		const digest = sha256(bytes);
		await logOf(lease).close(closeOf(lease, { length: bytes.length, sha256: digest }));
		await sealNow(lease);
		const record = { state: "sealed", length: bytes.length, sha256: digest, missing: [] };
		expect(await headLog(env.ARCHIVE, lease)).toEqual({
			record: { ...record, expiresAt: expect.any(Number) },
			outcome: "passed",
		});
		expect(new Uint8Array(gunzipSync(await archivedBytes(lease)))).toEqual(bytes);
		expect(await rowsIn(lease)).toEqual([[], null]);
	});

	it("[L5] a log is sealed by the append that brings its last byte; none takes more", async () => {
		const lease = await startLease();
		const bytes = someLog(seededRandom(6), 1_000);
		await fill(lease, bytes.subarray(0, 400));
		await logOf(lease).close(closeOf(lease, { length: 1_000 }));
		expect(await logOf(lease).status()).toMatchObject({ length: 400, record: { state: "sealing", length: 1_000 } });
		expect(await logOf(lease).append(lease, 400, new Uint8Array(601))).toMatchObject({
			refusal: { code: "log-limit", max: 1_000 },
		});
		await fill(lease, bytes, 400);
		await sealNow(lease);
		expect(new Uint8Array(gunzipSync(await archivedBytes(lease)))).toEqual(bytes);
		expect(await logOf(lease).append(lease, 999, new Uint8Array(2))).toEqual({
			ok: false,
			refusal: { code: "log-sealed", length: 1_000 },
		});
	});

	it("[L4] a resend of what is in the archive is acknowledged; of another lease's it is not", async () => {
		const lease = await startLease();
		const finished = { exitCode: 0, signal: null, reason: null, steps: [], logSha256: null, retryAfterSeconds: null };
		await fill(lease, new Uint8Array(10));
		await repoOf(lease).finish(lease, { ...finished, outcome: "passed", logLength: 10 });
		await sealNow(lease);
		await evictDurableObject(logOf(lease));
		const acknowledged = { ok: true, value: { length: 10, lease: "ok" } };
		expect(await logOf(lease).append(lease, 0, new Uint8Array(10))).toMatchObject(acknowledged);
		expect(await logOf(lease).append(lease, 7, new Uint8Array(3))).toMatchObject(acknowledged);
		expect(await logOf(lease).append(lease, 10, new Uint8Array(0))).toMatchObject(acknowledged);
		expect(await logOf(lease).append(lease, 7, new Uint8Array(4))).toMatchObject({ refusal: { code: "log-sealed" } });
		const stale = { ...lease, epoch: lease.epoch + 1 };
		expect(await logOf(lease).append(stale, 0, new Uint8Array(1))).toMatchObject({ refusal: { code: "lease-stale" } });
		expect(await rowsIn(lease)).toEqual([[], null]);
	});

	it("[L5] a log that was only closed is sealed empty, and late bytes of one are taken when they are confirmed", async () => {
		const empty = await startLease();
		await logOf(empty).close(closeOf(empty, { length: 0 }));
		await sealNow(empty);
		expect(await headLog(env.ARCHIVE, empty)).toMatchObject({ record: { state: "sealed", length: 0 } });
		expect(gunzipSync(await archivedBytes(empty))).toHaveLength(0);
		const late = await startLease();
		await logOf(late).close(closeOf(late, { length: 4 }));
		await evictDurableObject(logOf(late));
		expect(await logOf(late).append(late, 0, new Uint8Array(4))).toMatchObject({ value: { length: 4 } });
		await sealNow(late);
		expect(await headLog(env.ARCHIVE, late)).toMatchObject({ record: { state: "sealed", length: 4 } });
	});

	it("[L6] when the grace is over it is sealed without what is missing", async () => {
		const lease = await startLease();
		await fill(lease, new Uint8Array(70));
		await logOf(lease).close(closeOf(lease, { length: 100 }));
		await runDurableObjectAlarm(logOf(lease));
		expect(await logOf(lease).status()).not.toBeNull();
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + logSealGraceMs });
		await sealNow(lease);
		expect(await headLog(env.ARCHIVE, lease)).toMatchObject({
			record: { state: "partial", length: 70, missing: [{ from: 70, to: 100 }] },
		});
	});

	it("[L7] a lost runner's log waits for what that left, and is sealed without it once the grace is over", async () => {
		const lease = await startLease();
		await fill(lease, new Uint8Array(70));
		await logOf(lease).close(closeOf(lease, { outcome: "lost", length: null }));
		await runDurableObjectAlarm(logOf(lease));
		expect(await logOf(lease).status()).toMatchObject({ record: { state: "sealing", length: null }, outcome: "lost" });
		expect(await logOf(lease).append(lease, 70, new Uint8Array(1))).toMatchObject({ refusal: { code: "lease-stale" } });
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + logLeftGraceMs });
		await sealNow(lease);
		expect(await headLog(env.ARCHIVE, lease)).toMatchObject({
			record: { state: "partial", length: 70, missing: [{ from: 70, to: null }] },
			outcome: "lost",
		});
		expect(await logOf(lease).append(lease, 70, new Uint8Array(1))).toMatchObject({ ok: false });
	});

	it("[L8] another digest than declared makes a mismatch, and leaves the outcome alone", async () => {
		const lease = await startLease();
		await fill(lease, new Uint8Array(70));
		await logOf(lease).close(closeOf(lease, { length: 70, sha256: "0".repeat(64) }));
		await sealNow(lease);
		expect(await headLog(env.ARCHIVE, lease)).toMatchObject({ record: { state: "mismatch" }, outcome: "passed" });
	});

	it("[L8] the digest of a log that slept is made from what is stored", async () => {
		const lease = await startLease();
		const bytes = noise(seededRandom(7), 2_600_000);
		await fill(lease, bytes.subarray(0, 1_300_000));
		await evictDurableObject(logOf(lease));
		await fill(lease, bytes, 1_300_000);
		await logOf(lease).close(closeOf(lease, { length: bytes.length }));
		await evictDurableObject(logOf(lease)).catch(() => undefined);
		await sealNow(lease);
		const archived = await headLog(env.ARCHIVE, lease);
		expect(archived).toMatchObject({ record: { state: "sealed", sha256: sha256(bytes) } });
	});
});

describe("crashes", () => {
	it("[L9] an archive that is down keeps the log readable, and is tried again", async () => {
		const lease = await startLease();
		await fill(lease, new Uint8Array(70));
		const put = vi.fn(async () => Promise.reject(new Error("R2 is down")));
		await withArchive(lease, { put });
		await logOf(lease).close(closeOf(lease, { length: 70 }));
		await vi.waitUntil(() => put.mock.calls.length > 0);
		expect((await logOf(lease).read({ from: 0, to: 70 }))?.bytes).toHaveLength(70);
		const alarm = await runInDurableObject(logOf(lease), (_, { storage }) => storage.getAlarm());
		expect(alarm).toBeGreaterThan(Date.now());
		await evictDurableObject(logOf(lease));
		await sealNow(lease);
		expect(await headLog(env.ARCHIVE, lease)).toMatchObject({ record: { state: "sealed", length: 70 } });
	});

	it("[L9] a crash between the archive's put and the object's end leaves one archive", async () => {
		const lease = await startLease();
		const bytes = someLog(seededRandom(8), 500_000);
		await fill(lease, bytes);
		const put = vi.fn(async (...args: Parameters<R2Bucket["put"]>) => {
			await env.ARCHIVE.put(...args);
			throw new Error("the answer was lost");
		});
		await withArchive(lease, { put: put as unknown as R2Bucket["put"] });
		await logOf(lease).close(closeOf(lease, { length: bytes.length }));
		await vi.waitUntil(async () => (await env.ARCHIVE.head(archiveKey(lease))) !== null);
		const first = await env.ARCHIVE.head(archiveKey(lease));
		await evictDurableObject(logOf(lease));
		await sealNow(lease);
		expect((await env.ARCHIVE.head(archiveKey(lease)))?.version).toBe(first?.version);
		expect((await env.ARCHIVE.list({ prefix: archiveKey(lease) })).objects).toHaveLength(1);
		expect(await rowsIn(lease)).toEqual([[], null]);
	});

	it("[L42] a resend to a sealed log begins nothing while the archive does not answer, and is acknowledged once it does", async () => {
		const lease = await startLease();
		const finished = { exitCode: 0, signal: null, reason: null, steps: [], logSha256: null, retryAfterSeconds: null };
		await fill(lease, new Uint8Array(70));
		await repoOf(lease).finish(lease, { ...finished, outcome: "passed", logLength: 70 });
		await sealNow(lease);
		await evictDurableObject(logOf(lease));
		await withArchive(lease, { head: async () => Promise.reject(new Error("R2 is down")) });
		const refused = await logOf(lease)
			.append(lease, 0, new Uint8Array(70))
			.then(() => null, String);
		expect(refused).toContain("Outage: the archive did not answer");
		expect(await rowsIn(lease)).toEqual([[], null]);
		await evictDurableObject(logOf(lease));
		expect(await logOf(lease).append(lease, 0, new Uint8Array(70))).toMatchObject({ value: { length: 70 } });
		expect(await rowsIn(lease)).toEqual([[], null]);
	});

	it("[L9] a close that is told again, before or after the seal, has the effect of once", async () => {
		const lease = await startLease();
		await fill(lease, new Uint8Array(70));
		const close = closeOf(lease, { length: 70 });
		await logOf(lease).close(close);
		await logOf(lease).close(close);
		await sealNow(lease);
		await evictDurableObject(logOf(lease)).catch(() => undefined);
		await logOf(lease).close(close);
		expect(await rowsIn(lease)).toEqual([[], null]);
		const head = vi.fn(async () => Promise.reject(new Error("R2 is down")));
		await withArchive(lease, { head });
		await logOf(lease).close({ ...close, length: 0 });
		await evictDurableObject(logOf(lease));
		await sealNow(lease);
		expect(await headLog(env.ARCHIVE, lease)).toMatchObject({ record: { length: 70, state: "sealed" } });
	});
});

describe("archive", () => {
	it("[L15] any range of a sealed log is read in two R2 reads, and only its blocks are", async () => {
		const lease = await startLease();
		const random = seededRandom(9);
		const bytes = noise(random, 5 * logBlockBytes + 1_234);
		await fill(lease, bytes);
		await logOf(lease).close(closeOf(lease, { length: bytes.length }));
		await sealNow(lease);
		const get = vi.fn(env.ARCHIVE.get.bind(env.ARCHIVE));
		const bucket = { get } as unknown as R2Bucket;
		for (let round = 0; round < 12; round++) {
			get.mockClear();
			const from = Math.floor(random() * bytes.length);
			const to = from + Math.floor(random() ** 2 * (bytes.length - from));
			const log = await sealedLogOf(bucket, lease);
			const read = await bytesOf(log?.chunks(from, to));
			expect(read).toEqual(bytes.subarray(from, to));
			expect(get.mock.calls.length).toBeLessThanOrEqual(2);
			const range = get.mock.calls[1]?.[1]?.range as { length: number } | undefined;
			const touched = Math.ceil(to / logBlockBytes) - Math.floor(from / logBlockBytes);
			expect(range?.length ?? 0).toBeLessThanOrEqual(touched * (logBlockBytes + 200));
		}
	});
});
