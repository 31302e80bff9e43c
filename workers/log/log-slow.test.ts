// Viewers that do not read, as the runtime shows them: what they were sent and have not taken grows. Sockets are stand-ins,
// since nothing in a test can stop a real one from being read; a real one stops in test/log-slow.test.ts.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { logFrameBytesMax } from "../../src/domain/limits.ts";
import { LogViewers } from "../../src/engine/log/log-viewers.ts";
import { backlogAllowed, sendOrDrop, stalledMs, untilTaken } from "../../src/engine/socket-backlog.ts";
import { clock } from "../world.ts";

const logBytes = 8 * 1024 * 1024;
const log = {
	length: logBytes,
	ended: false,
	farewell: null,
	read: (from: number, to: number) => new Uint8Array(to - from).fill(0x61),
};

class Reader {
	readyState: number = WebSocket.OPEN;
	/** How often somebody looked at what waits. */
	looks = 0;
	sent = 0;
	#waits = 0;
	closeCode: number | null = null;
	#attachment: unknown = null;
	readonly #isSlow: boolean;

	constructor(isSlow: boolean) {
		this.#isSlow = isSlow;
	}

	get bufferedAmount(): number {
		this.looks++;
		return this.#waits;
	}

	send(text: string): void {
		if (this.readyState !== WebSocket.OPEN) throw new TypeError("closed");
		this.sent += (JSON.parse(text) as { text?: string }).text?.length ?? 0;
		this.#waits += text.length;
		if (!this.#isSlow) queueMicrotask(() => this.take(this.#waits));
	}

	take(bytes: number): void {
		this.#waits -= bytes;
	}

	leave(): void {
		this.readyState = WebSocket.CLOSED;
	}

	close(code: number): void {
		this.closeCode = code;
		this.readyState = WebSocket.CLOSING;
	}

	serializeAttachment(value: unknown): void {
		this.#attachment = value;
	}

	deserializeAttachment(): unknown {
		return this.#attachment;
	}
}

function viewersOf(readers: Reader[]) {
	const work: Promise<unknown>[] = [];
	const ports = {
		world: clock,
		sockets: { getWebSockets: () => readers, getTags: () => [] },
		outside: { later: (promise: Promise<unknown>) => void work.push(promise) },
	};
	const viewers = new LogViewers(ports, () => log);
	for (const reader of readers) viewers.accept(() => reader, 0);
	return { viewers, caughtUp: () => Promise.all(work) };
}

/** Resolves when the pump has come by twice more. Each look of `waitUntil` moves the clock on by its interval. */
async function looked(reader: Reader): Promise<void> {
	const before = reader.looks;
	await vi.waitUntil(() => reader.looks >= before + 2, { interval: 5, timeout: 10_000 });
}

describe("a viewer that does not read", () => {
	beforeEach(() => {
		vi.useFakeTimers({ toFake: ["Date"] });
	});
	afterEach(() => {
		vi.useRealTimers();
	});

	it("[L31] is sent no more than may wait for it, and holds up nobody", async () => {
		const [slow, fast] = [new Reader(true), new Reader(false)];
		const { caughtUp } = viewersOf([slow, fast]);
		await vi.waitUntil(() => fast.sent === logBytes, { interval: 5, timeout: 10_000 });
		expect(slow.bufferedAmount).toBeGreaterThan(0);
		expect(slow.sent).toBeLessThanOrEqual(backlogAllowed(2) + logFrameBytesMax);
		const before = slow.sent;
		slow.take(slow.bufferedAmount);
		await vi.waitUntil(() => slow.sent > before, { interval: 5, timeout: 10_000 });
		slow.leave();
		await caughtUp();
	});

	it("[L31] is dropped with 4008 when it has taken nothing for a while, and not before", async () => {
		const reader = new Reader(true);
		const { caughtUp } = viewersOf([reader]);
		await vi.waitUntil(() => reader.bufferedAmount > backlogAllowed(1), { interval: 5, timeout: 10_000 });
		await looked(reader);
		vi.setSystemTime(Date.now() + stalledMs / 2);
		reader.take(1);
		await looked(reader);
		vi.setSystemTime(Date.now() + stalledMs / 2);
		await looked(reader);
		expect(reader.closeCode).toBeNull();
		vi.setSystemTime(Date.now() + stalledMs / 2);
		await caughtUp();
		expect(reader.closeCode).toBe(4_008);
		expect(reader.sent).toBeLessThanOrEqual(backlogAllowed(1) + logFrameBytesMax);
	});

	it("[L31] at the end gets 4008 when it is far behind, and the end when it is not", async () => {
		const [slow, fast] = [new Reader(true), new Reader(false)];
		const { viewers, caughtUp } = viewersOf([slow, fast]);
		await vi.waitUntil(() => fast.sent === logBytes, { interval: 5, timeout: 10_000 });
		viewers.end({ type: "end", length: logBytes, sha256: null, outcome: "passed", state: "sealed" });
		await caughtUp();
		expect([slow.closeCode, fast.closeCode]).toEqual([4_008, 1_000]);
	});

	it("[L31] of a sealed log is waited for while it takes something, and no longer", async () => {
		const reader = new Reader(true);
		for (let sent = 0; sent < 6; sent++) reader.send(JSON.stringify({ text: "a".repeat(logFrameBytesMax) }));
		const answers: boolean[] = [];
		const waits = untilTaken(reader, clock).then((isTaken) => answers.push(isTaken));
		await looked(reader);
		vi.setSystemTime(Date.now() + stalledMs / 2);
		reader.take(1);
		await looked(reader);
		expect(answers).toEqual([]);
		reader.take(3 * logFrameBytesMax);
		await waits;
		for (let sent = 0; sent < 3; sent++) reader.send(JSON.stringify({ text: "a".repeat(logFrameBytesMax) }));
		const stalls = untilTaken(reader, clock).then((isTaken) => answers.push(isTaken));
		await looked(reader);
		vi.setSystemTime(Date.now() + stalledMs);
		await stalls;
		expect(answers).toEqual([true, false]);
	});

	it("[L31] of a run is dropped when a great deal waits for it", () => {
		const reader = new Reader(true);
		const message = JSON.stringify({ text: "a".repeat(1024 * 1024) });
		for (let sent = 0; sent < 20; sent++) sendOrDrop(reader, message);
		expect(reader.closeCode).toBe(4_008);
		expect(reader.sent).toBeLessThan(10 * 1024 * 1024);
	});
});
