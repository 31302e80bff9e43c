// What a repository's limits say to jobs that somebody wants to add: all of them, or none. Jobs that are here already and begin to
// wait by themselves (a need has ended, a rule retries) are never asked about.
import type { Millis } from "../ids.ts";
import type { Move } from "../job/job.ts";
import { laneKey } from "../queue/queue.ts";
import type { Standing } from "../queue/standing.ts";
import type { LimitReached } from "../refusal.ts";
import { limitOf } from "./limit-table.ts";
import type { LimitName, LimitSettings } from "./limit-table.ts";
import { bucketAt } from "./token-bucket.ts";
import type { RateBucket, Rate } from "./token-bucket.ts";

/** Of what goes away when jobs begin, or somebody lets something go: an instant that nobody knows. */
const lookAgainMs = 10_000;

/** `use` counts what is there now; with `more` it would pass its limit. */
export function limitReached(
	limit: LimitName,
	{ use, more, set }: { use: number; more: number; set: LimitSettings },
): LimitReached | null {
	const max = limitOf(limit, set);
	return more > 0 && use + more > max ? { code: "limit-reached", limit, max, retryAfterMs: lookAgainMs } : null;
}

export function waitingJobsOf({ counts }: Pick<Standing, "counts">): number {
	return counts.blocked + counts.waiting;
}

type StandingCounts = Pick<Standing, "counts" | "laneCount" | "hasLane">;

/** [V21][V22] `standing` is as it was before these moves. */
export function refuseMoves(
	moves: Iterable<Move>,
	{ standing, set }: { standing: StandingCounts; set: LimitSettings },
): LimitReached | null {
	let jobs = 0;
	const lanes = new Set<string>();
	for (const { before, after } of moves) {
		jobs += Number(waits(after)) - Number(before !== null && waits(before));
		if (after.state === "finished" || (before !== null && before.state !== "finished")) continue;
		const lane = laneKey(after);
		if (!standing.hasLane(lane)) lanes.add(lane);
	}
	return (
		limitReached("waiting-jobs", { use: waitingJobsOf(standing), more: jobs, set }) ??
		limitReached("label-sets", { use: standing.laneCount, more: lanes.size, set })
	);
}

function waits({ state }: Move["after"]): boolean {
	return state === "blocked" || state === "waiting";
}

export function runRate(set: LimitSettings): Rate {
	return { max: limitOf("runs-per-minute", set), windowMs: 60_000 };
}

/** What was taken of a rate, and when all of it is back; null: it is. */
export function bucketUse(bucket: RateBucket | null, rate: Rate, now: Millis): { used: number; fullAt: Millis | null } {
	const { left } = bucketAt(bucket, rate, now);
	const used = Math.ceil(rate.max - left);
	return { used, fullAt: used === 0 ? null : now + Math.ceil(((rate.max - left) * rate.windowMs) / rate.max) };
}
