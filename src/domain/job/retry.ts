// Whether and when an attempt runs again. Two questions are kept apart: did the job fail (its own rules, its own attempts),
// or did the platform fail it (a runner lost, drained, cut off or broken: each a bound of its own, no attempt used up)?
import type { Millis } from "../ids.ts";
import {
	interruptionBackoffMaxMs,
	interruptionBackoffMs,
	interruptionsMax,
	lossBackoffMs,
	lossesMax,
	machineFaultBackoffMaxMs,
	machineFaultBackoffMs,
	machineFaultsMax,
	retryAfterSecondsMax,
} from "../limits.ts";

export type RetryOutcome = "failed" | "timed-out" | "refused";
export type Jitter = "full" | "equal" | "none";

export interface RetryRule {
	outcome?: RetryOutcome | undefined;
	exitCodes?: number[] | undefined;
	signal?: string | undefined;
	maxAttempts?: number | undefined;
}

export interface RetryRequest {
	maxAttempts?: number | undefined;
	maxLosses?: number | undefined;
	on?: RetryRule[] | undefined;
	backoff?:
		| {
				initialSeconds?: number | undefined;
				factor?: number | undefined;
				maxSeconds?: number | undefined;
				jitter?: Jitter | undefined;
		  }
		| undefined;
}

export interface Backoff {
	initialSeconds: number;
	factor: number;
	maxSeconds: number;
	jitter: Jitter;
}

export interface RetryPolicy {
	maxAttempts: number;
	/** Lost runners in a row after which it is poison; jobs stored before there was a choice have none. */
	maxLosses?: number;
	on: RetryRule[];
	backoff: Backoff;
}

export type Withheld = "attempts" | "budget" | "no-rule" | "on-lost" | "poison" | "canceled";
export type Next = null | { at: Millis } | { withheld: Withheld };

const backoffDefaults: Backoff = { initialSeconds: 5, factor: 2, maxSeconds: 300, jitter: "full" };

/** The job's own words win field by field over the repository's. Without `on`, `failed` and `timed-out` are retried. */
export function resolveRetry(own: RetryRequest | undefined, repository: RetryRequest): RetryPolicy {
	return {
		maxAttempts: own?.maxAttempts ?? repository.maxAttempts ?? 1,
		maxLosses: own?.maxLosses ?? repository.maxLosses ?? lossesMax,
		on: own?.on ?? repository.on ?? [{ outcome: "failed" }, { outcome: "timed-out" }],
		backoff: {
			initialSeconds:
				own?.backoff?.initialSeconds ?? repository.backoff?.initialSeconds ?? backoffDefaults.initialSeconds,
			factor: own?.backoff?.factor ?? repository.backoff?.factor ?? backoffDefaults.factor,
			maxSeconds: own?.backoff?.maxSeconds ?? repository.backoff?.maxSeconds ?? backoffDefaults.maxSeconds,
			jitter: own?.backoff?.jitter ?? repository.backoff?.jitter ?? backoffDefaults.jitter,
		},
	};
}

export interface Failure {
	outcome: RetryOutcome;
	exitCode: number | null;
	signal: string | null;
	/** What the job itself asked for at its finish. */
	retryAfterSeconds: number | null;
}

/**
 * [R1] The first rule that fits decides; a rule without a field fits every value of it.
 * [R2] `used` counts the attempts that the job itself used up, this one included; at `maxAttempts` it stops.
 * `random` is in [0, 1).
 */
export function decideRetry(
	policy: RetryPolicy,
	failure: Failure,
	{ used, now, random }: { used: number; now: Millis; random: number },
): Exclude<Next, null> {
	const rule = policy.on.find((candidate) => fits(candidate, failure));
	if (!rule) return { withheld: "no-rule" };
	if (used >= Math.min(policy.maxAttempts, rule.maxAttempts ?? policy.maxAttempts)) return { withheld: "attempts" };
	if (failure.retryAfterSeconds !== null) {
		return { at: now + Math.min(failure.retryAfterSeconds, retryAfterSecondsMax) * 1_000 };
	}
	return { at: now + backoffMs(policy.backoff, used, random) };
}

function fits(rule: RetryRule, failure: Failure): boolean {
	if (rule.outcome !== undefined && rule.outcome !== failure.outcome) return false;
	if (rule.exitCodes !== undefined && (failure.exitCode === null || !rule.exitCodes.includes(failure.exitCode))) {
		return false;
	}
	return rule.signal === undefined || rule.signal === failure.signal;
}

/** [R3] `initialSeconds × factor^(used−1)`, at most `maxSeconds`; full jitter takes [0, that), equal [half, that), none all of it. */
export function backoffMs(backoff: Backoff, used: number, random: number): number {
	const whole = Math.min(backoff.initialSeconds * backoff.factor ** (used - 1), backoff.maxSeconds) * 1_000;
	switch (backoff.jitter) {
		case "full":
			return Math.floor(whole * random);
		case "equal":
			return Math.floor(whole / 2 + (whole / 2) * random);
		case "none":
			return Math.floor(whole);
	}
}

/** [R4] A lost runner uses up no attempt; after `maxLosses` in a row the job is poison and stops. `losses` includes this one. */
export function decideAfterLoss(
	{ onLost, retry }: { onLost: "retry" | "fail"; retry: Pick<RetryPolicy, "maxLosses"> },
	losses: number,
	now: Millis,
): Exclude<Next, null> {
	if (onLost === "fail") return { withheld: "on-lost" };
	if (losses >= (retry.maxLosses ?? lossesMax)) return { withheld: "poison" };
	return { at: now + Math.min(lossBackoffMs * 2 ** (losses - 1), interruptionBackoffMaxMs) };
}

/**
 * [R9] A runner that stopped the job says nothing about the job: more of that is borne than of losses, which a job may cause.
 * The bound is for a fleet that comes and goes faster than its jobs end. `interruptions` includes this one.
 */
export function decideAfterInterruption(
	onLost: "retry" | "fail",
	interruptions: number,
	now: Millis,
): Exclude<Next, null> {
	if (onLost === "fail") return { withheld: "on-lost" };
	if (interruptions >= interruptionsMax) return { withheld: "poison" };
	return { at: now + Math.min(interruptionBackoffMs * 2 ** (interruptions - 1), interruptionBackoffMaxMs) };
}

/**
 * [R10] A machine that could not run the job says little about the job: it goes to another. The bound is for a job that breaks
 * its machines, which is lost work for everybody. `faults` includes this one.
 */
export function decideAfterMachineFault(onLost: "retry" | "fail", faults: number, now: Millis): Exclude<Next, null> {
	if (onLost === "fail") return { withheld: "on-lost" };
	if (faults >= machineFaultsMax) return { withheld: "poison" };
	return { at: now + Math.min(machineFaultBackoffMs * 2 ** (faults - 1), machineFaultBackoffMaxMs) };
}
