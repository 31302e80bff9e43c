// No alarm spins: with nothing to do, an object wakes itself only to look after what may have been lost.
import type { Violation } from "./violation.ts";

/** A pool looks after its runners four times a minute. */
export const alarmsPerMinuteMax = 20;

export function checkAlarms(alarms: Readonly<Record<string, number>>, watchedMs: number): Violation[] {
	const max = (alarmsPerMinuteMax * watchedMs) / 60_000;
	return Object.entries(alarms)
		.filter(([, count]) => count > max)
		.map(([object, count]) => ({
			kind: "alarm",
			run: null,
			text: `${object} woke itself ${count} times in ${watchedMs / 1_000} s, with nothing to do`,
		}));
}
