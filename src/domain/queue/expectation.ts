// When a waiting job may start, where that can be known: from how many go before it, how many run, and how long such jobs
// took lately. A guess, and null where it would be a mere one.
import type { Millis } from "../ids.ts";

/** With fewer jobs seen than this there is nothing to reckon with. */
const samplesMin = 5;

/**
 * [E2] Each of the `running` that hold the slots it waits for ends after about `typicalMs`, and each end lets one more start;
 * so the job starts when as many have ended as go before it, and one. `position` is from 1. Where others compete for these
 * slots whose place is not comparable (`isAlone` false), there is no expectation.
 */
export function expectStart(
	known: { position: number; running: number; isAlone: boolean; typicalMs: number; samples: number },
	now: Millis,
): Millis | null {
	const { position, running, isAlone, typicalMs, samples } = known;
	if (!isAlone || samples < samplesMin || running === 0) return null;
	return now + Math.round((position / running) * typicalMs);
}
