// The feed of a log, runner to server, as an alternative to appends over HTTP: binary frames, each an offset (8 bytes, highest
// first) and the bytes that begin there; answered by acknowledgements. Both ways follow the same rules, so a runner may change
// from one to the other in mid-job.
import { z } from "@hono/zod-openapi";
import type { LeaseState } from "./runner.ts";

const offsetBytes = 8;

/**
 * The log has `length` bytes for good. Also sent without being asked, when the interval wanted or the lease's state changes;
 * after a gap it goes back to where the log ends.
 */
export const feedAcknowledgement = z
	.object({
		type: z.literal("ack"),
		length: z.int(),
		intervalSeconds: z.number(),
		lease: z.enum(["ok", "canceling", "lost"]),
	})
	.openapi("FeedAcknowledgement");
export type FeedAcknowledgement = z.infer<typeof feedAcknowledgement>;

export function acknowledgement(length: number, intervalSeconds: number, lease: LeaseState): FeedAcknowledgement {
	return { type: "ack", length, intervalSeconds, lease };
}

/** Null for what is no frame: too short, or an offset beyond 2^53. */
export function readFrame(frame: Uint8Array): { offset: number; bytes: Uint8Array } | null {
	if (frame.length < offsetBytes) return null;
	const offset = Number(new DataView(frame.buffer, frame.byteOffset).getBigUint64(0));
	return Number.isSafeInteger(offset) ? { offset, bytes: frame.subarray(offsetBytes) } : null;
}

export function writeFrame(offset: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	const frame = new Uint8Array(offsetBytes + bytes.length);
	new DataView(frame.buffer).setBigUint64(0, BigInt(offset));
	frame.set(bytes, offsetBytes);
	return frame;
}
