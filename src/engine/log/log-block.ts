// One block of a log as it lies in the object and in the archive: a gzip member whose extra field, which every reader of gzip
// skips, says when the bytes came. So the index of times travels with what it is about, and costs no read of its own.
import { gunzipSync, gzipSync } from "node:zlib";
import { decodeTimes, encodeTimes } from "../../domain/log/log-time.ts";
import type { LogTime } from "../../domain/log/log-time.ts";

/** Level 1 does 130 MiB/s where the usual 6 does 28, and leaves a build log a fifth larger: the object's one thread is scarcer. */
const gzipLevel = 1;
/** The fixed header, and its place for flags; in them, "an extra field follows". RFC 1952. */
const headBytes = 10;
const flagsAt = 3;
const extraFlag = 4;
/** Before the times: length of the field, its name `ST`, length of its value. */
const fieldHeadBytes = 6;

/** `base` is the offset of the block's first byte. */
export function packBlock(raw: Uint8Array, times: readonly LogTime[], base: number): Uint8Array {
	const packed = gzipSync(raw, { level: gzipLevel });
	const value = encodeTimes(times, base);
	const block = new Uint8Array(packed.length + fieldHeadBytes + value.length);
	const view = new DataView(block.buffer);
	block.set(packed.subarray(0, headBytes));
	block[flagsAt] = extraFlag;
	view.setUint16(headBytes, value.length + 4, true);
	block.set([0x53, 0x54], headBytes + 2);
	view.setUint16(headBytes + 4, value.length, true);
	block.set(value, headBytes + fieldHeadBytes);
	block.set(packed.subarray(headBytes), headBytes + fieldHeadBytes + value.length);
	return block;
}

export function unpackBlock(block: Uint8Array): Uint8Array {
	return gunzipSync(block);
}

/** Empty for a block that was written before there were times. */
export function blockTimes(block: Uint8Array, base: number): LogTime[] {
	if (((block[flagsAt] ?? 0) & extraFlag) === 0 || block[headBytes + 2] !== 0x53 || block[headBytes + 3] !== 0x54)
		return [];
	const size = new DataView(block.buffer, block.byteOffset).getUint16(headBytes + 4, true);
	const from = headBytes + fieldHeadBytes;
	return decodeTimes(block.subarray(from, from + size), base);
}
