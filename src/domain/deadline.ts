// What the one alarm should be: the earliest thing that waits, never so near that a bug could make it spin.
import type { Millis } from "./ids.ts";
import { alarmNearestMs } from "./limits.ts";

/** Null when nothing waits. */
export function nextAlarm(deadlines: Iterable<Millis | null>, now: Millis): Millis | null {
	let earliest: Millis | null = null;
	for (const deadline of deadlines) {
		if (deadline !== null && (earliest === null || deadline < earliest)) earliest = deadline;
	}
	return earliest === null ? null : Math.max(earliest, now + alarmNearestMs);
}

/** An alarm set earlier than needed is left alone: it finds nothing and sets itself anew, which costs less than moving it each time. */
export function shouldSet(set: Millis | null, wanted: Millis | null, now: Millis): boolean {
	if (wanted === null) return false;
	return set === null || set < now - 1_000 || wanted < set;
}
