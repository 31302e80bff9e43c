// The feed of a run by chance: the engine that runs in FeedObject, with updates that come late, twice or not at all.
import { it } from "vitest";
import { seedsToTry } from "../../testing/long-form.ts";
import { playFeedSeed } from "./feed-fuzz.ts";

const seeds = seedsToTry(process.env.SPILLWAY_FUZZ_SEEDS, { short: 100, long: 400 });
const seedsAtOnce = 100;
const parts = Array.from({ length: Math.ceil(seeds.length / seedsAtOnce) }, (_, at) =>
	seeds.slice(at * seedsAtOnce, (at + 1) * seedsAtOnce),
);

it.each(parts.map((part) => ({ part, first: part[0] })))(
	"[Z9] places and versions only grow for each watcher, and at the end each has seen the run as it is (seeds from $first)",
	async ({ part }) => {
		for (const seed of part) await playFeedSeed(seed);
	},
	120_000,
);
