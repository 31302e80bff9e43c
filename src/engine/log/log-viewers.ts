// The viewers of a log: sockets, each with the offset that it has reached in its attachment, so that an object that slept knows as
// much as before. Fresh bytes go to all viewers from memory; a viewer that is behind catches up from storage, at its own pace.
import { outputMessage } from "../../contracts/wire/log-output.ts";
import type { LogEnd } from "../../contracts/http/streams/log-stream.ts";
import { doneCloseCode, slowReaderCloseCode } from "../../contracts/wire/sockets/close-code.ts";
import { logFrameBytesMax } from "../../domain/limits.ts";
import { frameIntervalMs } from "../../domain/log/log-demand.ts";
import { cutFrame } from "../../domain/log/log-frame.ts";
import type { AcceptSocket, HeldSocket, HeldSockets } from "../sockets.ts";
import { isOpen, sendWhereOpen } from "../sockets.ts";
import type { World } from "../ports.ts";
import { limitOf } from "../../domain/limit/limit-table.ts";
import type { LogOutside } from "./log-ports.ts";
import { backlogAllowed, backlogOf, stalledMs, stalledPauseMs } from "../socket-backlog.ts";

/** Sockets of one log. A fan-out takes some 40 µs a socket. */
export const logViewersMax = limitOf("log-viewers");
const tag = "viewer";
/**
 * Between two rounds for viewers that are behind: 64 KiB to 256 KiB each 5 ms are 12 to 50 MiB/s for one viewer, and 400 MB/s for
 * all together, more than the runtime moves. A round passes over a viewer that has not taken what it was sent before.
 */
const pumpPauseMs = 5;
const pumpUnitsMax = 2 * 1024 * 1024;
/**
 * Frames sent to all in one go: a burst of up to 256 KiB costs one frame and one send each, where to let each viewer catch up by
 * itself would cost a frame for each viewer. At 40 goes a second that is 10 MiB/s.
 */
const framesAtOnce = 4;
/** Full frames remembered while viewers catch up, 64 KiB each: a viewer just behind another one gets the same frames. */
const framesKept = 16;
/** How far behind the end a viewer may be when the log ends; beyond it the viewer comes back by offset, to the archive. */
const farewellBytesMax = 1024 * 1024;

export interface WatchedLog {
	length: number;
	/** Nothing will be added. */
	ended: boolean;
	/** The end that each viewer which has all of the log gets before the log is sealed. */
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

interface ViewerPorts {
	world: Pick<World, "now" | "wait">;
	sockets: HeldSockets;
	outside: Pick<LogOutside, "later">;
}

export class LogViewers {
	readonly #world: ViewerPorts["world"];
	readonly #sockets: HeldSockets;
	readonly #later: (work: Promise<unknown>) => void;
	readonly #log: () => WatchedLog | null;
	/** Viewers that are behind and catch up, the next one first. */
	readonly #behind = new Set<HeldSocket>();
	/** Since when a viewer that is behind has taken nothing of what it was sent, and how much that is. */
	readonly #stalls = new WeakMap<HeldSocket, { since: number; backlog: number }>();
	#isPumping = false;
	/** What the attachments say, without reading them. */
	readonly #places = new WeakMap<HeldSocket, number>();
	readonly #frames = new Map<number, Sendable>();
	#flushing: { cancel(): void } | null = null;
	#flushedAt = 0;

	constructor({ world, sockets, outside }: ViewerPorts, log: () => WatchedLog | null) {
		this.#world = world;
		this.#sockets = sockets;
		this.#later = (work) => outside.later(work);
		this.#log = log;
	}

	/** Without the one that is just leaving: the runtime may still list it. */
	count(leaving: HeldSocket | null = null): number {
		return this.#all().filter((socket) => socket !== leaving).length;
	}

	accept(accept: AcceptSocket, from: number, tags: readonly string[] = []): void {
		const socket = accept([tag, ...tags]);
		this.#reach(socket, from);
		this.#catchUp(socket);
	}

	/** There are new bytes: viewers get them now, or when the interval between two frames is over. */
	flushSoon(): void {
		const viewers = this.#flushing === null ? this.count() : 0;
		if (viewers === 0) return;
		const waitMs = this.#flushedAt + frameIntervalMs(viewers) - this.#world.now();
		if (waitMs <= 0) {
			this.flush();
			return;
		}
		const { done, cancel } = this.#world.wait(waitMs);
		this.#flushing = { cancel };
		void done.then(() => this.flush());
	}

