// Runs once in Node before the tests of workers/, which have no SQLite of Node's: records what the engine answers to chance.
import type { TestProject } from "vitest/node";
import { seedsToTry } from "../testing/long-form.ts";
import { recordChance } from "./recorded.ts";

const steps = 50;
/** Seeds of their own: the read model that all repositories share knows runs by their ids. */
const firstSeed = 1_000_000;
/** So far ahead of the real clock that the runtime never sets off an alarm by itself. */
const now = Date.UTC(2100, 0);

export default async function setup(project: TestProject): Promise<void> {
	const chance = [];
	for (const each of seedsToTry(undefined, { short: 6, long: 30 })) {
		const seed = firstSeed + each;
		const owner = `chance${seed}`;
		chance.push({ seed, owner, now, recorded: await recordChance(seed, { owner, now, steps }) });
	}
	project.provide("chance", chance);
}
