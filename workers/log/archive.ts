// Sealed logs in R2. One object per attempt: blocks of `logBlockBytes` raw bytes, each a gzip member of its own, then an
// empty member whose extra field holds the blocks' compressed sizes. So `gunzip` of the whole gives the whole log, and a
// reader of a part needs the object's end and the blocks that the part touches, never more than two reads.
import type { SealedLog } from "../../src/operations/ports.ts";
import { logObjectName, readLogObjectName } from "../../src/contracts/wire/object-name.ts";
import type { LogName } from "../../src/contracts/wire/object-name.ts";
import type { LogRecord } from "../../src/domain/job/job.ts";
import { logBlockBytes } from "../../src/domain/limits.ts";
import { assert } from "../../src/domain/refusal.ts";
import { timesBetween } from "../../src/domain/log/log-time.ts";
import type { LogChunk } from "../../src/domain/log/log-time.ts";
import { openCached } from "./archive-cache.ts";
import type { EdgeCache, Opened } from "./archive-cache.ts";
import { blockTimes, unpackBlock } from "../../src/engine/log/log-block.ts";
import type { Archived, LogParts, Sealing } from "../../src/engine/log/log-ports.ts";
import { Outage } from "../../src/contracts/wire/outage.ts";

/** Read with the metadata at every opening: holds the index of the largest log (1 GiB: 4,096 blocks), and most logs whole. */
const endBytes = 32 * 1_024;
/** Before the sizes: gzip header with FEXTRA, length of the field, its name `SW`, length of its value. */
const indexHeadBytes = 16;
/** After them: an empty deflate block, a CRC and a length of 0. */
const indexFoot = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

type ReadBucket = Pick<R2Bucket, "get">;

export const logsPrefix = "logs/";

export function archiveKey(name: LogName): string {
	return logsPrefix + logObjectName(name);
}

export function readArchiveKey(key: string): LogName {
	return readLogObjectName(key.slice(logsPrefix.length));
}

/** False when there was an archive before: nothing is ever written over. Holds one block in memory at a time. */
export async function putLog(bucket: R2Bucket, name: LogName, log: Sealing): Promise<boolean> {
	const { record, outcome, expiresAt, parts } = log;
	const index = indexMember(parts.sizes);
	const size = parts.sizes.reduce((sum, part) => sum + part, index.length);
	const { readable, writable } = new FixedLengthStream(size);
	const put = bucket.put(archiveKey(name), readable, {
		onlyIf: { etagDoesNotMatch: "*" },
		httpMetadata: { contentType: "application/gzip" },
		customMetadata: {
			state: record.state,
			length: String(record.length),
			sha256: record.sha256 ?? "",
			outcome: outcome ?? "",
			missing: JSON.stringify(record.missing),
			blocks: String(parts.sizes.length),
			...(expiresAt === null ? {} : { expiresAt: String(expiresAt) }),
		},
	});
	// A put that ends without reading the stream would leave the writer waiting for ever.
	const writer = writable.getWriter();
	const written = writeParts(writer, parts, index).catch(() => undefined);
	try {
		return (await put) !== null;
	} finally {
		await writer.abort().catch(() => undefined);
		await written;
	}
}

async function writeParts(
	writer: WritableStreamDefaultWriter<Uint8Array>,
	parts: LogParts,
	index: Uint8Array,
): Promise<void> {
	for (let number = 0; number < parts.sizes.length; number++) await writer.write(parts.part(number));
	await writer.write(index);
	await writer.close();
}

/** What the archive says of a log; null when it has none. */
export async function headLog(bucket: R2Bucket, name: LogName): Promise<Archived | null> {
	const object = await bucket.head(archiveKey(name)).catch(outage);
	return object && describe(object);
}

/** One R2 read, unless the edge has it; a second when bytes are read that are not in the object's last 32 KiB. */
export async function sealedLogOf(bucket: ReadBucket, name: LogName, edge?: EdgeCache): Promise<SealedLog | null> {
	const key = archiveKey(name);
	const opened = await (edge ? openCached(edge, key, () => openEnd(bucket, key)) : openEnd(bucket, key));
	if (opened === null) return null;
	const { size, customMetadata, end } = opened;
	const { record, outcome } = describe(opened);
	const starts = readIndex(end, size, Number(customMetadata.blocks));
	const open = async (from: number, to: number) => {
		const held = size - end.length;
		if (from >= held) return end.subarray(from - held, to - held);
		const part = await bucket.get(key, { range: { offset: from, length: to - from } }).catch(outage);
		assert(part, "an archive is not deleted while it is read");
		return part.body;
	};
	const length = record.length ?? 0;
	return {
		record,
		length,
		outcome,
		chunks: (from, to) => unpack({ from, to: Math.min(to, length) }, starts, open),
	};
}

