// A gate that loops wait at: open, everybody passes; shut, everybody waits. Any number of loops may.

export class Gate {
	#isOpen: boolean;
	readonly #waiting = new Set<() => void>();

	constructor(isOpen: boolean) {
		this.#isOpen = isOpen;
	}

	get isOpen(): boolean {
		return this.#isOpen;
	}

	open(): void {
		this.#isOpen = true;
		for (const pass of [...this.#waiting]) pass();
	}

	shut(): void {
		this.#isOpen = false;
	}

	/** Also ends when the signal is aborted. */
	async untilOpen(signal: AbortSignal): Promise<void> {
		while (!this.#isOpen && !signal.aborted) {
			await new Promise<void>((resolve) => {
				const pass = () => {
					this.#waiting.delete(pass);
					signal.removeEventListener("abort", pass);
					resolve();
				};
				this.#waiting.add(pass);
				signal.addEventListener("abort", pass, { once: true });
			});
		}
	}
}
