// What the engine answers in Node under random commands, written down so that the object in the runtime can be held to it: the
// tests of workers/ run where there is no SQLite of Node's. What only the runtime knows (logs, other runners) is left out.
import { createHash } from "node:crypto";
import type { Run } from "../contracts/http/run.ts";
import type { Millis } from "../domain/ids.ts";
import { assert } from "../domain/refusal.ts";
import { seededRandom } from "../testing/random.ts";
import type { Step } from "./chance.ts";
import { chanceOf } from "./chance.ts";
import type { Answer, Command } from "./command.ts";
import { perform } from "./command.ts";
import { Known } from "./known.ts";
import { isPoolCommand } from "./pool-command.ts";
import { must } from "./queue-driver.ts";
import type { QueuePort } from "./world/queue-port.ts";
import { SimulatedPort } from "./world/simulated-port.ts";

export interface RecordedStep {
	step: Step;
	/** One for each of `commandsOf(step)`. */
	answers: Answer[];
	/** By run, the digest of what is shown of it after the step. */
	shown: Record<string, string>;
}

declare module "vitest" {
	export interface ProvidedContext {
		chance: { seed: number; owner: string; now: Millis; recorded: RecordedStep[] }[];
	}
}

/** Commands that move the clock by weeks are left out: the object's archive works by the runtime's own clock. */
export async function recordChance(seed: number, place: { owner: string; now: Millis; steps: number }) {
	const port = new SimulatedPort(place.owner, place.now);
	must(await port.calls.configure({ owner: place.owner, repo: "web", request: {}, replace: true }));
	const chance = chanceOf(seededRandom(seed), { weeks: false, shards: false });
	const known = new Known();
	const recorded: RecordedStep[] = [];
	while (recorded.length < place.steps) {
		const step = chance(known, port.now());
		port.random = step.random;
		const answers: Answer[] = [];
		for (const command of commandsOf(step)) {
			const answer = await perform(port, command);
			await port.rest();
			known.note(command, answer);
			answers.push(answer);
		}
		recorded.push({ step, answers, shown: await showAll(port, known.runs.keys()) });
	}
	return recorded;
}

export function commandsOf({ command, again }: Step): Command[] {
	assert(!isPoolCommand(command), "what is recorded is asked of a queue alone");
	switch (again) {
		case "no":
			return [command];
		case "at once":
			return [command, command];
		case "after eviction":
			return [command, { do: "evict" }, command];
	}
}

export async function showAll(port: QueuePort, runs: Iterable<string>): Promise<Record<string, string>> {
	const shown: Record<string, string> = {};
	for (const id of runs) {
		const text = JSON.stringify(comparable(must(await port.calls.run(id))));
		shown[id] = createHash("sha256").update(text).digest("base64").slice(0, 12);
	}
	return shown;
}

function comparable(run: Run): unknown {
	const jobs = run.jobs?.map((job) => ({
		...job,
		attempts: job.attempts.map((attempt) => ({ ...attempt, log: null })),
		waiting: waitingOf(job.waiting),
	}));
	return { ...run, jobs };
}

type Waiting = NonNullable<Run["jobs"]>[number]["waiting"];

/** Whether there is a runner at all, and when one will be free, each world knows of its own. */
function waitingOf(waiting: Waiting): unknown {
	if (waiting === null) return waiting;
	const isLeftToOthers = waiting.detail.startsWith("left to other runners");
	const isRunners = isLeftToOthers || waiting.code === "no-runner" || waiting.code === "runners-busy";
	if (waiting.code === "backing-off" && !isLeftToOthers) return waiting;
	return { ...waiting, expectedStartAt: null, ...(isRunners ? { code: "runners", detail: "" } : {}) };
}
