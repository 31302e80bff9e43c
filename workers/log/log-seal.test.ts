// The end of a log: when it is sealed, what the archive then holds, and that no crash on the way makes two of it, or none.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseClaim } from "../../src/contracts/objects/objects.ts";
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

async function fill(claim: LeaseClaim, bytes: Uint8Array, from = 0): Promise<void> {
	for (let at = from; at < bytes.length; at += appendBytesMax) {
		orThrow(await logOf(claim).append(claim, at, bytes.subarray(at, at + appendBytesMax)));
	}
}

async function rowsIn(claim: LeaseClaim): Promise<unknown> {
	return runInDurableObject(logOf(claim), async (_, { storage }) => [
		storage.sql.exec("SELECT name FROM sqlite_master").toArray(),
		await storage.getAlarm(),
	]);
}

/** Puts another bucket before the object's own, until the object sleeps. */
async function withArchive(claim: LeaseClaim, change: Partial<R2Bucket>): Promise<void> {
	await runInDurableObject(logOf(claim), (object: LogObject) => {
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
		const claim = await startLease();
		const bytes = someLog(seededRandom(5), 3 * logBlockBytes + 77_000);
		await fill(claim, bytes);
		const digest = sha256(bytes);
		await logOf(claim).close(closeOf(claim, { length: bytes.length, sha256: digest }));
		await sealNow(claim);
		const record = { state: "sealed", length: bytes.length, sha256: digest, missing: [] };
		expect(await headLog(env.ARCHIVE, claim)).toEqual({
			record: { ...record, expiresAt: expect.any(Number) },
			outcome: "passed",
		});
		expect(new Uint8Array(gunzipSync(await archivedBytes(claim)))).toEqual(bytes);
		expect(await rowsIn(claim)).toEqual([[], null]);
	});

	it("[L5] a log is sealed by the append that brings its last byte; none takes more", async () => {
		const claim = await startLease();
		const bytes = someLog(seededRandom(6), 1_000);
		await fill(claim, bytes.subarray(0, 400));
		await logOf(claim).close(closeOf(claim, { length: 1_000 }));
		expect(await logOf(claim).status()).toMatchObject({ length: 400, record: { state: "sealing", length: 1_000 } });
		expect(await logOf(claim).append(claim, 400, new Uint8Array(601))).toMatchObject({
			refusal: { code: "log-limit", max: 1_000 },
		});
		await fill(claim, bytes, 400);
		await sealNow(claim);
		expect(new Uint8Array(gunzipSync(await archivedBytes(claim)))).toEqual(bytes);
		expect(await logOf(claim).append(claim, 999, new Uint8Array(2))).toEqual({
			ok: false,
			refusal: { code: "log-sealed", length: 1_000 },
		});
	});

	it("[L4] a resend of what is in the archive is acknowledged; of another lease's it is not", async () => {
		const claim = await startLease();
		const finished = { exitCode: 0, signal: null, reason: null, steps: [], logSha256: null, retryAfterSeconds: null };
		await fill(claim, new Uint8Array(10));
		await repoOf(claim).finish(claim, { ...finished, outcome: "passed", logLength: 10 });
		await sealNow(claim);
		await evictDurableObject(logOf(claim));
		const acknowledged = { ok: true, value: { length: 10, lease: "ok" } };
		expect(await logOf(claim).append(claim, 0, new Uint8Array(10))).toMatchObject(acknowledged);
		expect(await logOf(claim).append(claim, 7, new Uint8Array(3))).toMatchObject(acknowledged);
		expect(await logOf(claim).append(claim, 10, new Uint8Array(0))).toMatchObject(acknowledged);
		expect(await logOf(claim).append(claim, 7, new Uint8Array(4))).toMatchObject({ refusal: { code: "log-sealed" } });
		const stale = { ...claim, epoch: claim.epoch + 1 };
		expect(await logOf(claim).append(stale, 0, new Uint8Array(1))).toMatchObject({ refusal: { code: "lease-stale" } });
		expect(await rowsIn(claim)).toEqual([[], null]);
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
		const claim = await startLease();
		await fill(claim, new Uint8Array(70));
		await logOf(claim).close(closeOf(claim, { length: 100 }));
		await runDurableObjectAlarm(logOf(claim));
		expect(await logOf(claim).status()).not.toBeNull();
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + logSealGraceMs });
		await sealNow(claim);
		expect(await headLog(env.ARCHIVE, claim)).toMatchObject({
			record: { state: "partial", length: 70, missing: [{ from: 70, to: 100 }] },
		});
	});

	it("[L7] a lost runner's log waits for what that left, and is sealed without it once the grace is over", async () => {
		const claim = await startLease();
		await fill(claim, new Uint8Array(70));
		await logOf(claim).close(closeOf(claim, { outcome: "lost", length: null }));
		await runDurableObjectAlarm(logOf(claim));
		expect(await logOf(claim).status()).toMatchObject({ record: { state: "sealing", length: null }, outcome: "lost" });
		expect(await logOf(claim).append(claim, 70, new Uint8Array(1))).toMatchObject({ refusal: { code: "lease-stale" } });
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + logLeftGraceMs });
		await sealNow(claim);
		expect(await headLog(env.ARCHIVE, claim)).toMatchObject({
			record: { state: "partial", length: 70, missing: [{ from: 70, to: null }] },
			outcome: "lost",
		});
		expect(await logOf(claim).append(claim, 70, new Uint8Array(1))).toMatchObject({ ok: false });
	});

	it("[L8] another digest than declared makes a mismatch, and leaves the outcome alone", async () => {
		const claim = await startLease();
		await fill(claim, new Uint8Array(70));
		await logOf(claim).close(closeOf(claim, { length: 70, sha256: "0".repeat(64) }));
		await sealNow(claim);
		expect(await headLog(env.ARCHIVE, claim)).toMatchObject({ record: { state: "mismatch" }, outcome: "passed" });
	});

	it("[L8] the digest of a log that slept is made from what is stored", async () => {
		const claim = await startLease();
		const bytes = noise(seededRandom(7), 2_600_000);
		await fill(claim, bytes.subarray(0, 1_300_000));
		await evictDurableObject(logOf(claim));
		await fill(claim, bytes, 1_300_000);
		await logOf(claim).close(closeOf(claim, { length: bytes.length }));
		await evictDurableObject(logOf(claim)).catch(() => undefined);
		await sealNow(claim);
		const archived = await headLog(env.ARCHIVE, claim);
		expect(archived).toMatchObject({ record: { state: "sealed", sha256: sha256(bytes) } });
	});
});

