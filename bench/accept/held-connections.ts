// Floods that no closed loop can make: connections that are opened, say a part of what they should, and stay. One that ends is opened
// again, as fast as the server lets go of it.
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Holding {
	url: string;
	connections: number;
	durationMs: number;
	/** What each says at its beginning; nothing comes after it. */
	begin: string;
	/** How long one is kept at most. */
	keptMs: number;
}

export interface Held {
	opened: number;
	/** First answers, by status. */
	statuses: Record<number, number>;
}

/** After one that ended at once: a server that refuses connections is not asked in a spin. */
const againMs = 10;

export async function holdConnections({ url, connections, durationMs, begin, keptMs }: Holding): Promise<Held> {
	const { hostname, port } = new URL(url);
	const held: Held = { opened: 0, statuses: {} };
	const endsAt = performance.now() + durationMs;
	const hold = async () => {
		while (performance.now() < endsAt) {
			const socket = connect({ host: hostname, port: Number(port) });
			held.opened++;
			await keep(socket, { begin, ms: Math.min(keptMs, endsAt - performance.now()) }, (status) => {
				held.statuses[status] = (held.statuses[status] ?? 0) + 1;
			});
			await sleep(againMs);
		}
	};
	await Promise.all(Array.from({ length: connections }, hold));
	return held;
}

async function keep(
	socket: Socket,
	{ begin, ms }: { begin: string; ms: number },
	answered: (status: number) => void,
): Promise<void> {
	socket.on("error", () => undefined);
	socket.write(begin);
	let isAnswered = false;
	socket.on("data", (bytes: Buffer) => {
		if (!isAnswered) answered(Number(bytes.toString("latin1", 9, 12)));
		isAnswered = true;
	});
	await Promise.race([once(socket, "close"), sleep(Math.max(0, ms), undefined, { ref: false })]);
	socket.destroy();
}
