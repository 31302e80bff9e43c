// The tests have two forms. `npm test` is the short one, which takes minutes; `.ci/run` sets SPILLWAY_LONG_TESTS=1 and gets the
// long one, in which nothing is left out.
export const isLong = process.env.SPILLWAY_LONG_TESTS === "1";

/**
 * What chance is tried with: the seeds that somebody named, as `7` or `40000-49999`; else the first `long` ones in the long form,
 * and the first `short` of those in the short form. Throws when what is named is no seed.
 */
export function seedsToTry(
	named: string | undefined,
	{ short, long, form = isLong ? "long" : "short" }: { short: number; long: number; form?: "short" | "long" },
): number[] {
	if (!named) return Array.from({ length: form === "long" ? long : short }, (_, seed) => seed);
	const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(named) ?? [];
	const count = Number(last) - Number(first) + 1;
	if (!(count > 0)) throw new Error(`${named} names no seeds: want one, or the first and the last with a dash between`);
	return Array.from({ length: count }, (_, at) => Number(first) + at);
}