describe("crashes", () => {
	it("[L9] an archive that is down keeps the log readable, and is tried again", async () => {
		const claim = await startLease();
		await fill(claim, new Uint8Array(70));
		const put = vi.fn(async () => Promise.reject(new Error("R2 is down")));
		await withArchive(claim, { put });
		await logOf(claim).close(closeOf(claim, { length: 70 }));
		await vi.waitUntil(() => put.mock.calls.length > 0);
		expect((await logOf(claim).read({ from: 0, to: 70 }))?.bytes).toHaveLength(70);
		const alarm = await runInDurableObject(logOf(claim), (_, { storage }) => storage.getAlarm());
		expect(alarm).toBeGreaterThan(Date.now());
		await evictDurableObject(logOf(claim));
		await sealNow(claim);
		expect(await headLog(env.ARCHIVE, claim)).toMatchObject({ record: { state: "sealed", length: 70 } });
	});

	it("[L9] a crash between the archive's put and the object's end leaves one archive", async () => {
		const claim = await startLease();
		const bytes = someLog(seededRandom(8), 500_000);
		await fill(claim, bytes);
		const put = vi.fn(async (...args: Parameters<R2Bucket["put"]>) => {
			await env.ARCHIVE.put(...args);
			throw new Error("the answer was lost");
		});
		await withArchive(claim, { put: put as unknown as R2Bucket["put"] });
		await logOf(claim).close(closeOf(claim, { length: bytes.length }));
		await vi.waitUntil(async () => (await env.ARCHIVE.head(archiveKey(claim))) !== null);
		const first = await env.ARCHIVE.head(archiveKey(claim));
		await evictDurableObject(logOf(claim));
		await sealNow(claim);
		expect((await env.ARCHIVE.head(archiveKey(claim)))?.version).toBe(first?.version);
		expect((await env.ARCHIVE.list({ prefix: archiveKey(claim) })).objects).toHaveLength(1);
		expect(await rowsIn(claim)).toEqual([[], null]);
	});

	it("[L42] a resend to a sealed log begins nothing while the archive does not answer, and is acknowledged once it does", async () => {
		const claim = await startLease();
		const finished = { exitCode: 0, signal: null, reason: null, steps: [], logSha256: null, retryAfterSeconds: null };
		await fill(claim, new Uint8Array(70));
		await repoOf(claim).finish(claim, { ...finished, outcome: "passed", logLength: 70 });
		await sealNow(claim);
		await evictDurableObject(logOf(claim));
		await withArchive(claim, { head: async () => Promise.reject(new Error("R2 is down")) });
		const refused = await logOf(claim)
			.append(claim, 0, new Uint8Array(70))
			.then(() => null, String);
		expect(refused).toContain("Outage: the archive did not answer");
		expect(await rowsIn(claim)).toEqual([[], null]);
		await evictDurableObject(logOf(claim));
		expect(await logOf(claim).append(claim, 0, new Uint8Array(70))).toMatchObject({ value: { length: 70 } });
		expect(await rowsIn(claim)).toEqual([[], null]);
	});

	it("[L9] a close that is told again, before or after the seal, has the effect of once", async () => {
		const claim = await startLease();
		await fill(claim, new Uint8Array(70));
		const close = closeOf(claim, { length: 70 });
		await logOf(claim).close(close);
		await logOf(claim).close(close);
		await sealNow(claim);
		await evictDurableObject(logOf(claim)).catch(() => undefined);
		await logOf(claim).close(close);
		expect(await rowsIn(claim)).toEqual([[], null]);
		const head = vi.fn(async () => Promise.reject(new Error("R2 is down")));
		await withArchive(claim, { head });
		await logOf(claim).close({ ...close, length: 0 });
		await evictDurableObject(logOf(claim));
		await sealNow(claim);
		expect(await headLog(env.ARCHIVE, claim)).toMatchObject({ record: { length: 70, state: "sealed" } });
	});
});