	/**
	 * Viewers that stand at one place share their frames. A viewer that is not at the end after some frames, or has not taken them,
	 * catches up by itself.
	 */
	flush(): void {
		this.#stopTimer();
		this.#flushedAt = this.#world.now();
		const log = this.#log();
		if (log === null) return;
		const shared = new Map<number, Sendable[]>();
		const sockets = this.#all();
		const allowed = backlogAllowed(sockets.length);
		for (const socket of sockets) {
			if (this.#behind.has(socket)) continue;
			const at = this.#place(socket);
			const frames = shared.get(at) ?? this.#framesFrom(log, at);
			shared.set(at, frames);
			const taken = frames.findIndex(({ text }) => backlogOf(socket) > allowed || !sendWhereOpen(socket, text));
			const last = taken === -1 ? frames.at(-1) : frames[taken - 1];
			if (last !== undefined) this.#reach(socket, last.next);
			const isBehind = taken !== -1 || frames.length === framesAtOnce;
			if (isBehind && this.#place(socket) < log.length) this.#catchUp(socket);
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

	/** The log has a farewell: each viewer gets the rest and then the farewell, at its own pace. */
	finish(): void {
		for (const socket of this.#all()) this.#catchUp(socket);
	}

	/** Everything, then `end`, then the close: in one go, so that nothing of the log need be here afterwards. */
	end(end: LogEnd): void {
		this.#stopTimer();
		const log = this.#log();
		for (const socket of this.#all()) {
			if (!isOpen(socket)) continue;
			if (log !== null && log.length - this.#place(socket) > farewellBytesMax) {
				this.#drop(socket);
				continue;
			}
			while (log !== null && this.#advance(log, socket) > 0);
			this.#part(socket, end);
		}
		this.#behind.clear();
	}

	/** A viewer that was dropped and does not read may be listed for as long as its connection lasts. */
	#all(): HeldSocket[] {
		return this.#sockets.getWebSockets(tag).filter(isOpen);
	}

	#part(socket: HeldSocket, end: LogEnd): void {
		sendWhereOpen(socket, JSON.stringify(end));
		if (isOpen(socket)) socket.close(doneCloseCode, "the log has ended");
	}

	#drop(socket: HeldSocket): void {
		this.#behind.delete(socket);
		socket.close(slowReaderCloseCode, "too far behind: come back by offset");
	}

	#stopTimer(): void {
		this.#flushing?.cancel();
		this.#flushing = null;
	}

	/** The first viewer that is behind wakes the pump, which gives it a frame at once. */
	#catchUp(socket: HeldSocket): void {
		this.#behind.add(socket);
		if (this.#isPumping) return;
		this.#isPumping = true;
		this.#later(this.#pump());
	}

	/** One loop for all, so that a thousand viewers behind are one timer. After each frame a viewer moves to the back of the line. */
	async #pump(): Promise<void> {
		for (;;) {
			const log = this.#log();
			const allowed = backlogAllowed(this.#behind.size);
			let units = 0;
			for (const socket of [...this.#behind]) {
				if (units >= pumpUnitsMax) break;
				if (this.#isStalled(socket, allowed)) continue;
				this.#behind.delete(socket);
				const sent = log === null ? 0 : this.#advanceAllowed(log, socket, allowed);
				// The last look at the log and the end of catching up are one step, so no byte falls between the two.
				if (sent > 0) this.#behind.add(socket);
				else if (log?.farewell) this.#part(socket, log.farewell);
				units += sent;
			}
			if (this.#behind.size === 0) break;
			await this.#world.wait(units > 0 ? pumpPauseMs : stalledPauseMs).done;
		}
		this.#isPumping = false;
		this.#frames.clear();
	}

	/** Has not taken enough to be sent more. One that takes nothing at all for a while is dropped here. */
	#isStalled(socket: HeldSocket, allowed: number): boolean {
		const backlog = backlogOf(socket);
		if (backlog <= allowed || !isOpen(socket)) {
			this.#stalls.delete(socket);
			return false;
		}
		const now = this.#world.now();
		const stall = this.#stalls.get(socket);
		if (stall === undefined || backlog < stall.backlog) this.#stalls.set(socket, { since: now, backlog });
		else if (now - stall.since >= stalledMs) this.#drop(socket);
		return true;
	}

	/** How much was sent; 0 when there is nothing to send, or nobody to send it to. */
	#advance(log: WatchedLog, socket: HeldSocket): number {
		const frame = this.#frameAt(log, this.#place(socket));
		return frame !== null && this.#send(socket, frame) ? frame.text.length : 0;
	}

	/** As much as may wait for the viewer, some frames at a time; one frame where the runtime does not say what waits. */
	#advanceAllowed(log: WatchedLog, socket: HeldSocket, allowed: number): number {
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

	#send(socket: HeldSocket, { next, text }: Sendable): boolean {
		this.#reach(socket, next);
		return sendWhereOpen(socket, text);
	}

	#place(socket: HeldSocket): number {
		return this.#places.get(socket) ?? (socket.deserializeAttachment() as Attachment).next;
	}

	#reach(socket: HeldSocket, next: number): void {
		this.#places.set(socket, next);
		socket.serializeAttachment({ next } satisfies Attachment);
	}
}
