// How long a job may run: until its timeout, and an exclusive one only while the server is heard of. Contact is measured by the clock
// that goes on while the machine sleeps, since the server's does, and another runner may have the job by then.
import { sinceBootMs } from "../since-boot.ts";

/** How often an exclusive job's contact is looked at, since a timer stands still while the machine sleeps. */
const contactLookMs = 1_000;

export interface TimeBounds {
	timeoutMs: number;
	/** Without contact for so long the job is stopped; null: it may go on, since no other takes its place. */
	stopAfterMs: number | null;
}

export class JobTime {
	readonly #bounds: TimeBounds;
	/** The sending of the last call about this lease that was answered, in milliseconds since boot. */
	#contactAt = sinceBootMs();
	#timeoutTimer: NodeJS.Timeout | undefined;
	#contactTimer: NodeJS.Timeout | undefined;

	constructor(bounds: TimeBounds) {
		this.#bounds = bounds;
	}

	/**
	 * The server answered a call that was sent at `sentAt`. Its sending counts and not the answer's arrival: the server reckons the end
	 * of the lease from when it heard the call, which may have been right after it was sent.
	 */
	touch(sentAt: number): void {
		this.#contactAt = Math.max(this.#contactAt, sentAt);
	}

	/** For how long the job may go on if the server is not reached again; infinite for one that is not exclusive. */
	restMs(): number {
		const { stopAfterMs } = this.#bounds;
		return stopAfterMs === null ? Number.POSITIVE_INFINITY : this.#contactAt + stopAfterMs - sinceBootMs();
	}

	/** Calls `timeUp` after the timeout, and `outOfTouch` once the job must stop for want of contact, each once at most. */
	watch({ timeUp, outOfTouch }: { timeUp: () => void; outOfTouch: () => void }): void {
		this.#timeoutTimer = setTimeout(timeUp, this.#bounds.timeoutMs);
		if (this.#bounds.stopAfterMs !== null) this.#watchContact(outOfTouch);
	}

	close(): void {
		clearTimeout(this.#timeoutTimer);
		clearTimeout(this.#contactTimer);
	}

	#watchContact(outOfTouch: () => void): void {
		const rest = this.restMs();
		if (rest > 0) this.#contactTimer = setTimeout(() => this.#watchContact(outOfTouch), Math.min(rest, contactLookMs));
		else outOfTouch();
	}
}
