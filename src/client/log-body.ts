// The body of a log, or of a range of it, and how one that breaks off is taken up.
import { outageFrom } from "./call-failure.ts";
import { jitteredMs } from "./retryable.ts";
import type { Transport } from "./transport.ts";

export interface LogRange {
	/** Offsets [from, to); `to` absent: to the end. */
	from?: number;
	to?: number;
	/** Only the last lines. Not together with a range. */
	tail?: number;
	timestamps?: boolean;
}

export interface LogSlice {
	/** Offset of the first byte, and how long the log is now; null when the server did not say. */
	from: number;
	length: number | null;
	body: ReadableStream<Uint8Array>;
}

/** Breaks in a row, without a byte between, after which a body is not taken up again. */
const breaksMax = 5;

/**
 * The bytes of `range`, by as many answers as it takes. A tail, and lines with their times, cannot be taken up: their bytes are no
 * offsets of the log. Throws an `Outage` where it breaks for good.
 */
export async function* wholeBody(
	{ url, policy }: Transport,
	range: LogRange,
	open: (range: LogRange) => Promise<LogSlice>,
): AsyncGenerator<Uint8Array, void> {
	const canResume = range.tail === undefined && !range.timestamps;
	let at = range.from ?? 0;
	for (let breaks = 0; ; ) {
		// As it was asked for while nothing has come: only a range that begins somewhere says so.
		const { body } = await open(at === (range.from ?? 0) ? range : { ...range, from: at });
		try {
			for await (const chunk of body) {
				at += chunk.length;
				breaks = 0;
				yield chunk;
			}
			return;
		} catch (thrown) {
			breaks++;
			if (!canResume || breaks > breaksMax) throw outageFrom(thrown, url);
			await policy.sleep(jitteredMs(breaks, policy), null);
		}
	}
}

/** Where the body of an answer stands in the log. */
export function placeOf(headers: Headers): { from: number; length: number | null } {
	const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "");
	if (match) return { from: Number(match[1]), length: Number(match[2]) };
	const length = headers.get("content-length");
	return { from: 0, length: length === null ? null : Number(length) };
}

export function emptyStream(): ReadableStream<Uint8Array> {
	return new ReadableStream({ start: (controller) => controller.close() });
}
