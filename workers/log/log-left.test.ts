// What a killed runner had left of its log, delivered by its next process: before the attempt's end is told and after it,
// told twice, beside viewers, and by those who may not.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { logLeftGraceMs } from "../../src/domain/limits.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { headLog } from "./archive.ts";
import { LogObject } from "./log-object.ts";
import { archivedBytes, closeOf, eventually, logOf, noise, repoOf, sha256, startLease, Viewer } from "./log-fixture.ts";

const text = new TextEncoder();
let lease: LeaseIdentity;
beforeEach(async () => {
	lease = await startLease();
});
afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

const loseIt = () => logOf(lease).close(closeOf(lease, { outcome: "lost", length: null }));
const untilSealed = () => eventually(async () => (await logOf(lease).status()) === null);
const recordOf = async () => (await headLog(env.ARCHIVE, lease))?.record;

describe("what was left", () => {
	it("[L36] completes the log of a lost attempt, which is then sealed at once and whole", async () => {
		await logOf(lease).append(lease, 0, text.encode("abc"));
		await loseIt();
		await evictDurableObject(logOf(lease));
		expect(await logOf(lease).append(lease, 0, text.encode(""), "left")).toMatchObject({ value: { length: 3 } });
		expect(await logOf(lease).append(lease, 2, text.encode("cde"), "left")).toMatchObject({ value: { length: 5 } });
		expect((await logOf(lease).status())?.record.state).toBe("sealing");
		expect(await logOf(lease).append(lease, 5, text.encode("f"), "last")).toMatchObject({ value: { length: 6 } });
		await untilSealed();
		const bytes = text.encode("abcdef");
		expect(await recordOf()).toMatchObject({ state: "sealed", length: 6, sha256: sha256(bytes), missing: [] });
		// As does the same once more; and nothing else comes into an archive.
		expect(await logOf(lease).append(lease, 5, text.encode("f"), "last")).toMatchObject({ value: { length: 6 } });
		expect(await logOf(lease).append(lease, 6, text.encode("g"), "last")).toMatchObject({
			refusal: { code: "log-sealed" },
		});
	});

	it("[L36] may be here before the attempt's end is told, also where the object sleeps in between", async () => {
		await logOf(lease).append(lease, 0, text.encode("abc"));
		expect(await logOf(lease).append(lease, 3, text.encode("def"), "last")).toMatchObject({ ok: true });
		await evictDurableObject(logOf(lease));
		await loseIt();
		await untilSealed();
		expect(await recordOf()).toMatchObject({ state: "sealed", length: 6, missing: [] });
	});

	it("[L36] is not all where more came after it was said to be", async () => {
		await logOf(lease).append(lease, 0, text.encode("abc"), "last");
		await logOf(lease).append(lease, 3, text.encode("def"));
		await loseIt();
		expect((await logOf(lease).status())?.record.state).toBe("sealing");
	});

	it("[L36] is taken where nothing had come before, and asked for again where the end is not told yet", async () => {
		const close = vi.spyOn(LogObject.prototype, "close").mockRejectedValue(new Error("away"));
		await repoOf(lease).expire([lease], 30_000);
		await eventually(async () => close.mock.settledResults.length > 0);
		await runInDurableObject(logOf(lease), async (log) => {
			await expect(log.append(lease, 0, text.encode("a"), "last")).rejects.toThrow("not told yet");
		});
		close.mockRestore();
		await runDurableObjectAlarm(repoOf(lease));
		await eventually(async () => (await logOf(lease).status()) !== null);
		const bytes = noise(seededRandom(3), 300_000);
		orThrow(await logOf(lease).append(lease, 0, bytes, "last"));
		await untilSealed();
		expect(new Uint8Array(gunzipSync(await archivedBytes(lease)))).toEqual(bytes);
		expect(await recordOf()).toMatchObject({ state: "sealed", length: bytes.length });
	});

	it("[L36] comes too late once the grace is over", async () => {
		await logOf(lease).append(lease, 0, text.encode("abc"));
		await loseIt();
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + logLeftGraceMs });
		await eventually(async () => {
			await runDurableObjectAlarm(logOf(lease));
			return (await logOf(lease).status()) === null;
		});
		expect(await logOf(lease).append(lease, 3, text.encode("d"), "last")).toMatchObject({ ok: false });
		expect(await recordOf()).toMatchObject({ state: "partial", length: 3, missing: [{ from: 3, to: null }] });
	});

	it("[L2][L36] of another attempt or lease is refused, and so is what a lost job prints now", async () => {
		await logOf(lease).append(lease, 0, text.encode("abc"));
		await loseIt();
		const stale = { refusal: { code: "lease-stale" } };
		expect(await logOf(lease).append({ ...lease, epoch: lease.epoch + 1 }, 3, text.encode("d"), "last")).toMatchObject(
			stale,
		);
		expect(await logOf(lease).append(lease, 3, text.encode("d"))).toMatchObject(stale);
		expect((await logOf(lease).status())?.length).toBe(3);
	});
});

describe("viewers of a lost attempt", () => {
	it("[L36] are told its end at once, those that come later too, each with all that is there", async () => {
		const bytes = noise(seededRandom(5), 2_500_000);
		const first = await Viewer.watch(lease, 0, true);
		for (let at = 0; at < bytes.length; at += 500_000) {
			orThrow(await logOf(lease).append(lease, at, bytes.subarray(at, at + 500_000)));
		}
		await loseIt();
		const later = await Viewer.watch(lease);
		for (const viewer of [first, later]) {
			await viewer.closed();
			expect([viewer.closeCode, viewer.end?.outcome, viewer.end?.state, viewer.end?.length]).toEqual([
				1_000,
				"lost",
				"partial",
				bytes.length,
			]);
			expect(sha256(viewer.bytes())).toBe(sha256(bytes));
		}
		expect((await logOf(lease).status())?.record.state).toBe("sealing");
	});
});
