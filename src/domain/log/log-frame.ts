// Where a log's bytes may be cut so that a viewer sees whole characters and can still rebuild every byte.

/** The first `size` bytes make one message; `text` is null when they are not UTF-8. */
export interface Frame {
	size: number;
	text: string | null;
}

// `ignoreBOM` keeps a byte order mark in the text: without it the viewer would lose three bytes.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * [L10] The next message from `bytes`, or null when there is nothing to send yet: a character whose last bytes are not
 * here is held back. `ended` says that they never will be; then they are sent as they are. A viewer that begins inside a
 * character gets the rest of it by itself, so that what follows is text.
 */
export function cutFrame(bytes: Uint8Array, ended: boolean): Frame | null {
	if (bytes.length === 0) return null;
	const stray = strayBytes(bytes);
	if (stray > 0) return { size: stray, text: null };
	const size = bytes.length - openBytes(bytes);
	if (size === 0) return ended ? { size: bytes.length, text: null } : null;
	return { size, text: textOf(bytes.subarray(0, size)) };
}

function textOf(bytes: Uint8Array): string | null {
	try {
		return strict.decode(bytes);
	} catch {
		return null;
	}
}

/** Bytes at the front that belong to a character before; a character has at most three such. */
function strayBytes(bytes: Uint8Array): number {
	let count = 0;
	while (count < 3 && isContinuation(bytes[count])) count++;
	return count;
}

/** Bytes at the end of a character that is not whole yet. */
function openBytes(bytes: Uint8Array): number {
	for (let back = 1; back <= Math.min(3, bytes.length); back++) {
		const byte = bytes[bytes.length - back];
		if (!isContinuation(byte)) return widthOf(byte ?? 0) > back ? back : 0;
	}
	return 0;
}

function isContinuation(byte: number | undefined): boolean {
	return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** How many bytes the character has that begins with `lead`; 1 for what begins none, so that it is never waited for. */
function widthOf(lead: number): number {
	if (lead < 0xc2 || lead > 0xf4) return 1;
	if (lead < 0xe0) return 2;
	return lead < 0xf0 ? 3 : 4;
}
