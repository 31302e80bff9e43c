// A breaker stands before a far end and knows how its last calls went. While the far end is in trouble the breaker refuses at once
// what would only wait, and lets a few probes through now and then: they close it, or open it again for longer.
// What a refused caller does instead is not decided here.
import type { Millis } from "./ids.ts";

/** `slow`: it answered, or may yet, but took longer than `slowCallMs`. A refusal that a far end gives is an answer as any other: `well`. */
export type CallEnd = "well" | "slow" | "failed";

interface Tally {
	calls: number;
	slow: number;
	failed: number;
}

/** `turn` grows with each change of state: what was admitted in another one says nothing about this one. */
export type Breaker =
	/** Left by a call that fails or is slow, when enough others did. Counts in two halves of a window, of which one began at `from`. */
	| { state: "closed"; turn: number; from: Millis; current: Tally; before: Tally }
	/** Left by the first call after `until`. `since`: from when it has not been closed; `openings`: in a row since then. */
	| { state: "open"; turn: number; since: Millis; openings: number; until: Millis }
	/** Left by the last probe that was wanted to go well, or the first that does not. `probes`: when each began that is under way. */
	| { state: "half-open"; turn: number; since: Millis; openings: number; probes: readonly Millis[]; well: number };

/** What a call is let through with, and settles with. */
export interface Permit {
	turn: number;
	beganAt: Millis;
	isProbe: boolean;
}

/** As long as a submission waits for its repository: what takes longer is of no use to most who wait. Far more than a healthy call takes. */
export const slowCallMs = 2_000;
/** Half of the time that a breaker remembers: short enough that an hour's good calls do not hide a minute's bad ones. */
const halfWindowMs = 5_000;
/** Fewer say nothing: one call that broke off is no outage. More would let a seldom asked far end keep each of its callers waiting. */
export const callsMin = 5;
/** With half of the calls failing, a try is as likely to be in vain as not. */
const failedShare = 0.5;
/** What is slow is answered truly after all, so nearly all must be. What failed counts here too. */
const slowShare = 0.8;
/** Let through at once after a pause, and all of them must go well: one may be luck. More would be a burst onto what has just come back. */
export const probesMax = 3;
/** Longer than any call's deadline. A probe whose caller was ended with its request never settles: it must not keep the breaker half-open. */
const probeLateMs = 15_000;
/** The first pause: a reset object is back within a second or two. */
const openFirstMs = 2_000;
/** The longest: nobody is refused for longer than this once the far end is back. */
export const openMaxMs = 30_000;

const none: Tally = { calls: 0, slow: 0, failed: 0 };

export function closedBreaker(now: Millis, turn = 0): Breaker {
	return { state: "closed", turn, from: now, current: none, before: none };
}

/** `permit` null: the call is refused. `chance` in [0, 1) spreads the pauses of many breakers. */
export function letThrough(breaker: Breaker, now: Millis, chance: number): { breaker: Breaker; permit: Permit | null } {
	const { turn } = breaker;
	switch (breaker.state) {
		case "closed":
			return { breaker, permit: { turn, beganAt: now, isProbe: false } };
		case "open": {
			// A clock that was set back must not make the pause longer.
			if (now < breaker.until && breaker.until - now <= openMaxMs) return { breaker, permit: null };
			const { since, openings } = breaker;
			const next: Breaker = { state: "half-open", turn: turn + 1, since, openings, probes: [now], well: 0 };
			return { breaker: next, permit: { turn: next.turn, beganAt: now, isProbe: true } };
		}
		case "half-open": {
			const { probes, well } = breaker;
			if (probes.some((beganAt) => now - beganAt >= probeLateMs)) {
				return { breaker: reopened(breaker, now, chance), permit: null };
			}
			if (probes.length + well >= probesMax) return { breaker, permit: null };
			return { breaker: { ...breaker, probes: [...probes, now] }, permit: { turn, beganAt: now, isProbe: true } };
		}
	}
}

/** How the call went that was let through with `permit`. */
export function noteEnd(breaker: Breaker, permit: Permit, end: CallEnd, at: { now: Millis; chance: number }): Breaker {
	const { now, chance } = at;
	if (permit.turn !== breaker.turn) return breaker;
	switch (breaker.state) {
		case "closed": {
			const { current, before, ...rest } = rolled(breaker, now);
			const counted = { ...rest, current: add(current, end), before };
			if (!isBroken(sum(counted.current, before))) return counted;
			return { state: "open", turn: breaker.turn + 1, since: now, openings: 1, until: now + pauseMs(1, chance) };
		}
		// Nothing is let through in it.
		case "open":
			return breaker;
		case "half-open": {
			if (end !== "well") return reopened(breaker, now, chance);
			const well = breaker.well + 1;
			if (well >= probesMax) return closedBreaker(now, breaker.turn + 1);
			const at = breaker.probes.indexOf(permit.beganAt);
			return { ...breaker, well, probes: breaker.probes.toSpliced(at, at < 0 ? 0 : 1) };
		}
	}
}

function reopened(
	{ turn, since, openings }: Extract<Breaker, { state: "half-open" }>,
	now: Millis,
	chance: number,
): Breaker {
	const again = openings + 1;
	return { state: "open", turn: turn + 1, since, openings: again, until: now + pauseMs(again, chance) };
}

/** Doubled each time, and half of it left to chance: isolates that lost the same far end do not all come back at once. */
function pauseMs(openings: number, chance: number): number {
	return Math.min(openFirstMs * 2 ** (openings - 1), openMaxMs) * (0.5 + chance / 2);
}

function rolled(breaker: Extract<Breaker, { state: "closed" }>, now: Millis): Extract<Breaker, { state: "closed" }> {
	const age = now - breaker.from;
	if (age >= 0 && age < halfWindowMs) return breaker;
	return { ...breaker, from: now, current: none, before: age >= 0 && age < 2 * halfWindowMs ? breaker.current : none };
}

function add({ calls, slow, failed }: Tally, end: CallEnd): Tally {
	return { calls: calls + 1, slow: slow + (end === "slow" ? 1 : 0), failed: failed + (end === "failed" ? 1 : 0) };
}

function sum(a: Tally, b: Tally): Tally {
	return { calls: a.calls + b.calls, slow: a.slow + b.slow, failed: a.failed + b.failed };
}

function isBroken({ calls, slow, failed }: Tally): boolean {
	return calls >= callsMin && (failed >= calls * failedShare || slow + failed >= calls * slowShare);
}
