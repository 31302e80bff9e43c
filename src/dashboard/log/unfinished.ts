// Bytes of a log come as they were read from a pipe: a character may be divided between two of them.

/** How many bytes at the end are the beginning of a character in UTF-8 that is not whole. */
export function unfinishedBytes(bytes: Uint8Array): number {
	for (let back = 1; back <= Math.min(3, bytes.length); back++) {
		const byte = bytes[bytes.length - back] ?? 0;
		if (byte >= 0x80 && byte < 0xc0) continue;
		const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
		return wanted > back ? back : 0;
	}
	return 0;
}
