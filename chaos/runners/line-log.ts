// The log that a line runner writes: known to the byte from the lease alone, so that each byte that was acknowledged can be found
// again. Lines differ in length, and say whose they are: a byte that was lost, doubled or put elsewhere is seen.
import type { LeaseId } from "../../src/domain/ids.ts";

export function lineLog(lease: LeaseId, lines: number): Buffer {
	const text = Array.from({ length: lines }, (_, at) => `${lease} line ${at + 1} ${"·".repeat((at * 7) % 60)}\n`);
	return Buffer.from(text.join(""));
}
