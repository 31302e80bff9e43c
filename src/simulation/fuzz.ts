// Random commands against a simulated queue, with its death between any two of them, and every invariant after each. A failure is
// told by its seed and by the shortest list of commands that was found to repeat it.
import type { Millis } from "../domain/ids.ts";
import type { Job } from "../domain/job/job.ts";
import { noon } from "../testing/clock.ts";
import type { SeededRandom } from "../testing/random.ts";
import { seededRandom } from "../testing/random.ts";
import type { Step } from "./chance.ts";
import { chanceOf } from "./chance.ts";
import type { Answer, Command } from "./command.ts";
import { perform } from "./command.ts";
import type { Stored } from "./facts.ts";
import { isOpen, isSameStored, readStored } from "./facts.ts";
import { checkInvariants } from "./invariants.ts";
import { InvariantMemory } from "./invariants/memory.ts";
import { Known } from "./known.ts";
import { must, aReport } from "./queue-driver.ts";
import { SimulatedPort } from "./simulated-port.ts";

export const stepsPerSeed = 100;
/** An object needs some time to come back. */
const wakeMs = 50;
/** Rounds until everything must have ended: a run of five jobs with four attempts each needs far fewer. */
const roundsMax = 500;

/** A simulated queue with those around it, held to the invariants with each step. */
export class World {
	readonly port = new SimulatedPort("acme", noon);
	readonly known = new Known();
	readonly #memory = new InvariantMemory();
	#stored: Stored | null = null;

	static async open(): Promise<World> {
		const world = new World();
		must(await world.port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
		return world;
	}

	get stored(): Stored {
		this.#stored ??= readStored(this.port.stored, null);
		return this.#stored;
	}

	async step({ command, random, again }: Step): Promise<void> {
		this.port.random = random;
		const answer = await this.#do(command);
		if (again === "no") return;
		if (again === "after eviction") await this.#do({ do: "evict" });
		const [stored, runs] = [this.stored.texts, this.#runs()];
		await this.#do(command);
		if (answer.code === "ok" && (!isSameStored(stored, this.stored.texts) || this.#runs() !== runs)) {
			throw new Error(`[I4] a ${command.do} told twice has another effect than once`);
		}
	}

	/** As they are shown, versions included. */
	#runs(): string {
		return JSON.stringify(
			[...this.known.runs.keys()].map((id) => this.port.queue.run(id) ?? this.port.stored.runs.get(id)),
		);
	}

	async #do(command: Command): Promise<Answer> {
		const before = this.stored;
		if (command.do === "evict") this.port.moveClock(wakeMs);
		const answer = await perform(this.port, command);
		await this.port.rest();
		this.#stored = readStored(this.port.stored, before);
		this.known.note(command, answer);
		if (answer.code === "ok") this.#noteRetried(command, before);
		const { known, port } = this;
		checkInvariants({ command, answer, now: port.now(), before, after: this.stored, known, port }, this.#memory);
		return answer;
	}

	/** Whom somebody retried: a job by its name, or those of a run that had ended otherwise than by being skipped. */
	#noteRetried(command: Command, before: Stored): void {
		if (command.do === "retry-job") this.#memory.retried.add(command.job);
		if (command.do === "retry-matching") {
			for (const job of before.jobs.values()) if (matches(before, job, command)) this.#memory.retried.add(job.id);
		}
		if (command.do !== "retry-run") return;
		for (const job of before.jobs.values()) {
			const isMeant = job.run === command.run && job.state === "finished" && job.outcome !== "skipped";
			if (isMeant) this.#memory.retried.add(job.id);
		}
	}

	/** From here on nothing goes wrong any more: all that was accepted must come to its end. */
	async settle({ runners }: { runners: boolean }): Promise<void> {
		const request = { paused: false, maxRunning: 50, concurrencyGroups: {} };
		await this.#do({ do: "configure", request });
		for (let round = 0; round < roundsMax; round++) {
			if (![...this.stored.jobs.values()].some(isOpen)) return;
			await this.#do({ do: "tell" });
			if (runners) await this.#work();
			await this.#untilAlarm();
		}
		const [left] = [...this.stored.jobs.values()].filter(isOpen);
		throw new Error(`[I1] job ${left?.id} was accepted and is ${left?.state} for ever`);
	}

	/** Runners take what their pools believe to be there, and end all that they hold. */
	async #work(): Promise<void> {
		for (const { pool, believed } of [...this.port.pools.values()]) {
			if (!believed?.sets.length) continue;
			const runner = { id: "healthy", name: "healthy" };
			await this.#do({ do: "claim", runner, pool, labels: ["gpu", "linux"], free: 32 });
		}
		for (const { claim, isOver } of this.known.leases) {
			if (isOver) continue;
			await this.#do({ do: "start", lease: claim });
			await this.#do({ do: "finish", lease: claim, report: aReport() });
		}
	}

