// The loop that brings one job's log to the server, from the offset the server acknowledged last. It outlives outages of any
// length: what is not acknowledged is still in the spool, and the server says where it wants to go on.
import { appendBytesMax } from "../domain/limits.ts";
import { Outage } from "../client/call-failure.ts";
import type { LeaseClient } from "../client/lease-client.ts";
import { isRetryable, sleep, waitMs } from "../client/retryable.ts";
import type { RetryPolicy } from "../client/retryable.ts";
import type { LogSpool } from "./log-spool.ts";
import { WakeUp } from "./wake-up.ts";

/** A moment to let a burst gather before its first bytes go: a short job's whole log is one upload, a viewer sees no delay. */
const gatherMs = 50;
const intervalMsDefault = 1_000;

export interface LogUploadOptions {
	lease: LeaseClient;
	spool: LogSpool;
	policy: RetryPolicy;
	/** Ends the loop at once. */
	signal: AbortSignal;
	onFailure: (failure: Error) => void;
}

export class LogUpload {
	readonly #options: LogUploadOptions;
	readonly #wakeUp = new WakeUp();
	readonly #done: Promise<void>;
	#acknowledged = 0;
	#intervalMs = intervalMsDefault;
	#sentAt = 0;
	#isClosing = false;

	constructor(options: LogUploadOptions) {
		this.#options = options;
		options.signal.addEventListener("abort", () => this.#wakeUp.wake(), { once: true });
		this.#done = this.#loop();
	}

	/** More is in the spool. */
	grown(): void {
		this.#wakeUp.wake();
	}

	/** The spool is sealed: the rest goes without pause. Resolves when the server has it all, or takes no more. */
	async finish(): Promise<void> {
		this.#isClosing = true;
		this.#wakeUp.wake();
		await this.#done;
	}

	async #loop(): Promise<void> {
		const { signal, policy, onFailure } = this.#options;
		for (let tried = 1; ; tried++) {
			await this.#untilDue();
			if (signal.aborted || this.#backlog() <= 0) return;
			try {
				if (!(await this.#send())) return;
				tried = 0;
			} catch (failure) {
				if (signal.aborted) return;
				if (!(failure instanceof Error)) throw failure;
				onFailure(failure);
				if (!isRetryable(failure, true)) return;
				await sleep(waitMs(failure, Math.max(tried, 1), policy), signal).catch(() => {});
			}
		}
	}

	/** False when the server takes no more. */
	async #send(): Promise<boolean> {
		const { lease, spool, signal } = this.#options;
		this.#sentAt = Date.now();
		const bytes = spool.read(this.#acknowledged, appendBytesMax);
		const { kind, length, intervalSeconds } = await lease.append(this.#acknowledged, bytes, signal);
		if (kind === "gap" && length === this.#acknowledged) {
			throw new Outage(`the server refuses the offset ${length} that it asked for`, { wasSent: true });
		}
		// After a gap this goes backwards, to what the server still has.
		this.#acknowledged = length;
		if (intervalSeconds !== null) this.#intervalMs = intervalSeconds * 1_000;
		return kind !== "sealed";
	}

	#backlog(): number {
		return this.#options.spool.length - this.#acknowledged;
	}

	/** Something is there to send, and it is time; a full body is not waited with, and at the end nothing is. */
	async #untilDue(): Promise<void> {
		const { signal } = this.#options;
		while (!(this.#isClosing || signal.aborted) && this.#backlog() <= 0) await this.#wakeUp.wait(null);
		const dueAt = Math.max(Date.now() + gatherMs, this.#sentAt + this.#intervalMs);
		while (!(this.#isClosing || signal.aborted) && this.#backlog() < appendBytesMax) {
			const rest = dueAt - Date.now();
			if (rest <= 0) return;
			await this.#wakeUp.wait(rest);
		}
	}
}
