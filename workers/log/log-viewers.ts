// Who watches a log: hibernating sockets, each with the offset it has reached in its attachment, so that a woken object
// knows as much as before. Fresh bytes go to all from memory; who is further behind is fed from storage, at its own pace.
import { outputMessage } from "../../src/contracts/wire/log-output.ts";
import type { LogEnd } from "../../src/contracts/http/log-stream.ts";
import { doneCloseCode, slowReaderCloseCode } from "../../src/contracts/wire/close-code.ts";
import { logFrameBytesMax } from "../../src/domain/limits.ts";
import { frameIntervalMs } from "../../src/domain/log/log-demand.ts";
import { cutFrame } from "../../src/domain/log/log-frame.ts";
import { backlogAllowed, backlogOf, stalledMs, stalledPauseMs } from "./socket-backlog.ts";

/** Sockets of one log; beyond it 503. A fan-out takes some 40 µs a socket, so this is 200 ms of the object's one thread. */
export const logViewersMax = 5_000;
const tag = "viewer";
/**
 * Between two rounds for viewers that are behind: 64 KiB to 256 KiB each 5 ms are 12 to 50 MiB/s for one, and 400 MB/s for all
 * together, more than the runtime moves. Who has not taken what it was sent before is passed over, and looked at less often.
 */
const feedPauseMs = 5;
const pumpUnitsMax = 2 * 1024 * 1024;
/**
 * Frames sent to all in one go: a burst of up to 256 KiB costs one frame and one send each, where feeding everybody by
 * themselves would cost a frame for each viewer. At 40 goes a second that is 10 MiB/s.
 */
const framesAtOnce = 4;
/** Full frames remembered while viewers are fed, 64 KiB each: whoever is fed just behind another gets the same. */
const framesKept = 16;
/** What a viewer may still be owed at the end; one further behind comes back by offset and is served by the archive. */
const farewellBytesMax = 1024 * 1024;

export interface WatchedLog {
	length: number;
	/** Nothing will be added. */
	ended: boolean;
	/** The end that is told before the log is sealed, to each viewer that has all of it. */
	farewell: LogEnd | null;
	read(from: number, to: number): Uint8Array;
}

interface Attachment {
	next: number;
}

interface Sendable {
	next: number;
	text: string;
}

export class LogViewers {
	readonly #ctx: DurableObjectState;
	readonly #log: () => WatchedLog | null;
	readonly #fed = new Set<WebSocket>();
	/** Since when those that are fed have taken nothing of what they were sent, and how much that is. */
	readonly #stalls = new WeakMap<WebSocket, { since: number; backlog: number }>();
	#isPumping = false;
	/** What the attachments say, without reading them. */
	readonly #places = new WeakMap<WebSocket, number>();
	readonly #frames = new Map<number, Sendable>();
	#timer: ReturnType<typeof setTimeout> | null = null;
	#toldAt = 0;

	constructor(ctx: DurableObjectState, log: () => WatchedLog | null) {
		this.#ctx = ctx;
		this.#log = log;
	}

	/** Without the one that is just leaving: the runtime may still list it. */
	count(leaving: WebSocket | null = null): number {
		return this.#all().filter((socket) => socket !== leaving).length;
	}

	accept(socket: WebSocket, from: number, tags: readonly string[] = []): void {
		this.#ctx.acceptWebSocket(socket, [tag, ...tags]);
		this.#reach(socket, from);
		this.#feed(socket);
	}

	/** There are new bytes. */
	tell(): void {
		const viewers = this.#timer === null ? this.count() : 0;
		if (viewers === 0) return;
		const wait = this.#toldAt + frameIntervalMs(viewers) - Date.now();
		if (wait <= 0) this.flush();
		else this.#timer = setTimeout(() => this.flush(), wait);
	}

	/** Sockets that stand at one place share their frames; whoever is not at the end after some, or has not taken them, is fed. */
	flush(): void {
		this.#stopTimer();
		this.#toldAt = Date.now();
		const log = this.#log();
		if (log === null) return;
		const shared = new Map<number, Sendable[]>();
		const sockets = this.#all();
		const allowed = backlogAllowed(sockets.length);
		for (const socket of sockets) {
			if (this.#fed.has(socket)) continue;
			const at = this.#place(socket);
			const frames = shared.get(at) ?? this.#framesFrom(log, at);
			shared.set(at, frames);
			const taken = frames.findIndex(({ text }) => backlogOf(socket) > allowed || !this.#sendText(socket, text));
			const last = taken === -1 ? frames.at(-1) : frames[taken - 1];
			if (last !== undefined) this.#reach(socket, last.next);
			const isBehind = taken !== -1 || frames.length === framesAtOnce;
			if (isBehind && this.#place(socket) < log.length) this.#feed(socket);
		}
	}

	#framesFrom(log: WatchedLog, at: number): Sendable[] {
		const frames: Sendable[] = [];
		for (let next = at; frames.length < framesAtOnce; ) {
			const frame = this.#frameAt(log, next);
			if (frame === null) break;
			frames.push(frame);
			next = frame.next;
		}
		return frames;
	}

	/** The log has a farewell: each viewer is fed to the end and told it, at its own pace. */
	finish(): void {
		for (const socket of this.#all()) this.#feed(socket);
	}

	/** Everything, then `end`, then the close: in one go, so that nothing of the log need be here afterwards. */
	end(end: LogEnd): void {
		this.#stopTimer();
		const log = this.#log();
		for (const socket of this.#all()) {
			if (socket.readyState !== WebSocket.OPEN) continue;
			if (log !== null && log.length - this.#place(socket) > farewellBytesMax) {
				this.#drop(socket);
				continue;
			}
			while (log !== null && this.#advance(log, socket) > 0);
			this.#part(socket, end);
		}
		this.#fed.clear();
	}

	/** Who was dropped and does not read may be listed for as long as its connection lasts. */
	#all(): WebSocket[] {
		return this.#ctx.getWebSockets(tag).filter(({ readyState }) => readyState === WebSocket.OPEN);
	}

	#part(socket: WebSocket, end: LogEnd): void {
		this.#sendText(socket, JSON.stringify(end));
		if (socket.readyState === WebSocket.OPEN) socket.close(doneCloseCode, "the log has ended");
	}

	#drop(socket: WebSocket): void {
		this.#fed.delete(socket);
		socket.close(slowReaderCloseCode, "too far behind: come back by offset");
	}

	#stopTimer(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = null;
	}

