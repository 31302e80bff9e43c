// Which part of a log a request asks for: the `Range` header, and the last lines.

/** Bytes [from, to). */
export interface ByteRange {
	from: number;
	to: number;
}

/**
 * [L11] One range is answered exactly. Several, or a header that is none, are answered with the whole, as RFC 9110 allows;
 * a range that begins at or after the end is `unsatisfiable`. Digits may be any number: past the end is past the end.
 */
export function parseRange(header: string | null, length: number): ByteRange | "whole" | "unsatisfiable" {
	const match = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? "");
	if (!match || (match[1] === "" && match[2] === "")) return "whole";
	const [, first = "", last = ""] = match;
	if (first === "") {
		const count = Math.min(Number(last), length);
		return count === 0 ? "unsatisfiable" : { from: length - count, to: length };
	}
	const from = Number(first);
	if (last !== "" && Number(last) < from) return "whole";
	if (from >= length) return "unsatisfiable";
	return { from, to: last === "" ? length : Math.min(Number(last) + 1, length) };
}

/** A search for the start of the last lines, chunk by chunk from the end. */
export interface TailSearch {
	/** Line breaks still to be passed. */
	wanted: number;
	/** Everything at or after this place belongs to the tail. */
	start: number;
	done: boolean;
}

/** [L12] A line break at the very end closes the last line and begins none. */
export function tailSearch(lines: number, length: number): TailSearch {
	return { wanted: lines, start: length, done: lines === 0 || length === 0 };
}

/** `bytes` are those right before `search.start`; `length` is the log's. */
export function searchBack(search: TailSearch, bytes: Uint8Array, length: number): TailSearch {
	const base = search.start - bytes.length;
	let { wanted } = search;
	for (let at = bytes.length - 1; at >= 0; at--) {
		if (bytes[at] !== 0x0a || base + at === length - 1) continue;
		wanted--;
		if (wanted === 0) return { wanted, start: base + at + 1, done: true };
	}
	return { wanted, start: base, done: base === 0 };
}
