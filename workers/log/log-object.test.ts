// A log while it is open: appends, fencing, reads, and the object's sleep between any two of them.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { logBlockBytes } from "../../src/domain/limits.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { closeOf, logOf, repoOf, someLog, startLease } from "./log-fixture.ts";

const text = new TextEncoder();

describe("append", () => {
	it("[L1] bytes are taken at the end, overlap is passed over, a gap is refused", async () => {
		const lease = await startLease();
		const log = logOf(lease);
		expect(await log.append(lease, 0, text.encode("hello "))).toEqual({
			ok: true,
			value: { length: 6, lease: "ok", intervalSeconds: 2 },
		});
		expect(await log.append(lease, 3, text.encode("lo world"))).toMatchObject({ value: { length: 11 } });
		expect(await log.append(lease, 0, text.encode("hello"))).toMatchObject({ value: { length: 11 } });
		expect(await log.append(lease, 12, text.encode("!"))).toEqual({
			ok: false,
			refusal: { code: "log-gap", length: 11 },
		});
		expect(new TextDecoder().decode((await log.read({ from: 0, to: 99 }))?.bytes)).toBe("hello world");
	});

	it("[L2] an epoch that is not the log's and a lost lease are refused, before the first byte and after", async () => {
		const lease = await startLease();
		const stale = { ...lease, epoch: lease.epoch + 1 };
		const refused = { ok: false, refusal: { code: "lease-stale" } };
		expect(await logOf(lease).append(stale, 0, text.encode("x"))).toEqual(refused);
		expect(await logOf(lease).status()).toBeNull();
		await logOf(lease).append(lease, 0, text.encode("x"));
		expect(await logOf(lease).append(stale, 1, text.encode("y"))).toEqual(refused);
		expect(await logOf(lease).steps(stale, [])).toEqual(refused);
		const lost = await startLease();
		await repoOf(lost).expire([lost], 30_000);
		expect(await logOf(lost).append(lost, 0, text.encode("x"))).toEqual(refused);
	});

	it("[L3] what would pass the limit leaves no part of itself", async () => {
		const lease = await startLease(1_024);
		const log = logOf(lease);
		await log.append(lease, 0, new Uint8Array(1_000));
		expect(await log.append(lease, 1_000, new Uint8Array(25))).toEqual({
			ok: false,
			refusal: { code: "log-limit", max: 1_024 },
		});
		expect(await log.append(lease, 1_000, new Uint8Array(24))).toMatchObject({ value: { length: 1_024 } });
	});

	it("[L13] one RepoObject call confirms a lease; every later append is one row, a full block one more", async () => {
		const lease = await startLease();
		const log = logOf(lease);
		await log.append(lease, 0, text.encode("first"));
		const rows = await runInDurableObject(log, async (object, state) => {
			const rows = () => [...state.storage.kv.list({ prefix: "tail" })].length;
			const before = rows();
			await object.append(lease, 5, text.encode("second"));
			return [before, rows()];
		});
		expect(rows).toEqual([1, 2]);
		for (let at = 11; at < 4 * logBlockBytes; at += 100_000) await log.append(lease, at, new Uint8Array(100_000));
		const kept = await runInDurableObject(log, (_, { storage }) => [
			storage.sql.exec("SELECT COUNT(*) AS n FROM block").one().n,
			[...storage.kv.list({ prefix: "tail" })].length,
		]);
		expect(kept).toEqual([4, 4]);
	});

	it("[L13] nothing is written to an object that is only looked at", async () => {
		const lease = await startLease();
		expect(await logOf(lease).status()).toBeNull();
		expect(await logOf(lease).read({ from: 0, to: 10 })).toBeNull();
		expect((await logOf(lease).fetch("https://log/?from=0")).status).toBe(404);
		const tables = await runInDurableObject(logOf(lease), (_, { storage }) =>
			storage.sql.exec("SELECT name FROM sqlite_master").toArray(),
		);
		expect(tables).toEqual([]);
	});

	it("[L14] steps are kept for whoever asks, until the attempt has ended", async () => {
		const lease = await startLease();
		const step = { name: "test", exitCode: null, startedAt: 1, finishedAt: null, logStart: 0, logEnd: null };
		expect(await logOf(lease).steps(lease, [step])).toEqual({ ok: true, value: { lease: "ok" } });
		await evictDurableObject(logOf(lease));
		expect(await logOf(lease).status()).toMatchObject({ steps: [step], length: 0, record: { state: "live" } });
		await logOf(lease).close(closeOf(lease, { length: 10 }));
		expect(await logOf(lease).steps(lease, [])).toMatchObject({ refusal: { code: "lease-stale" } });
	});
});

describe("storage", () => {
	it("[L1] bytes cut anywhere, resent and doubled, with sleep between, read back as they were", async () => {
		for (const seed of [1, 2, 3]) {
			const random = seededRandom(seed);
			const lease = await startLease();
			const bytes = someLog(random, 900_000);
			let stored = 0;
			while (stored < bytes.length) {
				const from = Math.max(0, stored - Math.floor(random() * 5_000));
				const to = Math.min(bytes.length, from + Math.floor(random() ** 3 * 400_000));
				const answer = await logOf(lease).append(lease, from, bytes.subarray(from, to));
				stored = Math.max(stored, to);
				expect(answer).toMatchObject({ value: { length: stored } });
				if (random() < 0.3) await evictDurableObject(logOf(lease));
				const at = Math.floor(random() * stored);
				const read = await logOf(lease).read({ from: at, to: at + Math.floor(random() * 300_000) });
				expect(read?.bytes).toEqual(bytes.subarray(at, Math.min(stored, at + (read?.bytes.length ?? 0))));
			}
		}
	});

	it("[L13] a log of tiny appends keeps few rows, and wakes with all of its bytes", async () => {
		const lease = await startLease();
		const bytes = someLog(seededRandom(4), 700);
		await runInDurableObject(logOf(lease), async (object) => {
			for (let at = 0; at < 600; at++) await object.append(lease, at, bytes.subarray(at, at + 1));
		});
		await evictDurableObject(logOf(lease));
		await logOf(lease).append(lease, 600, bytes.subarray(600));
		await evictDurableObject(logOf(lease));
		expect((await logOf(lease).read({ from: 0, to: 700 }))?.bytes).toEqual(bytes);
		const rows = await runInDurableObject(logOf(lease), (_, { storage }) => [...storage.kv.list({ prefix: "tail" })]);
		expect(rows.length).toBe(256);
	});
});
