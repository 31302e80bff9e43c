// Spilled runs by chance: the operations that accept, drain and cancel them, over the engine of the repository.
import { expect, it } from "vitest";
import { seedsToTry } from "../../testing/long-form.ts";
import type { SpillStep } from "./spill-fuzz.ts";
import { playSpillSeed, replaySpill } from "./spill-fuzz.ts";

const seeds = seedsToTry(process.env.SPILLWAY_FUZZ_SEEDS, { short: 60, long: 1_500 });
const seedsAtOnce = 150;
const parts = Array.from({ length: Math.ceil(seeds.length / seedsAtOnce) }, (_, at) =>
	seeds.slice(at * seedsAtOnce, (at + 1) * seedsAtOnce),
);

it.each(parts.map((part) => ({ part, first: part[0] })))(
	"[Z10] what was accepted reaches its end once, numbered once and in the order of acceptance, whatever fails, comes late, twice or is killed (seeds from $first)",
	async ({ part }) => {
		for (const seed of part) await playSpillSeed(seed);
	},
	120_000,
);

it("[Z10] a cancel that meets a drain at each of its steps is found at the end", async () => {
	const spilled: SpillStep = { do: "submit", run: 0, ref: null, supersedes: false, key: null, spill: "always" };
	const arrives: SpillStep = { do: "deliver", index: 0, fate: "arrives" };
	for (let before = 0; before < 12; before++) {
		const steps = [spilled, arrives, { do: "drain" } as const, ...Array<SpillStep>(before).fill(arrives)];
		expect([
			before,
			await replaySpill([...steps, { do: "cancel", at: 0 }, ...Array<SpillStep>(12).fill(arrives)]),
		]).toEqual([before, null]);
	}
});
