// When a log's bytes came: an index from offset to instant that is much smaller than what it is about, and never lies by more
// than a tenth of a second while the log is young.
import type { Millis } from "../ids.ts";

/** From `offset` on, until the next entry's, the bytes came at `at`. Both grow from entry to entry. */
export interface LogTime {
	offset: number;
	at: Millis;
}

/** Bytes of a log, and when they came; the index begins at the first of them, unless nobody knows. */
export interface LogChunk {
	bytes: Uint8Array;
	times: LogTime[];
}

/** Finer than an eye can see, and a job that prints all the time adds ten entries of some four bytes a second. */
export const logTimeStepMs = 100;
/**
 * Entries kept of one block: 100 s of steady output. A block that takes longer loses every second one, again and again, so
 * the instants of a slow log are coarser; its archive grows by 4 KB a block at most.
 */
export const logTimesMax = 1_024;

/** The index with bytes at `offset` that came at `now`. A clock that goes back stands still. */
export function addTime(times: readonly LogTime[], offset: number, now: Millis): readonly LogTime[] {
	const last = times.at(-1);
	if (last && now - last.at < logTimeStepMs) return times;
	const kept = times.length < logTimesMax ? times : times.filter((_, index) => index % 2 === 0);
	return [...kept, { offset, at: now }];
}

/** The part of the index about bytes [from, to), beginning at `from` itself. */
export function timesBetween(times: readonly LogTime[], from: number, to: number): LogTime[] {
	const at = timeAt(times, from);
	const inside = times.filter(({ offset }) => offset > from && offset < to);
	return at === null ? inside : [{ offset: from, at }, ...inside];
}

/** Null before the first entry. */
export function timeAt(times: readonly LogTime[], offset: number): Millis | null {
	let [low, high] = [0, times.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((times[middle]?.offset ?? 0) <= offset) low = middle + 1;
		else high = middle;
	}
	return times[low - 1]?.at ?? null;
}

/** Offsets relative to `base`, then each as what it is more than the one before, seven bits a byte, lowest first. */
export function encodeTimes(times: readonly LogTime[], base: number): Uint8Array {
	const bytes: number[] = [];
	let before: LogTime = { offset: base, at: 0 };
	for (const time of times) {
		writeNumber(bytes, time.offset - before.offset);
		writeNumber(bytes, time.at - before.at);
		before = time;
	}
	return Uint8Array.from(bytes);
}

export function decodeTimes(bytes: Uint8Array, base: number): LogTime[] {
	const times: LogTime[] = [];
	let before: LogTime = { offset: base, at: 0 };
	let place = 0;
	while (place < bytes.length) {
		before = { offset: before.offset + readNumber(), at: before.at + readNumber() };
		times.push(before);
	}
	return times;

	// Not by shifting: an instant has more than 32 bits.
	function readNumber(): number {
		let value = 0;
		for (let weight = 1; ; weight *= 128) {
			const byte = bytes[place++] ?? 0;
			value += (byte & 0x7f) * weight;
			if (byte < 0x80) return value;
		}
	}
}

function writeNumber(bytes: number[], value: number): void {
	let rest = value;
	for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
	bytes.push(rest);
}
