// How a loop waits: for a time, or until somebody wakes it. A wake-up that comes before the wait is not lost.

export class WakeUp {
	#woken = false;
	#resolve: (() => void) | null = null;

	wake(): void {
		this.#woken = true;
		this.#resolve?.();
	}

	/** Null: only `wake` ends it. One loop waits at a time. */
	async wait(ms: number | null): Promise<void> {
		if (!this.#woken) {
			let timer: NodeJS.Timeout | undefined;
			await new Promise<void>((resolve) => {
				this.#resolve = resolve;
				if (ms !== null) timer = setTimeout(resolve, ms);
			});
			clearTimeout(timer);
			this.#resolve = null;
		}
		this.#woken = false;
	}
}
