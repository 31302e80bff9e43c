// The real object beside the simulation, under the same random commands, doubles and evictions: after each step both must have
// answered the same and show the same. What only the real one knows (runners, durations, logs) is left out.
import { afterEach, expect, it, vi } from "vitest";
import type { Run } from "../../src/contracts/run.ts";
import type { Step } from "../../src/simulation/chance.ts";
import { chanceOf } from "../../src/simulation/chance.ts";
import { perform } from "../../src/simulation/command.ts";
import { Known } from "../../src/simulation/known.ts";
import { must } from "../../src/simulation/queue-driver.ts";
import type { QueuePort } from "../../src/simulation/queue-port.ts";
import { SimulatedPort } from "../../src/simulation/simulated-port.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { ObjectPort } from "./behaviours-port.ts";

const stepsPerSeed = 50;
const seeds = Array.from({ length: 30 }, (_, seed) => seed);

afterEach(() => {
	vi.restoreAllMocks();
	vi.useRealTimers();
});

it.each(seeds)("[Z5] the object does, command for command, what the simulation does (seed %i)", async (seed) => {
	const object = await ObjectPort.open();
	const simulation = new SimulatedPort(object.owner, object.now());
	must(await simulation.calls.configure({ request: {}, replace: true }));
	// Seeds of their own: the read model that all repositories share knows runs by their ids.
	const chance = chanceOf(seededRandom(1_000_000 + seed), { weeks: false, shards: false });
	const known = new Known();
	const steps: Step[] = [];
	while (steps.length < stepsPerSeed) {
		const step = chance(known, object.now());
		steps.push(step);
		simulation.random = step.random;
		vi.spyOn(Math, "random").mockReturnValue(step.random);
		const told = () => `after\n${steps.map((each) => JSON.stringify(each)).join("\n")}`;
		for (const command of commandsOf(step)) {
			const answer = await perform(simulation, command);
			expect(await perform(object, command), told()).toEqual(answer);
			known.note(command, answer);
		}
		for (const run of known.runs.keys()) {
			expect(await show(object, run), told()).toEqual(await show(simulation, run));
		}
		vi.restoreAllMocks();
	}
});

function commandsOf({ command, again }: Step) {
	switch (again) {
		case "no":
			return [command];
		case "at once":
			return [command, command];
		case "after eviction":
			return [command, { do: "evict" } as const, command];
	}
}

async function show(port: QueuePort, id: string): Promise<Run> {
	const run = must(await port.calls.run(id));
	const jobs = run.jobs?.map((job) => ({
		...job,
		attempts: job.attempts.map((attempt) => ({ ...attempt, log: null })),
		waiting: waitingOf(job.waiting),
	}));
	return { ...run, jobs } as unknown as Run;
}

type Waiting = NonNullable<Run["jobs"]>[number]["waiting"];

/** Whether there is a runner at all, and when one will be free, only the real one can know. */
function waitingOf(waiting: Waiting) {
	if (waiting === null || waiting.code === "backing-off") return waiting;
	const isRunners = waiting.code === "no-runner" || waiting.code === "runners-busy";
	return { ...waiting, expectedStartAt: null, ...(isRunners ? { code: "runners", detail: "" } : {}) };
}
