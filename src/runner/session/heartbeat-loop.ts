// The loop that renews the leases of jobs which say nothing, and hears what the server wants of them: cancel, or let go. It
// sleeps while there is a session or nothing is held, and goes on while the server asks to drain, so that it hears when that
// is over. While the machine is unwell it says so, at once and with each beat.
import { RunnerClient } from "../../client/lease-client.ts";
import { sleep, waitMs, isRetryable } from "../../client/retryable.ts";
import type { RepeatPolicy } from "../../client/retryable.ts";
import type { EventLog } from "../event-log.ts";
import type { Health } from "../machine/health.ts";
import type { Gate } from "./gate.ts";
import type { HeldJobs } from "./held-jobs.ts";
import { isUnknownRunner } from "./registration.ts";
import type { Registration } from "./registration.ts";
import { sinceBootMs } from "../since-boot.ts";

export interface HeartbeatLoopOptions {
	url: string;
	registration: Registration;
	held: HeldJobs;
	policy: RepeatPolicy;
	eventLog: EventLog;
	signal: AbortSignal;
	/** Shut while there is a session. */
	polling: Gate;
	onDraining: (draining: boolean) => void;
	health: Health;
}

export async function heartbeatLoop(options: HeartbeatLoopOptions): Promise<void> {
	const { registration, held, policy, eventLog, signal, onDraining, health } = options;
	const forget = health.onChange(() => held.lookAgain());
	signal.addEventListener("abort", forget, { once: true });
	let isDraining = false;
	let failed = 0;
	while (!signal.aborted) {
		await options.polling.untilOpen(signal);
		if (!isDraining) await held.untilHeld(signal, () => health.unwell !== null);
		if (signal.aborted) return;
		let beatMs = 0;
		try {
			const known = await registration.current();
			beatMs = known.heartbeatSeconds * 1_000;
			// The grant itself was the first sign of life.
			if (failed === 0) await pause(health, beatMs, signal);
			if (!options.polling.isOpen) {
				isDraining = false;
				continue;
			}
			isDraining = await beat(options, { token: known.token, tryMs: beatMs });
			onDraining(isDraining);
			failed = 0;
		} catch (failure) {
			if (signal.aborted) return;
			// The acquire loop registers anew, or ends; leases go on being renewed by their own calls.
			if (!(isRetryable(failure, true) || isUnknownRunner(failure))) throw failure;
			failed++;
			eventLog("heartbeat-failed", { reason: failure.message });
			await sleep(Math.min(waitMs(failure, failed, policy), beatMs), signal).catch(() => {});
		}
	}
}

/** A machine that became unwell says so at once: what is granted meanwhile would fail. */
async function pause(health: Health, ms: number, signal: AbortSignal): Promise<void> {
	if (health.unwell !== health.said) return;
	const changed = new AbortController();
	const forget = health.onChange(() => changed.abort());
	await sleep(ms, AbortSignal.any([signal, changed.signal])).catch(() => {});
	forget();
}

/** Whether the server asks this runner to drain. */
async function beat(options: HeartbeatLoopOptions, call: { token: string; tryMs: number }): Promise<boolean> {
	const { url, held, signal, health } = options;
	const sentAt = sinceBootMs();
	const client = new RunnerClient({ url, token: call.token });
	const { unwell } = health;
	const { leases, draining } = await client.heartbeat(held.leases(), { signal, tryMs: call.tryMs, unwell });
	health.said = unwell;
	for (const { id, state, graceSeconds } of leases) {
		const job = held.get(id);
		switch (state) {
			case "ok":
				job?.touch(sentAt);
				break;
			case "canceling":
				job?.touch(sentAt);
				job?.cancel(graceSeconds * 1_000, "canceled");
				break;
			case "lost":
				job?.lose();
				break;
		}
	}
	return draining;
}
