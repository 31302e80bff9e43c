// Logs by chance: the engine that runs in LogObject, over an archive that fails and a death between any two steps.
import { describe, expect, it } from "vitest";
import { seedsToTry } from "../../testing/long-form.ts";
import type { LogStep } from "./log-fuzz.ts";
import { playLogSeed, replayLog } from "./log-fuzz.ts";

const seeds = seedsToTry(process.env.SPILLWAY_FUZZ_SEEDS, { short: 150, long: 600 });
const seedsAtOnce = 150;
const parts = Array.from({ length: Math.ceil(seeds.length / seedsAtOnce) }, (_, at) =>
	seeds.slice(at * seedsAtOnce, (at + 1) * seedsAtOnce),
);

/** What chance once found, as the steps that repeat it. */
const pinned: { found: string; steps: LogStep[] }[] = [
	{
		found: "a resend that came while the archive did not answer began a sealed log again, for ever",
		steps: [
			{ do: "append", from: 0, to: 200, kind: "live" },
			{ do: "deliver", index: 0, arrival: "arrives" },
			{ do: "end", length: 200 },
			{ do: "close" },
			{ do: "clock", byMs: 20 },
			{ do: "deliver", index: 0, arrival: "arrives" },
			{ do: "deliver", index: 0, arrival: "arrives" },
			{ do: "evict" },
			{ do: "append", from: 200, to: 200, kind: "live" },
			{ do: "deliver", index: 0, arrival: "arrives" },
			{ do: "deliver", index: 0, arrival: "fails" },
		],
	},
];

describe("a log by chance", () => {
	it.each(pinned)("[Z8] what was found once stays mended: $found", async ({ steps }) => {
		expect(await replayLog(steps)).toBeNull();
	});

	it.each(parts.map((part) => ({ part, first: part[0] })))(
		"[Z8] what was acknowledged is in its one archive, once and in order, whatever is lost, late, doubled or killed (seeds from $first)",
		async ({ part }) => {
			for (const seed of part) await playLogSeed(seed);
		},
		120_000,
	);
});
