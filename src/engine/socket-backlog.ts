// What a WebSocket still has to send. Only newer runtimes tell (workerd from 17 November 2026 on, cloudflare/workerd#8479);
// where they do not, 0: then a socket is paced, and one that nobody reads is paid for with memory.
import { slowReaderCloseCode } from "../contracts/wire/sockets/close-code.ts";
import type { World } from "./ports.ts";
import { closeWhereOpen, isOpen, sendWhereOpen } from "./sockets.ts";
import type { HeldSocket } from "./sockets.ts";

/** Output may wait for one reader; beyond it the reader gets no more until it has taken some. */
const backlogMax = 256 * 1024;
/** For all readers of one sender together, as long as each may have a message of the largest size. */
const backlogAllMax = 64 * 1024 * 1024;
const backlogMin = 64 * 1024;
/** A small message is sent whatever waits, until that is more than any state of a run: then nobody is reading. */
const unreadMax = 8 * 1024 * 1024;
/** Whoever takes nothing for so long, while there is more for it, does not read: it is dropped and comes back by its place. */
export const stalledMs = 10_000;
/** Between two looks at who has not taken enough. */
export const stalledPauseMs = 50;

/** In bytes. */
export function backlogOf(socket: HeldSocket): number {
	return socket.bufferedAmount ?? 0;
}

/** How much may wait for each of so many readers. */
export function backlogAllowed(readers: number): number {
	return Math.max(backlogMin, Math.min(backlogMax, Math.floor(backlogAllMax / Math.max(readers, 1))));
}

/** Resolves when the only reader of something has taken enough to be sent more; to false when it takes nothing. */
export async function untilTaken(socket: HeldSocket, world: Pick<World, "now" | "wait">): Promise<boolean> {
	const allowed = backlogAllowed(1);
	let stall = { since: world.now(), backlog: Number.POSITIVE_INFINITY };
	for (;;) {
		const backlog = backlogOf(socket);
		const now = world.now();
		if (backlog <= allowed || !isOpen(socket)) return true;
		if (backlog < stall.backlog) stall = { since: now, backlog };
		if (now - stall.since >= stalledMs) return false;
		await world.wait(stalledPauseMs).done;
	}
}

/** For messages that are few and small. Who has not read a great many of them is dropped. */
export function sendOrDrop(socket: HeldSocket, message: string): void {
	if (backlogOf(socket) > unreadMax) closeWhereOpen(socket, slowReaderCloseCode, "too slow: come back by place");
	else sendWhereOpen(socket, message);
}
