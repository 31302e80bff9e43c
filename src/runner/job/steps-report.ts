// The loop that tells how far a job's steps are, for those who watch. Only progress: the finish carries the final steps, so
// what fails here is dropped, and a short job sends nothing at all.
import type { LeaseClient } from "../../client/lease-client.ts";
import type { ReportedStep } from "../../contracts/http/lease.ts";
import { WakeUp } from "../wake-up.ts";

/** A job that is over within this long is told by its finish alone. It also is the least time between two reports. */
const intervalMs = 1_000;

export class StepsReport {
	readonly #lease: LeaseClient;
	readonly #signal: AbortSignal;
	readonly #wakeUp = new WakeUp();
	#steps: ReportedStep[] | null = null;
	#isClosing = false;

	constructor(lease: LeaseClient, signal: AbortSignal) {
		this.#lease = lease;
		this.#signal = signal;
		signal.addEventListener("abort", () => this.close(), { once: true });
		void this.#loop();
	}

	/** The newest wins. */
	tell(steps: ReportedStep[]): void {
		this.#steps = steps.map((step) => ({ ...step }));
		this.#wakeUp.wake();
	}

	close(): void {
		this.#isClosing = true;
		this.#wakeUp.wake();
	}

	async #loop(): Promise<void> {
		while (!this.#isClosing) {
			await this.#wakeUp.wait(null);
			const dueAt = performance.now() + intervalMs;
			while (!this.#isClosing && performance.now() < dueAt) await this.#wakeUp.wait(dueAt - performance.now());
			if (this.#isClosing || this.#steps === null) return;
			await this.#lease.steps(this.#steps, this.#signal).catch(() => {});
		}
	}
}