	/** A late alarm does as well, so the clock may jump to the first deadline. */
	async #untilAlarm(): Promise<void> {
		const alarmAt = this.port.storage.alarmAt;
		if (alarmAt === null) {
			if ([...this.stored.jobs.values()].some(isOpen))
				throw new Error("[I10] something is unfinished, and no alarm is set");
			return;
		}
		const deadline: Millis = this.port.queue.standing.earliestDeadline() ?? alarmAt;
		await this.#do({ do: "clock", byMs: Math.max(0, alarmAt - this.port.now(), deadline - this.port.now()) });
		await this.#do({ do: "alarm" });
	}
}

/** Whether a bulk retry takes it: of runs that a newer one superseded, none. */
function matches(
	{ runs }: Stored,
	job: Job,
	{ outcome, label, ref }: Extract<Command, { do: "retry-matching" }>,
): boolean {
	if (job.state !== "finished" || runs.get(job.run)?.supersededBy !== null) return false;
	if (!outcome.some((wanted) => wanted === job.outcome)) return false;
	return (ref === null || job.ref === ref) && (label === null || job.spec.labels.includes(label));
}

export async function playSeed(seed: number): Promise<void> {
	const random = seededRandom(seed);
	const steps: Step[] = [];
	try {
		await play(random, seed, steps);
	} catch (cause) {
		throw new Error(await tellFailure(seed, steps, cause), { cause });
	}
}

async function play(random: SeededRandom, seed: number, steps: Step[]): Promise<void> {
	const world = await World.open();
	const chance = chanceOf(random, { weeks: true, shards: true });
	while (steps.length < stepsPerSeed) {
		const step = chance(world.known, world.port.now());
		steps.push(step);
		await world.step(step);
	}
	await world.settle(endOf(seed));
}

/** Every third world has no runners left at its end. */
function endOf(seed: number): { runners: boolean } {
	return { runners: seed % 3 !== 0 };
}

/** The message of what goes wrong when these steps are done again; null when nothing does. */
export async function replay(steps: readonly Step[], end: { runners: boolean }): Promise<string | null> {
	try {
		const world = await World.open();
		for (const step of steps) await world.step(step);
		await world.settle(end);
		return null;
	} catch (cause) {
		return messageOf(cause);
	}
}

async function tellFailure(seed: number, steps: readonly Step[], cause: unknown): Promise<string> {
	const kind = kindOf(messageOf(cause));
	const shortest = await shorten(steps, async (some) => kindOf((await replay(some, endOf(seed))) ?? "") === kind);
	const lines = shortest.map((step) => `\t${JSON.stringify(step)}`);
	return `seed ${seed}: ${messageOf(cause)}\n${shortest.length} of ${steps.length} steps:\n${lines.join("\n")}`;
}

/** Leaves out ever smaller parts, as long as what is left still fails alike. */
async function shorten(
	steps: readonly Step[],
	fails: (some: readonly Step[]) => Promise<boolean>,
): Promise<readonly Step[]> {
	let left = steps;
	for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
		for (let from = 0; from < left.length; ) {
			const without = [...left.slice(0, from), ...left.slice(from + size)];
			if (await fails(without)) left = without;
			else from += size;
		}
	}
	return left;
}

/** The invariant's id; of any other fault, its words without what differs from case to case. */
function kindOf(message: string): string {
	return /^\[\w+\]/.exec(message)?.[0] ?? message.replaceAll(/\S*\d\S*/g, "");
}

function messageOf(cause: unknown): string {
	return cause instanceof Error ? cause.message : String(cause);
}
