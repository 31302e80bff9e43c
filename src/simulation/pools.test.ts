// Pools and their runners by chance, beside the repository that they serve; and what that once found, by the commands that repeat it.
import { describe, expect, it } from "vitest";
import { seedsToTry } from "../testing/long-form.ts";
import { playSeed, replay, World } from "./fuzz.ts";
import { findLeftWaiting } from "./invariants/pools.ts";
import { claimedForOneThatGoes, endedBeforeItsGrant, pushedToASilentSession, wellAgain } from "./pinned-pools.ts";

/** Each costs about a fifth more than one without pools. More on demand: `SPILLWAY_FUZZ_SEEDS=40000-49999`. */
const seeds = seedsToTry(process.env.SPILLWAY_FUZZ_SEEDS, { short: 60, long: 1_000 });
const seedsAtOnce = 125;
const parts = Array.from({ length: Math.ceil(seeds.length / seedsAtOnce) }, (_, at) =>
	seeds.slice(at * seedsAtOnce, (at + 1) * seedsAtOnce),
);

describe("random commands to pools", () => {
	it.each(parts.map((part) => ({ part, first: part[0] })))(
		"[Z6][P21] pools and repository agree after each step, and all comes to an end through the pools (seeds from $first)",
		async ({ part }) => {
			for (const seed of part) await playSeed(seed, { pools: true });
		},
		120_000,
	);
});

describe("what was found once", () => {
	it("[P20] a runner that is to go while a claim for it finds nothing is asked for no more", async () => {
		expect(await replay(claimedForOneThatGoes, { runners: true, pools: true })).toBeNull();
	});

	it("[P20] a lease that ended before the answer that grants it is neither held nor handed on", async () => {
		expect(await replay(endedBeforeItsGrant, { runners: true, pools: true })).toBeNull();
	});

	it("[P22] a session that broke without a close is not handed a job again and again: the job's queue time ends", async () => {
		expect(await replay(pushedToASilentSession, { runners: false, pools: true })).toBeNull();
	});

	it("[P12] a runner that is well again by a heartbeat is handed at once what waits", async () => {
		const world = await World.open();
		for (const step of wellAgain) await world.step(step);
		expect(findLeftWaiting(world.port, world.stored)).toBeNull();
	});
});
