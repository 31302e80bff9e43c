// A clock that moves only by hand.
import type { Millis } from "../domain/ids.ts";

export interface HandClock {
	(): Millis;
	/** Returns the new time. */
	advance(byMs: number): Millis;
}

/** Noon of a day that nothing depends on. */
export const noon: Millis = Date.UTC(2026, 0, 15, 12);

export function handClock(at: Millis = noon): HandClock {
	let now = at;
	const clock = (): Millis => now;
	return Object.assign(clock, {
		advance(byMs: number): Millis {
			now += byMs;
			return now;
		},
	});
}
