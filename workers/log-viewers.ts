// Who watches a log: hibernating sockets, each with the offset it has reached in its attachment, so that a woken object
// knows as much as before. Fresh bytes go to all from memory; who is further behind is fed from storage, at its own pace.
import { outputMessage } from "../src/contracts/log-stream.ts";
import type { LogEnd } from "../src/contracts/log-stream.ts";
import { slowViewerCloseCode } from "../src/contracts/log-stream.ts";
import { logFrameBytesMax } from "../src/domain/limits.ts";
import { frameIntervalMs } from "../src/domain/log-demand.ts";
import { cutFrame } from "../src/domain/log-frame.ts";

/** Sockets of one log; beyond it 503. A fan-out takes some 40 µs a socket, so this is 200 ms of the object's one thread. */
export const logViewersMax = 5_000;
const tag = "viewer";
/**
 * Between two frames for a viewer that is behind: 64 KiB each 5 ms are 12 MiB/s. The runtime does not tell how much a socket
 * still has to send, so a viewer slower than that is paid for with this isolate's memory; the pace only bounds how fast.
 */
const feedPauseMs = 5;
/** What a viewer may still be owed at the end; one further behind comes back by offset and is served by the archive. */
const farewellBytesMax = 1024 * 1024;

export interface WatchedLog {
	length: number;
	/** Nothing will be added. */
	ended: boolean;
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

	accept(socket: WebSocket, from: number): void {
		this.#ctx.acceptWebSocket(socket, [tag]);
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

	/** Sockets that stand at one place share one frame; whoever is not at the end after it is fed. */
	flush(): void {
		this.#stopTimer();
		this.#toldAt = Date.now();
		const log = this.#log();
		if (log === null) return;
		const frames = new Map<number, Sendable | null>();
		for (const socket of this.#all()) {
			if (this.#fed.has(socket)) continue;
			const at = this.#place(socket);
			const frame = frames.get(at) ?? this.#frameAt(log, at);
			frames.set(at, frame);
			if (frame && this.#send(socket, frame) && frame.next < log.length) this.#feed(socket);
		}
	}

	/** Everything, then `end`, then the close: in one go, so that nothing of the log need be here afterwards. */
	end(end: LogEnd): void {
		this.#stopTimer();
		const log = this.#log();
		for (const socket of this.#all()) {
			if (socket.readyState !== WebSocket.OPEN) continue;
			if (log !== null && log.length - this.#place(socket) > farewellBytesMax) {
				socket.close(slowViewerCloseCode, "too far behind: come back by offset");
				continue;
			}
			while (log !== null && this.#advance(log, socket));
			this.#sendText(socket, JSON.stringify(end));
			socket.close(1_000, "the log has ended");
		}
		this.#fed.clear();
	}

	#all(): WebSocket[] {
		return this.#ctx.getWebSockets(tag);
	}

	#stopTimer(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = null;
	}

	#feed(socket: WebSocket): void {
		this.#fed.add(socket);
		this.#ctx.waitUntil(this.#feedAll(socket));
	}

	/** The last look at the log and the end of feeding are one step, so no byte falls between the two. */
	async #feedAll(socket: WebSocket): Promise<void> {
		for (
			let log = this.#log();
			log !== null && this.#fed.has(socket) && this.#advance(log, socket);
			log = this.#log()
		) {
			await scheduler.wait(feedPauseMs);
		}
		this.#fed.delete(socket);
	}

	/** False when there is nothing to send, or nobody to send it to. */
	#advance(log: WatchedLog, socket: WebSocket): boolean {
		const frame = this.#frameAt(log, this.#place(socket));
		return frame !== null && this.#send(socket, frame);
	}

	#frameAt(log: WatchedLog, at: number): Sendable | null {
		const to = Math.min(at + logFrameBytesMax, log.length);
		if (to <= at) return null;
		const bytes = log.read(at, to);
		const frame = cutFrame(bytes, log.ended && to === log.length);
		return frame && { next: at + frame.size, text: JSON.stringify(outputMessage(at, frame, bytes)) };
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
		return (socket.deserializeAttachment() as Attachment).next;
	}

	#reach(socket: WebSocket, next: number): void {
		socket.serializeAttachment({ next } satisfies Attachment);
	}
}
