// The last few durations of something, for percentiles and guesses.

export const recentMax = 512;

export class Recent {
	readonly #durations: number[] = [];
	#next = 0;

	add(ms: number): void {
		this.#durations[this.#next] = ms;
		this.#next = (this.#next + 1) % recentMax;
	}

	get size(): number {
		return this.#durations.length;
	}

	/** `part` in [0, 1]; null while nothing is known. Milliseconds. */
	percentile(part: number): number | null {
		const sorted = [...this.#durations].sort((a, b) => a - b);
		return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null;
	}
}
