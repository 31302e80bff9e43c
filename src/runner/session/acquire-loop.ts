// The loop that asks for work: one long poll at a time while a slot is free, naming all leases that are held. It never gives
// up on a server that is down, and comes back with full jitter, so that a fleet does not return as one.
import { isRetryable, sleep, untilAborted, waitMs } from "../../client/retryable.ts";
import type { RepeatPolicy } from "../../client/retryable.ts";
import { RunnerClient } from "../../client/lease-client.ts";
import type { Grant } from "../../contracts/http/runner.ts";
import type { EventLog } from "../event-log.ts";
import type { HeldJobs } from "./held-jobs.ts";
import { isUnknownRunner } from "./registration.ts";
import type { RegisteredRunner } from "./kept-registration.ts";
import type { Registration } from "./registration.ts";
import { sinceBootMs } from "../since-boot.ts";

/** A server that says "nothing" sooner than this is not waiting (dispatch switched off, an object restarted): do not spin. */
const pollMsMin = 1_000;

export interface AcquireLoopOptions {
	url: string;
	waitSeconds: number;
	registration: Registration;
	held: HeldJobs;
	policy: RepeatPolicy;
	eventLog: EventLog;
	/** Ends the loop at once; a grant that is on its way then lapses by itself. */
	signal: AbortSignal;
	/** Resolves when the server does not ask this runner to drain, and no session brings the work. */
	untilWanted: () => Promise<void>;
	onGrant: (grant: Grant) => void;
}

/** Returns when there is no more to ask for; throws when the server refuses for good. */
export async function acquireLoop(options: AcquireLoopOptions): Promise<void> {
	const { registration, held, policy, eventLog, signal } = options;
	let tried = 0;
	for (;;) {
		await held.untilFree(signal);
		// After the slot, not before: the wish to drain may come while all slots are taken.
		await options.untilWanted();
		if (signal.aborted) return;
		let known: RegisteredRunner | null = null;
		try {
			known = await untilAborted(registration.current(), signal);
			const grant = await poll(options, known);
			tried = 0;
			if (grant) options.onGrant(grant);
		} catch (failure) {
			if (signal.aborted) return;
			if (known && isUnknownRunner(failure)) {
				registration.forget(known, failure);
				// Registered a moment ago and unknown again: something is wrong that haste does not mend.
				await pause(policy.random() * pollMsMin, options);
				continue;
			}
			if (!isRetryable(failure, true)) throw failure;
			tried++;
			eventLog("acquire-failed", { reason: failure.message });
			await pause(waitMs(failure, tried, policy), options);
		}
	}
}

async function poll(options: AcquireLoopOptions, { token }: RegisteredRunner): Promise<Grant | null> {
	const { url, waitSeconds, held, policy, signal } = options;
	const leases = held.leases();
	const sentAt = sinceBootMs();
	const grant = await new RunnerClient({ url, token }).acquire({ waitSeconds, leases, signal });
	for (const lease of leases) held.get(lease)?.touch(sentAt);
	if (grant === null && sinceBootMs() - sentAt < pollMsMin) await pause(policy.random() * pollMsMin, options);
	return grant;
}

async function pause(ms: number, { signal }: AcquireLoopOptions): Promise<void> {
	await sleep(ms, signal).catch(() => {});
}
