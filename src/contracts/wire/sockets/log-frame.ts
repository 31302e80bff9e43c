// The frames of an upload socket, runner to server: binary, each an offset (8 bytes, highest first) and the bytes that begin there.
// Client and object write and read them here; the acknowledgement's shape is in `http/streams/upload-acknowledgement.ts`.
import type { UploadAcknowledgement } from "../../http/streams/upload-acknowledgement.ts";
import type { LeaseState } from "../../http/runner.ts";

const offsetBytes = 8;

export function acknowledgement(length: number, intervalSeconds: number, lease: LeaseState): UploadAcknowledgement {
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
