// How large messages and batches of a queue may be, measured as the queue counts: in bytes of JSON as UTF-8.
/** A message holds 128,000 bytes, about a hundred of them the queue's own. */
export const messageBytesMax = 120_000;
/** A batch holds 100 messages and 256,000 bytes. */
export const batchMax = 100;
const batchBytesMax = 240_000;
const overheadBytes = 100;

const encoder = new TextEncoder();

/** The bytes of a value as JSON. A character is one to three of them, and a surrogate pair four. */
export function jsonBytes(value: unknown): number {
	return encoder.encode(JSON.stringify(value)).length;
}

/** How many of the first fit one batch; at least one. */
export function batchLength(bytes: readonly number[]): number {
	let sum = 0;
	let length = 0;
	for (const each of bytes.slice(0, batchMax)) {
		sum += each + overheadBytes;
		if (length > 0 && sum > batchBytesMax) break;
		length++;
	}
	return length;
}

/** All, in their order, in parts that each fit one batch. */
export function* batchesOf<T>(bodies: readonly T[]): Iterable<T[]> {
	const sizes = bodies.map(jsonBytes);
	for (let from = 0; from < bodies.length; ) {
		const to = from + batchLength(sizes.slice(from, from + batchMax));
		yield bodies.slice(from, to);
		from = to;
	}
}
