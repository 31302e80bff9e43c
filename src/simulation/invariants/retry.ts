// Retries by rule, after a fault of the platform and after a lapse each have their bound. [I6]
import type { Millis } from "../../domain/ids.ts";
import {
	interruptionBackoffMaxMs,
	interruptionsMax,
	lapseBackoffMaxMs,
	lossBackoffMs,
	lossesMax,
	machineFaultsMax,
	retryAfterSecondsMax,
} from "../../domain/limits.ts";
import type { Facts, Stored } from "../facts.ts";

const secondMs = 1_000;

/** Retries by rule, after losses and after lapses each have their bound, in number and in waiting. */
export function isBounded({ before, after, now }: Facts): string | null {
	for (const [key, attempt] of after.attempts) {
		if (before.attempts.has(key)) continue;
		const job = after.jobs.get(attempt.job);
		if (job === undefined) return `attempt ${key} is nobody's`;
		const attempts = Array.from({ length: attempt.number }, (_, at) => after.attempts.get(`${job.id}/${at + 1}`));
		const { maxAttempts, backoff } = job.spec.retry;
		const isRetried = attempt.next !== null && "at" in attempt.next;
		const byRule = attempts.filter(
			(each) => each && each.outcome !== "lost" && each.next !== null && "at" in each.next,
		);
		if (byRule.length > maxAttempts - 1)
			return `job ${job.id} is retried ${byRule.length} times, and may have ${maxAttempts} attempts`;
		const asked = attempts.findLastIndex((each) => each?.cause.by === "user");
		const ended = attempts.findLastIndex((each) => each?.outcome !== "lost");
		const inARow = attempts.slice(Math.max(asked, ended + 1));
		const losses = inARow.filter((each) => each?.platformFault === "lost").length;
		if (isRetried && losses >= (job.spec.retry.maxLosses ?? lossesMax))
			return `job ${job.id} was lost ${losses} times in a row and goes on`;
		const faults = inARow.filter((each) => each?.platformFault === "machine-fault").length;
		if (isRetried && faults >= machineFaultsMax)
			return `job ${job.id} could not be run by ${faults} machines in a row and goes on`;
		const stops = inARow.length - losses - faults;
		if (isRetried && stops >= interruptionsMax)
			return `job ${job.id} was stopped by its runners ${stops} times in a row and goes on`;
		if (attempt.next === null || !("at" in attempt.next)) continue;
		const longestMs =
			attempt.outcome === "lost"
				? Math.max(lossBackoffMs * 2 ** lossesMax, interruptionBackoffMaxMs)
				: Math.max(backoff.maxSeconds, retryAfterSecondsMax) * secondMs;
		if (attempt.next.at > now + longestMs) return `attempt ${key} backs off ${attempt.next.at - now} ms`;
	}
	for (const [id, job] of after.jobs) {
		const earlier = before.jobs.get(id);
		if (earlier?.state !== "leased" || job.state !== "waiting") continue;
		if (job.attempts !== earlier.attempts || job.used !== earlier.used) return `the lapse of ${id} used up an attempt`;
		if ((job.notBefore ?? now) > now + lapseBackoffMaxMs) return `the lapse of ${id} backs off too long`;
	}
	return isWithinBudget(before, after, now);
}

function isWithinBudget(before: Stored, after: Stored, now: Millis): string | null {
	const minuteMs = 60 * secondMs;
	const isRecent = (at: Millis) => Math.floor(at / minuteMs) > Math.floor(now / minuteMs) - 60;
	const retries = (stored: Stored) =>
		[...stored.attempts.values()].filter(
			({ outcome, next, finishedAt }) => outcome !== "lost" && next !== null && "at" in next && isRecent(finishedAt),
		).length;
	const made = retries(after);
	if (made <= retries(before)) return null;
	const open = [...after.jobs.values()].filter((job) => "attempt" in job && isRecent(job.attempt.startedAt)).length;
	const starts = [...after.attempts.values()].filter(({ startedAt }) => isRecent(startedAt)).length + open;
	const { perHour, ratio } = after.settings.retryBudget;
	const most = Math.floor(Math.max(perHour, ratio * starts));
	return made <= most ? null : `${made} automatic retries in an hour, and the budget allows ${most}`;
}
