// Many viewers of one log, in one process. Answers its parent when all are connected, and when each has got all lines.
import { once } from "node:events";
import { WebSocket } from "./logs-socket.ts";
import type { Heard, WatchCall } from "./logs-audience.ts";
import { now, sentAt } from "./logs-line.ts";
import { percentile } from "../percentile.ts";

/** Sockets opened at a time: a server's queue of new connections is no part of what is measured. */
const openAtOnce = 50;

/** A line that is lost must end the bench, and not hold it for ever. */
const hearMsMax = 120_000;

const latencies: number[] = [];
const received: number[] = [];
let firstSentAt = Number.POSITIVE_INFINITY;
let lastHeardAt = 0;
let wanted = Number.POSITIVE_INFINITY;
let done: () => void = () => {};

process.on("message", (question: { watch?: WatchCall; hear?: number }) => {
	const work = question.watch ? watch(question.watch) : hear(question.hear ?? 0);
	work.then(
		(answer) => process.send?.({ answer }),
		(error: unknown) => process.send?.({ error: String(error) }),
	);
});
process.on("disconnect", () => process.exit());
process.on("SIGINT", () => {});

async function watch({ url, token, viewers }: WatchCall): Promise<null> {
	for (let from = 0; from < viewers; from += openAtOnce) {
		const opening = Array.from({ length: Math.min(openAtOnce, viewers - from) }, async (_, at) => {
			const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
			received[from + at] = 0;
			socket.on("message", (data) => take(from + at, String(data)));
			await once(socket, "open");
			socket.on("error", () => {});
		});
		await Promise.all(opening);
	}
	return null;
}

function take(viewer: number, text: string): void {
	const at = now();
	for (const sent of sentAt(text)) {
		latencies.push(at - sent);
		firstSentAt = Math.min(firstSentAt, sent);
		received[viewer] = (received[viewer] ?? 0) + 1;
	}
	lastHeardAt = at;
	if (received[viewer] === wanted) check();
}

function missing(): string {
	const behind = received.filter((count) => count < wanted);
	return `${behind.length} of ${received.length} viewers have less, the last ${Math.min(...behind)}`;
}

function check(): void {
	if (received.every((count) => count >= wanted)) done();
}

async function hear(lines: number): Promise<Heard> {
	wanted = lines;
	await new Promise<void>((resolve, reject) => {
		done = resolve;
		setTimeout(
			() => reject(new Error(`${lines} lines did not come in ${hearMsMax / 1_000} s: ${missing()}`)),
			hearMsMax,
		).unref();
		check();
	});
	latencies.sort((a, b) => a - b);
	return {
		p50Ms: percentile(latencies, 0.5),
		p99Ms: percentile(latencies, 0.99),
		elapsedMs: lastHeardAt - firstSentAt,
	};
}