	/** The first of those behind wakes the pump, which gives it a frame at once. */
	#feed(socket: WebSocket): void {
		this.#fed.add(socket);
		if (this.#isPumping) return;
		this.#isPumping = true;
		this.#ctx.waitUntil(this.#pump());
	}

	/** One loop for all, so that a thousand viewers behind are one timer. In turn: each goes to the end once it had a frame. */
	async #pump(): Promise<void> {
		for (;;) {
			const log = this.#log();
			const allowed = backlogAllowed(this.#fed.size);
			let units = 0;
			for (const socket of [...this.#fed]) {
				if (units >= pumpUnitsMax) break;
				if (this.#isStalled(socket, allowed)) continue;
				this.#fed.delete(socket);
				const sent = log === null ? 0 : this.#advanceAllowed(log, socket, allowed);
				// The last look at the log and the end of feeding are one step, so no byte falls between the two.
				if (sent > 0) this.#fed.add(socket);
				else if (log?.farewell) this.#part(socket, log.farewell);
				units += sent;
			}
			if (this.#fed.size === 0) break;
			await scheduler.wait(units > 0 ? feedPauseMs : stalledPauseMs);
		}
		this.#isPumping = false;
		this.#frames.clear();
	}

	/** Has not taken enough to be sent more. One that takes nothing at all for a while is dropped here. */
	#isStalled(socket: WebSocket, allowed: number): boolean {
		const backlog = backlogOf(socket);
		if (backlog <= allowed || socket.readyState !== WebSocket.OPEN) {
			this.#stalls.delete(socket);
			return false;
		}
		const now = Date.now();
		const stall = this.#stalls.get(socket);
		if (stall === undefined || backlog < stall.backlog) this.#stalls.set(socket, { since: now, backlog });
		else if (now - stall.since >= stalledMs) this.#drop(socket);
		return true;
	}

	/** How much was sent; 0 when there is nothing to send, or nobody to send it to. */
	#advance(log: WatchedLog, socket: WebSocket): number {
		const frame = this.#frameAt(log, this.#place(socket));
		return frame !== null && this.#send(socket, frame) ? frame.text.length : 0;
	}

	/** As much as may wait for it, some frames at a time; where nobody can tell what does, one. */
	#advanceAllowed(log: WatchedLog, socket: WebSocket, allowed: number): number {
		let units = 0;
		for (let frames = 0; frames < framesAtOnce; frames++) {
			const sent = this.#advance(log, socket);
			units += sent;
			const backlog = backlogOf(socket);
			if (sent === 0 || backlog === 0 || backlog > allowed) break;
		}
		return units;
	}

	/** A full frame stays what it is when the log grows, so it may be given to the next one too. */
	#frameAt(log: WatchedLog, at: number): Sendable | null {
		const known = this.#frames.get(at);
		if (known) return known;
		const to = Math.min(at + logFrameBytesMax, log.length);
		if (to <= at) return null;
		const bytes = log.read(at, to);
		const frame = cutFrame(bytes, log.ended && to === log.length);
		if (frame === null) return null;
		const sendable = { next: at + frame.size, text: JSON.stringify(outputMessage(at, frame, bytes)) };
		if (this.#isPumping && to - at === logFrameBytesMax) this.#keep(at, sendable);
		return sendable;
	}

	#keep(at: number, frame: Sendable): void {
		const [oldest] = this.#frames.keys();
		if (this.#frames.size >= framesKept && oldest !== undefined) this.#frames.delete(oldest);
		this.#frames.set(at, frame);
	}

	#send(socket: WebSocket, { next, text }: Sendable): boolean {
		this.#reach(socket, next);
		return this.#sendText(socket, text);
	}

	#sendText(socket: WebSocket, text: string): boolean {
		try {
			socket.send(text);
			return true;
		} catch {
			// It was closed from the other side; its close event is on the way.
			return false;
		}
	}

	#place(socket: WebSocket): number {
		return this.#places.get(socket) ?? (socket.deserializeAttachment() as Attachment).next;
	}

	#reach(socket: WebSocket, next: number): void {
		this.#places.set(socket, next);
		socket.serializeAttachment({ next } satisfies Attachment);
	}
}
