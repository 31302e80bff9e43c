// Where client, runner and command line decide "try again"; between objects `workers/bindings/stubs.ts` does. Full jitter, because clients that failed together would otherwise come back
// together; the server's Retry-After is a floor below which no try is made.
import { Outage } from "../contracts/wire/outage.ts";
import { ProblemError, undoneStatuses } from "./call-failure.ts";

export interface RepeatPolicy {
	/** No try begins later than this after the first; 0: one try only. */
	deadlineMs: number;
	/** Bounds of the backoff: the n-th wait is random in [0, min(initialMs × 2^(n−1), maxMs)). */
	initialMs: number;
	maxMs: number;
	/** One try may take so long until its answer is here; where the caller reads the body itself, until that begins. */
	tryMs: number;
	random: () => number;
	now: () => number;
	sleep: (ms: number, signal: AbortSignal | null) => Promise<void>;
}

/** Half a minute outlasts a deploy or the reset of one object; a person at a terminal will not wait much longer. */
export const repeatDefaults: RepeatPolicy = {
	deadlineMs: 30_000,
	initialMs: 250,
	maxMs: 8_000,
	// A server that says nothing for this long is given up and asked again; its own limit for a request is shorter.
	tryMs: 30_000,
	random: Math.random,
	now: () => performance.now(),
	sleep,
};

export interface Retrying {
	policy: RepeatPolicy;
	/** Whether doing it twice does no more than doing it once. */
	idempotent: boolean;
	signal?: AbortSignal | null;
	/** Told of each failure that will be tried again. */
	onWait?: (failure: Error, waitMs: number) => void;
}

/** Runs `call` until it succeeds, fails for good, or the deadline has passed; then the last failure is thrown. */
export async function retryable<T>(call: () => Promise<T>, retrying: Retrying): Promise<T> {
	const { policy, idempotent, signal = null } = retrying;
	const endsAt = policy.now() + policy.deadlineMs;
	for (let tried = 1; ; tried++) {
		signal?.throwIfAborted();
		try {
			return await call();
		} catch (failure) {
			if (!isRetryable(failure, idempotent)) throw failure;
			const wait = waitMs(failure, tried, policy);
			if (policy.now() + wait > endsAt) throw failure;
			retrying.onWait?.(failure, wait);
			await policy.sleep(wait, signal);
		}
	}
}

/**
 * 408, 429 and 503 say that nothing was done; a request that was never sent did nothing either. What may have been done
 * (500, 502, 504, an answer that is not the server's, a connection that broke) is repeated only if doing it twice is harmless.
 */
export function isRetryable(failure: unknown, idempotent: boolean): failure is ProblemError | Outage {
	if (failure instanceof Outage) return idempotent || failure.isSafeToRepeat;
	if (!(failure instanceof ProblemError)) return false;
	if (undoneStatuses.has(failure.status)) return true;
	switch (failure.status) {
		case 500:
		case 502:
		case 504:
			return idempotent;
		default:
			return false;
	}
}

/** `tried` counts from 1. */
export function waitMs(
	failure: ProblemError | Outage,
	tried: number,
	policy: Pick<RepeatPolicy, "initialMs" | "maxMs" | "random">,
): number {
	const asked = (failure.retryAfterSeconds ?? 0) * 1_000;
	// On top of what was asked for, not instead: everybody was told the same second.
	return Math.floor(asked + jitteredMs(tried, policy));
}

/** Full jitter, for what failed without a word from the server. `tried` counts from 1. */
export function jitteredMs(tried: number, policy: Pick<RepeatPolicy, "initialMs" | "maxMs" | "random">): number {
	return policy.random() * Math.min(policy.initialMs * 2 ** (tried - 1), policy.maxMs);
}

/** Rejects with the signal's reason when it is aborted. */
export function sleep(ms: number, signal: AbortSignal | null): Promise<void> {
	return new Promise((resolve, reject) => {
		if (signal?.aborted) return reject(signal.reason);
		const wake = () => {
			signal?.removeEventListener("abort", stop);
			resolve();
		};
		const stop = () => {
			clearTimeout(timer);
			reject(signal?.reason);
		};
		const timer = setTimeout(wake, ms);
		signal?.addEventListener("abort", stop, { once: true });
	});
}

/** What `work` comes to, or the signal's reason if that is aborted first; what becomes of the work then is nobody's concern. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
	return new Promise((resolve, reject) => {
		const stop = () => reject(signal.reason);
		if (signal.aborted) stop();
		signal.addEventListener("abort", stop, { once: true });
		work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
	});
}