describe("archive", () => {
	it("[L15] any range of a sealed log is read in two R2 reads, and only its blocks are", async () => {
		const claim = await startLease();
		const random = seededRandom(9);
		const bytes = noise(random, 5 * logBlockBytes + 1_234);
		await fill(claim, bytes);
		await logOf(claim).close(closeOf(claim, { length: bytes.length }));
		await sealNow(claim);
		const get = vi.fn(env.ARCHIVE.get.bind(env.ARCHIVE));
		const bucket = { get } as unknown as R2Bucket;
		for (let round = 0; round < 12; round++) {
			get.mockClear();
			const from = Math.floor(random() * bytes.length);
			const to = from + Math.floor(random() ** 2 * (bytes.length - from));
			const log = await sealedLogOf(bucket, claim);
			const read = await bytesOf(log?.chunks(from, to));
			expect(read).toEqual(bytes.subarray(from, to));
			expect(get.mock.calls.length).toBeLessThanOrEqual(2);
			const range = get.mock.calls[1]?.[1]?.range as { length: number } | undefined;
			const touched = Math.ceil(to / logBlockBytes) - Math.floor(from / logBlockBytes);
			expect(range?.length ?? 0).toBeLessThanOrEqual(touched * (logBlockBytes + 200));
		}
	});
});
