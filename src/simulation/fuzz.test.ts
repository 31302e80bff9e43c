// The whole, by chance; and what it once found, by the commands that repeat it.
import { describe, expect, it, vi } from "vitest";
import { seedsToTry } from "../testing/long-form.ts";
import { playSeed, replay } from "./fuzz.ts";
import { pinned } from "./pinned.ts";
import { SimulatedPort } from "./world/simulated-port.ts";

/** Two thousand take about a minute and a half. More on demand: `SPILLWAY_FUZZ_SEEDS=40000-49999`. */
const seeds = seedsToTry(process.env.SPILLWAY_FUZZ_SEEDS, { short: 125, long: 2_000 });
const seedsAtOnce = 125;
const parts = Array.from({ length: Math.ceil(seeds.length / seedsAtOnce) }, (_, at) =>
	seeds.slice(at * seedsAtOnce, (at + 1) * seedsAtOnce),
);

describe("random commands", () => {
	it.each(pinned)("[Z2] what was found once stays mended: $found", async ({ steps }) => {
		expect(await replay(steps, { runners: true, pools: false })).toBeNull();
	});

	it.each(parts.map((part) => ({ part, first: part[0] })))(
		"[Z2][Z3][T30][T31] every invariant holds after each step, and all comes to an end and into the archive (seeds from $first)",
		async ({ part }) => {
			for (const seed of part) await playSeed(seed);
		},
		120_000,
	);

	it("[Z4] a failure names its invariant, its seed, and few commands that repeat it", async () => {
		const dead = vi.spyOn(SimulatedPort.prototype, "alarm").mockResolvedValue();
		let told = "";
		// Not every seed needs an alarm to come to its end.
		for (let seed = 0; told === "" && seed < 20; seed++) told = await playSeed(seed).then(() => "", String);
		dead.mockRestore();
		expect(told).toMatch(
			/seed \d+: \[I1\] job \S+ was accepted and is \w+ for ever\n\d of \d+ steps:\n\t\{"command":\{"do":"submit"/,
		);
	});
});
