// Server-sent events as a program reads them: the data of each, in order. A stream that says nothing for a while, not even that it
// is still there, is over: then a connection is dead, and nothing else would say so.
import { inTime } from "../contracts/wire/in-time.ts";
import { Outage } from "../contracts/wire/outage.ts";

/** The server sends a comment each 15 s while nothing happens. */
const silentMsMax = 40_000;

/** Ends with the stream, when it falls silent, or when `signal` is aborted. Events that have a name of their own are no data. */
export async function* eventData(
	body: ReadableStream<Uint8Array>,
	{ signal, silentMs = silentMsMax }: { signal: AbortSignal; silentMs?: number },
): AsyncGenerator<string, void> {
	const reader = body.getReader();
	const stop = () => void reader.cancel().catch(() => undefined);
	signal.addEventListener("abort", stop, { once: true });
	if (signal.aborted) stop();
	const decoder = new TextDecoder();
	let rest = "";
	try {
		for (;;) {
			const { done, value } = await inTime(reader.read(), silentMs, () => {
				throw new Outage(`the stream said nothing for ${silentMs} ms`);
			});
			if (done) return;
			// A chunk may end in the midst of a character or of an event.
			rest += decoder.decode(value, { stream: true });
			const events = rest.split("\n\n");
			rest = events.pop() ?? "";
			for (const event of events) {
				const data = dataOf(event);
				if (data !== null) yield data;
			}
		}
	} finally {
		signal.removeEventListener("abort", stop);
		stop();
	}
}

/** Null for a comment, and for an event with a name. */
function dataOf(event: string): string | null {
	const lines = event.split("\n");
	if (lines.some((line) => line.startsWith("event:"))) return null;
	const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice("data: ".length));
	return data.length === 0 ? null : data.join("\n");
}
