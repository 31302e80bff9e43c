// Server-sent events ended in the Worker: one event for each pull, so a slow reader holds up its own source and nobody else.
import { inTime } from "../../../contracts/wire/in-time.ts";
import { Buffer } from "node:buffer";
import type { StreamStanding } from "./stream-standing.ts";

/** `id` is what a client that comes back sends as `Last-Event-ID`. */
export interface StreamEvent {
	id: string;
	data: string;
}

/**
 * [Y12] How a stream ends: `complete` when nothing comes after it, which its last event says; `cut` when its source is lost, and
 * whoever watches is to come back by the last id.
 */
export type StreamEnd = "complete" | "cut";

/** Comments while nothing happens: proxies drop a connection that is silent for half a minute or so. */
const keepAliveMs = 15_000;
const complete = Buffer.from("event: complete\ndata: {}\n\n");
const keepAlive = Buffer.from(": keep-alive\n\n");

/**
 * `gone` is aborted when the reader is: whatever the events wait for must end then. A stream that may not go on says why in an
 * event of its own, `token-ended`, and ends; whoever comes back is refused with 401. One that has told all ends with `complete`.
 */
export function eventStream(
	events: AsyncGenerator<StreamEvent, StreamEnd>,
	gone: AbortController,
	standing: StreamStanding = () => null,
): Response {
	let next: Promise<IteratorResult<StreamEvent, StreamEnd>> | null = null;
	const body = new ReadableStream<Uint8Array>(
		{
			async pull(controller) {
				// A read that a keep-alive came before is still under way: to begin another would lose its event.
				next ??= events.next();
				const result = await inTime(next, keepAliveMs, () => null);
				// With each event and each keep-alive, so that a token which has ended is not served for longer than one
				// silence.
				const reason = standing();
				if (reason !== null) {
					controller.enqueue(Buffer.from(`event: token-ended\ndata: ${JSON.stringify({ detail: reason })}\n\n`));
					gone.abort();
					return controller.close();
				}
				if (result === null) return controller.enqueue(keepAlive);
				next = null;
				if (result.done) {
					if (result.value === "complete") controller.enqueue(complete);
					return controller.close();
				}
				const { id, data } = result.value;
				controller.enqueue(Buffer.from(`id: ${id}\ndata: ${data}\n\n`));
			},
			cancel() {
				gone.abort();
			},
		},
		// Nothing is read ahead of the reader: one that is slow must not fill this isolate.
		{ highWaterMark: 0 },
	);
	return new Response(body, {
		// `X-Accel-Buffering`: proxies of the nginx kind would keep events until a buffer is full.
		headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
	});
}