async function openEnd(bucket: ReadBucket, key: string): Promise<Opened | null> {
	const object = await bucket.get(key, { range: { suffix: endBytes } }).catch(outage);
	if (object === null) return null;
	const { size, customMetadata = {} } = object;
	return { size, customMetadata, end: await object.bytes().catch(outage) };
}

type OpenPart = (from: number, to: number) => Promise<Uint8Array | ReadableStream<Uint8Array>>;

/** Nothing is read before the first chunk is asked for, and one block at a time is in memory. */
async function* unpack(
	{ from, to }: { from: number; to: number },
	starts: number[],
	open: OpenPart,
): AsyncGenerator<LogChunk, void> {
	const first = Math.floor(from / logBlockBytes);
	const after = Math.ceil(to / logBlockBytes);
	if (from >= to) return;
	const packed = new Packed(await open(start(first), start(after)));
	try {
		for (let number = first; number < after; number++) {
			const base = number * logBlockBytes;
			const block = await packed.take(start(number + 1) - start(number));
			const [begin, end] = [Math.max(from, base), Math.min(to, base + logBlockBytes)];
			const bytes = unpackBlock(block).subarray(begin - base, end - base);
			yield { bytes, times: timesBetween(blockTimes(block, base), begin, end) };
		}
	} finally {
		await packed.cancel();
	}

	function start(block: number): number {
		const at = starts[block];
		assert(at !== undefined, "the index covers the log");
		return at;
	}
}

/** Bytes that come in chunks of any size and are wanted in pieces of given sizes. */
class Packed {
	#reader: ReadableStreamDefaultReader<Uint8Array> | null;
	#held: Uint8Array;

	constructor(source: Uint8Array | ReadableStream<Uint8Array>) {
		this.#reader = source instanceof Uint8Array ? null : source.getReader();
		this.#held = source instanceof Uint8Array ? source : new Uint8Array(0);
	}

	async take(size: number): Promise<Uint8Array> {
		const chunks = [this.#held];
		let have = this.#held.length;
		while (have < size) {
			const { value } = (await this.#reader?.read()) ?? { value: undefined };
			assert(value, "an archive is as long as its index says");
			chunks.push(value);
			have += value.length;
		}
		const bytes = chunks.length === 1 ? this.#held : concat(chunks, have);
		this.#held = bytes.subarray(size);
		return bytes.subarray(0, size);
	}

	async cancel(): Promise<void> {
		await this.#reader?.cancel();
	}
}

function concat(chunks: Uint8Array[], length: number): Uint8Array {
	const bytes = new Uint8Array(length);
	let at = 0;
	for (const chunk of chunks) {
		bytes.set(chunk, at);
		at += chunk.length;
	}
	return bytes;
}

function outage(cause: unknown): never {
	throw new Outage("the archive did not answer", { cause });
}

export function describe({ customMetadata }: { customMetadata?: Record<string, string> }): Archived {
	const { state, length, sha256, outcome, missing, expiresAt } = customMetadata ?? {};
	return {
		record: {
			state: state as LogRecord["state"],
			length: Number(length),
			sha256: sha256 || null,
			missing: JSON.parse(missing ?? "[]"),
			...(expiresAt === undefined ? {} : { expiresAt: Number(expiresAt) }),
		},
		outcome: outcome || null,
	};
}

/** RFC 1952, with the sizes as 32-bit numbers, lowest byte first. */
function indexMember(sizes: number[]): Uint8Array {
	const value = sizes.length * 4;
	const member = new Uint8Array(indexHeadBytes + value + indexFoot.length);
	const view = new DataView(member.buffer);
	member.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff]);
	view.setUint16(10, value + 4, true);
	member.set([0x53, 0x57], 12);
	view.setUint16(14, value, true);
	sizes.forEach((size, at) => view.setUint32(indexHeadBytes + at * 4, size, true));
	member.set(indexFoot, indexHeadBytes + value);
	return member;
}

/** Where each block starts in the object, and at last where the index does. */
function readIndex(end: Uint8Array, objectSize: number, blocks: number): number[] {
	const at = end.length - indexFoot.length - blocks * 4;
	assert(at >= indexHeadBytes && end[at - 4] === 0x53 && end[at - 3] === 0x57, "an archive ends with its index");
	const view = new DataView(end.buffer, end.byteOffset + at, blocks * 4);
	const starts = [0];
	let sum = 0;
	for (let block = 0; block < blocks; block++) {
		sum += view.getUint32(block * 4, true);
		starts.push(sum);
	}
	assert(sum === objectSize - (end.length - at) - indexHeadBytes, "an archive is as long as its index says");
	return starts;
}
