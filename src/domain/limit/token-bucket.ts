// A rate as a bucket: it holds as much as comes in one window, each thing that is done takes from it, and it fills up again evenly.
// So a burst of a whole window passes at once, and in any stretch of time no more than that and what came in meanwhile.
import type { Millis } from "../ids.ts";

/** What was in it, and when. Plain, so that it can be stored. */
export interface RateBucket {
	left: number;
	at: Millis;
}

/** `max` comes in each `windowMs`, and more than that it does not hold. */
export interface Rate {
	max: number;
	windowMs: number;
}

/**
 * Null: nothing was taken yet. A rate that was lowered leaves no more than it holds. A clock that was set back fills nothing twice;
 * one that was set back by more than a window begins anew, or it would fill nothing for as long.
 */
export function bucketAt(bucket: RateBucket | null, { max, windowMs }: Rate, now: Millis): RateBucket {
	if (bucket === null) return { left: max, at: now };
	const at = bucket.at - now > windowMs ? now : bucket.at;
	const came = (Math.max(0, now - at) * max) / windowMs;
	return { left: Math.min(max, bucket.left + came), at: Math.max(now, at) };
}

/** What is left after it; null: there is not enough. */
export function takeFrom(
	bucket: RateBucket | null,
	rate: Rate,
	{ cost = 1, now }: { cost?: number; now: Millis },
): RateBucket | null {
	const { left, at } = bucketAt(bucket, rate, now);
	return left < cost ? null : { left: left - cost, at };
}

/** How long until there is enough for `cost`, if nobody takes anything meanwhile; null: there never is. */
export function msUntil(
	bucket: RateBucket | null,
	rate: Rate,
	{ cost = 1, now }: { cost?: number; now: Millis },
): number | null {
	if (cost > rate.max) return null;
	const { left } = bucketAt(bucket, rate, now);
	return Math.max(0, Math.ceil(((cost - left) * rate.windowMs) / rate.max));
}
