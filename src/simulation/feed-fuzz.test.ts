// The feed of a run by chance: the engine that runs in FeedObject, with updates that come late, twice or not at all.
import { it } from "vitest";
import { playFeedSeed } from "./feed-fuzz.ts";

const seedsAtOnce = 200;

it.each([0, 200])(
	"[Z9] places and versions only grow for each watcher, and at the end each has seen the run as it is (seeds from %i)",
	async (first) => {
		for (let seed = first; seed < first + seedsAtOnce; seed++) await playFeedSeed(seed);
	},
	120_000,
);
