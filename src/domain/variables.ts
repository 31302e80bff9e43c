// The Worker's variables that are numbers, as an operator writes them in wrangler.toml. One that is no whole number in its range is
// no number at all: as `NaN` it would lift a bound, since nothing is more than it.
import { poolShardsMax, spillAfterMs } from "./limits.ts";
import { callLimits } from "./overload/overload-limits.ts";

interface Variable {
	/** Where nothing is set. */
	fallback: number;
	max: number;
}

export const numberVariables = {
	/** Over how many shards new runners of a pool are spread. */
	POOL_SHARDS: { fallback: 1, max: poolShardsMax },
	/** What one owner may have in work at once in one isolate, in submissions of one job. */
	CALLS_AT_ONCE: { fallback: callLimits.ownerCost, max: 100_000 },
	/** Milliseconds that a repository has to take a submission before it is spilled: at most what a caller waits. */
	SPILL_AFTER_MS: { fallback: spillAfterMs, max: 60_000 },
} as const satisfies Record<string, Variable>;

export type NumberVariable = keyof typeof numberVariables;

/** Null when what was written is no whole number from 1 to the variable's maximum. */
export function readNumberVariable(name: NumberVariable, text: string | number | undefined): number | null {
	const { fallback, max } = numberVariables[name];
	const number = Number(text ?? fallback);
	return Number.isInteger(number) && number >= 1 && number <= max ? number : null;
}
