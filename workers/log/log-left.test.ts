// What a killed runner had left of its log, delivered by its next process: before the attempt's end is told and after it,
// told twice, beside viewers, and by those who may not.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseClaim } from "../../src/contracts/objects/objects.ts";
import { logLeftGraceMs } from "../../src/domain/limits.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { headLog } from "./archive.ts";
import { LogObject } from "./log-object.ts";
import { archivedBytes, closeOf, eventually, logOf, noise, repoOf, sha256, startLease, Viewer } from "./log-fixture.ts";

const text = new TextEncoder();
let claim: LeaseClaim;
beforeEach(async () => {
	claim = await startLease();
});
afterEach(() => {
	vi.useRealTimers();
	vi.restoreAllMocks();
});

const loseIt = () => logOf(claim).close(closeOf(claim, { outcome: "lost", length: null }));
const untilSealed = () => eventually(async () => (await logOf(claim).status()) === null);
const recordOf = async () => (await headLog(env.ARCHIVE, claim))?.record;

describe("what was left", () => {
	it("[L36] completes the log of a lost attempt, which is then sealed at once and whole", async () => {
		await logOf(claim).append(claim, 0, text.encode("abc"));
		await loseIt();
		await evictDurableObject(logOf(claim));
		expect(await logOf(claim).append(claim, 0, text.encode(""), "left")).toMatchObject({ value: { length: 3 } });
		expect(await logOf(claim).append(claim, 2, text.encode("cde"), "left")).toMatchObject({ value: { length: 5 } });
		expect((await logOf(claim).status())?.record.state).toBe("sealing");
		expect(await logOf(claim).append(claim, 5, text.encode("f"), "last")).toMatchObject({ value: { length: 6 } });
		await untilSealed();
		const bytes = text.encode("abcdef");
		expect(await recordOf()).toMatchObject({ state: "sealed", length: 6, sha256: sha256(bytes), missing: [] });
		// As does the same once more; and nothing else comes into an archive.
		expect(await logOf(claim).append(claim, 5, text.encode("f"), "last")).toMatchObject({ value: { length: 6 } });
		expect(await logOf(claim).append(claim, 6, text.encode("g"), "last")).toMatchObject({
			refusal: { code: "log-sealed" },
		});
	});

	it("[L36] may be here before the attempt's end is told, also where the object sleeps in between", async () => {
		await logOf(claim).append(claim, 0, text.encode("abc"));
		expect(await logOf(claim).append(claim, 3, text.encode("def"), "last")).toMatchObject({ ok: true });
		await evictDurableObject(logOf(claim));
		await loseIt();
		await untilSealed();
		expect(await recordOf()).toMatchObject({ state: "sealed", length: 6, missing: [] });
	});

	it("[L36] is not all where more came after it was said to be", async () => {
		await logOf(claim).append(claim, 0, text.encode("abc"), "last");
		await logOf(claim).append(claim, 3, text.encode("def"));
		await loseIt();
		expect((await logOf(claim).status())?.record.state).toBe("sealing");
	});

	it("[L36] is taken where nothing had come before, and asked for again where the end is not told yet", async () => {
		const close = vi.spyOn(LogObject.prototype, "close").mockRejectedValue(new Error("away"));
		await repoOf(claim).expire([claim], 30_000);
		await eventually(async () => close.mock.settledResults.length > 0);
		await runInDurableObject(logOf(claim), async (log) => {
			await expect(log.append(claim, 0, text.encode("a"), "last")).rejects.toThrow("not told yet");
		});
		close.mockRestore();
		await runDurableObjectAlarm(repoOf(claim));
		await eventually(async () => (await logOf(claim).status()) !== null);
		const bytes = noise(seededRandom(3), 300_000);
		orThrow(await logOf(claim).append(claim, 0, bytes, "last"));
		await untilSealed();
		expect(new Uint8Array(gunzipSync(await archivedBytes(claim)))).toEqual(bytes);
		expect(await recordOf()).toMatchObject({ state: "sealed", length: bytes.length });
	});

	it("[L36] comes too late once the grace is over", async () => {
		await logOf(claim).append(claim, 0, text.encode("abc"));
		await loseIt();
		vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + logLeftGraceMs });
		await eventually(async () => {
			await runDurableObjectAlarm(logOf(claim));
			return (await logOf(claim).status()) === null;
		});
		expect(await logOf(claim).append(claim, 3, text.encode("d"), "last")).toMatchObject({ ok: false });
		expect(await recordOf()).toMatchObject({ state: "partial", length: 3, missing: [{ from: 3, to: null }] });
	});

	it("[L2][L36] of another attempt or lease is refused, and so is what a lost job prints now", async () => {
		await logOf(claim).append(claim, 0, text.encode("abc"));
		await loseIt();
		const stale = { refusal: { code: "lease-stale" } };
		expect(await logOf(claim).append({ ...claim, epoch: claim.epoch + 1 }, 3, text.encode("d"), "last")).toMatchObject(
			stale,
		);
		expect(await logOf(claim).append(claim, 3, text.encode("d"))).toMatchObject(stale);
		expect((await logOf(claim).status())?.length).toBe(3);
	});
});

describe("viewers of a lost attempt", () => {
	it("[L36] are told its end at once, those that come later too, each with all that is there", async () => {
		const bytes = noise(seededRandom(5), 2_500_000);
		const first = await Viewer.watch(claim, 0, true);
		for (let at = 0; at < bytes.length; at += 500_000) {
			orThrow(await logOf(claim).append(claim, at, bytes.subarray(at, at + 500_000)));
		}
		await loseIt();
		const later = await Viewer.watch(claim);
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
		expect((await logOf(claim).status())?.record.state).toBe("sealing");
	});
});
