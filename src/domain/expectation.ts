// When a waiting job may start, where that can be known: from how many go before it, how many run, and how long such jobs
// took lately. A guess, and null where it would be a mere one.
import type { Millis } from "./ids.ts";

/** With fewer jobs seen than this there is nothing to reckon with. */
const samplesMin = 5;

/**
 * [E2] Each of the `running` ends after about `typicalMs`, and each end lets one more start; so the job starts when as many
 * have ended as go before it, and one. `position` is from 1.
 */
export function expectStart(
	{ position, running, typicalMs, samples }: { position: number; running: number; typicalMs: number; samples: number },
	now: Millis,
): Millis | null {
	if (samples < samplesMin || running === 0) return null;
	return now + Math.round((position / running) * typicalMs);
}
