// Logs by chance: the engine that runs in LogObject, over an archive that fails and a death between any two steps.
import { describe, expect, it } from "vitest";
import type { LogStep } from "./log-fuzz.ts";
import { playLogSeed, replayLog } from "./log-fuzz.ts";

const seedsAtOnce = 200;

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

	it.each([0, 200, 400])(
		"[Z8] what was acknowledged is in its one archive, once and in order, whatever is lost, late, doubled or killed (seeds from %i)",
		async (first) => {
			for (let seed = first; seed < first + seedsAtOnce; seed++) await playLogSeed(seed);
		},
		120_000,
	);
});
