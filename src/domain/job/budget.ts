// The budget for automatic retries of a repository: a sliding hour, minute by minute, so that a broken dependency cannot
// multiply the load. Manual retries and those after a lost runner do not count.
import type { Millis } from "../ids.ts";

const minuteMs = 60_000;
const windowMinutes = 60;

/** What happened in one minute since 1970; minutes without anything are left out. */
export interface BudgetMinute {
	minute: number;
	starts: number;
	retries: number;
}

/** [R8] At most `max(perHour, ratio × starts)` in the last hour; how many of these are left. */
export function retriesLeft(
	minutes: readonly BudgetMinute[],
	{ perHour, ratio }: { perHour: number; ratio: number },
	now: Millis,
): number {
	let starts = 0;
	let retries = 0;
	for (const minute of recent(minutes, now)) {
		starts += minute.starts;
		retries += minute.retries;
	}
	return Math.max(0, Math.floor(Math.max(perHour, ratio * starts)) - retries);
}

/** The minutes with what just happened; those that have left the window are dropped. */
export function count(
	minutes: readonly BudgetMinute[],
	{ starts, retries }: { starts: number; retries: number },
	now: Millis,
): BudgetMinute[] {
	const minute = Math.floor(now / minuteMs);
	const kept = recent(minutes, now);
	const last = kept.at(-1);
	if (last?.minute !== minute) return [...kept, { minute, starts, retries }];
	return [...kept.slice(0, -1), { minute, starts: last.starts + starts, retries: last.retries + retries }];
}

function recent(minutes: readonly BudgetMinute[], now: Millis): readonly BudgetMinute[] {
	const first = Math.floor(now / minuteMs) - windowMinutes;
	return minutes.filter(({ minute }) => minute > first);
}
