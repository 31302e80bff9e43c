// Chance from a seed: a test that fails prints its seed, and the seed repeats it.

export interface SeededRandom {
	/** In [0, 1). */
	(): number;
	/** A whole number in [0, below). */
	below(below: number): number;
	pick<T>(from: readonly T[]): T;
	chance(probability: number): boolean;
}

/** Mulberry32: small, and good enough to choose test cases. Not for anything secret. */
export function seededRandom(seed: number): SeededRandom {
	let state = seed >>> 0;
	const random = (): number => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
	const below = (limit: number): number => Math.floor(random() * limit);
	return Object.assign(random, {
		below,
		pick<T>(from: readonly T[]): T {
			const found = from[below(from.length)];
			if (found === undefined) throw new Error("cannot pick from nothing");
			return found;
		},
		chance: (probability: number): boolean => random() < probability,
	});
}
