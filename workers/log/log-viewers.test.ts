// Viewers of an unsealed log over real WebSockets: every byte once and in order, whenever they come and whoever sleeps.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import { appendBytesMax, logFrameBytesMax } from "../../src/domain/limits.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { sealedLogOf } from "./archive.ts";
import { LogViewers } from "../../src/engine/log/log-viewers.ts";
import { bytesOf, closeOf, joined, logOf, noise, sealNow, sha256, someLog, startLease, Viewer } from "./log-fixture.ts";
import { clock } from "../world.ts";

const text = new TextEncoder();

afterEach(() => {
	vi.useRealTimers();
});

describe("viewers", () => {
	it.each([
		[1, 25],
		[125, 25],
		[1_000, 200],
		[2_500, 500],
	])("[L18] %i of them get a frame every %i ms, however much comes", async (count, expectedMs) => {
		vi.useFakeTimers({ now: 1_000_000 });
		const sent: number[] = [];
		const sockets = Array.from({ length: count }, (_, at) => ({
			...{ readyState: WebSocket.OPEN, bufferedAmount: 0 },
			send: () => void (at === 0 && sent.push(Date.now())),
			close: () => undefined,
			...{ serializeAttachment: () => {}, deserializeAttachment: () => ({ next: 0 }) },
		}));
		const log = {
			length: 0,
			ended: false,
			farewell: null,
			read: (from: number, to: number) => new Uint8Array(to - from),
		};
		const ports = {
			world: clock,
			sockets: { getWebSockets: () => sockets, getTags: () => [] },
			outside: { later: () => undefined },
		};
		const viewers = new LogViewers(ports, () => log);
		for (let ms = 0; ms < 2_000; ms += 5) {
			log.length += 10;
			viewers.flushSoon();
			await vi.advanceTimersByTimeAsync(5);
		}
		const waits = new Set(sent.slice(1).map((at, before) => at - (sent[before] ?? 0)));
		expect([...waits]).toEqual([expectedMs]);
	});

	it("[L16] from any offset: what is stored, then what comes, then the end, without a gap or a double", async () => {
		for (const seed of [11, 12]) {
			const random = seededRandom(seed);
			const lease = await startLease();
			const bytes = someLog(random, 600_000);
			const viewers: { viewer: Viewer; from: number }[] = [];
			for (let at = 0; at < bytes.length; ) {
				const to = Math.min(bytes.length, at + Math.ceil(random() ** 4 * 200_000));
				orThrow(await logOf(lease).append(lease, at, bytes.subarray(at, to)));
				at = to;
				if (viewers.length < 8 && random() < 0.5) {
					const from = Math.floor(random() * (at + 1));
					viewers.push({ viewer: await Viewer.watch(lease, from), from });
				}
				if (random() < 0.1) await evictDurableObject(logOf(lease));
			}
			await logOf(lease).close(closeOf(lease, { length: bytes.length }));
			await sealNow(lease);
			const end = { type: "end", length: bytes.length, sha256: sha256(bytes), outcome: "passed", state: "sealed" };
			expect(viewers.length).toBeGreaterThan(2);
			for (const { viewer, from } of viewers) {
				await viewer.closed();
				expect(viewer.closeCode).toBe(1_000);
				expect(viewer.messages.at(-1)).toEqual(end);
				expect(viewer.bytes(from)).toEqual(bytes.subarray(from));
			}
		}
	});

	it("[L16] a dropped viewer comes back by offset and finds the rest in the archive", async () => {
		const lease = await startLease();
		const bytes = someLog(seededRandom(13), 300_000);
		await logOf(lease).append(lease, 0, bytes.subarray(0, 200_000));
		const viewer = await Viewer.watch(lease);
		await viewer.reached(150_000);
		const seen = viewer.bytes();
		await logOf(lease).append(lease, 200_000, bytes.subarray(200_000));
		await logOf(lease).close(closeOf(lease, { length: bytes.length }));
		await sealNow(lease);
		const log = await sealedLogOf(env.ARCHIVE, lease);
		const rest = await bytesOf(log?.chunks(seen.length, bytes.length));
		expect(joined([seen, rest])).toEqual(bytes);
	});

	it("[L10] a character in two appends is shown whole, and a byte that is none comes as data", async () => {
		const lease = await startLease();
		const rocket = text.encode("🚀");
		await logOf(lease).append(lease, 0, text.encode("go "));
		const viewer = await Viewer.watch(lease);
		await viewer.reached(3);
		await logOf(lease).append(lease, 3, rocket.subarray(0, 2));
		await logOf(lease).append(lease, 5, rocket.subarray(2));
		await viewer.reached(7);
		expect(viewer.outputs.map((message) => message.text)).toEqual(["go ", "🚀"]);
		await logOf(lease).append(lease, 7, new Uint8Array([0xff, 0x41]));
		await viewer.reached(9);
		expect(viewer.outputs.at(-1)).toEqual({ type: "output", offset: 7, next: 9, data: btoa("\u00ffA") });
		await logOf(lease).append(lease, 9, rocket.subarray(0, 3));
		await logOf(lease).close(closeOf(lease, { length: 12 }));
		await viewer.closed();
		expect(viewer.outputs.at(-1)).toMatchObject({ offset: 9, next: 12, data: btoa("\u00f0\u009f\u009a") });
	});

	it("[L16] a viewer may wait for the first byte of an attempt that has started", async () => {
		const lease = await startLease();
		const viewer = await Viewer.watch(lease, 0, true);
		await logOf(lease).append(lease, 0, text.encode("first"));
		await viewer.reached(5);
		await logOf(lease).close(closeOf(lease, { length: 5 }));
		await viewer.closed();
		expect(viewer.end).toMatchObject({ length: 5, state: "sealed" });
		await sealNow(lease);
		expect((await logOf(lease).fetch("https://log/?from=0&begun=1")).status).toBe(404);
	});

	it("[L17] a viewer asks from within the log", async () => {
		const lease = await startLease();
		await logOf(lease).append(lease, 0, text.encode("first"));
		expect((await logOf(lease).fetch("https://log/?from=6")).status).toBe(416);
		const viewer = await Viewer.watch(lease, 5);
		await logOf(lease).append(lease, 5, text.encode(" second"));
		await viewer.reached(12);
		expect(viewer.outputs[0]?.text).toBe(" second");
	});

	it("[L18] a burst of appends makes few messages, none of them too large, the first at once", async () => {
		const lease = await startLease();
		await logOf(lease).append(lease, 0, text.encode("."));
		const viewer = await Viewer.watch(lease);
		await viewer.reached(1);
		await runInDurableObject(logOf(lease), async (object) => {
			for (let at = 1; at < 400; at++) await object.append(lease, at, text.encode("."));
		});
		await viewer.reached(400);
		expect(viewer.outputs.length).toBeLessThan(20);
		await logOf(lease).append(lease, 400, noise(seededRandom(14), appendBytesMax));
		await viewer.reached(400 + appendBytesMax);
		const sizes = viewer.outputs.map(({ offset, next }) => next - offset);
		expect(Math.max(...sizes)).toBe(logFrameBytesMax);
	});

	it("[L18] a viewer too far behind at the end is dropped with 4008 and comes back by offset", async () => {
		// Sealed in a moment, since it is all one letter, and shown in two and a half seconds.
		const bytes = new Uint8Array(30 * appendBytesMax).fill(0x61);
		const lease = await startLease(bytes.length);
		for (let at = 0; at < bytes.length; at += appendBytesMax) {
			await logOf(lease).append(lease, at, bytes.subarray(at, at + appendBytesMax));
		}
		const viewer = await Viewer.watch(lease);
		await logOf(lease).close(closeOf(lease, { length: bytes.length }));
		await sealNow(lease);
		await viewer.closed();
		expect(viewer.closeCode).toBe(4_008);
		expect(viewer.end).toBeUndefined();
		const seen = viewer.bytes();
		expect(seen).toEqual(bytes.subarray(0, seen.length));
	});
});
