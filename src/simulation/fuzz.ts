// Random commands against a simulated queue, with its death between any two of them, and every invariant after each. A failure is
// told by its seed and by the shortest list of commands that was found to repeat it.
import type { Millis } from "../domain/ids.ts";
import type { Job } from "../domain/job/job.ts";
import { hotMs } from "../engine/repo/archive/repo-archive.ts";
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
import { findLeftWaiting } from "./invariants/pools.ts";
import { InvariantMemory } from "./invariants/memory.ts";
import { Known } from "./known.ts";
import { isPoolCommand, performOnPool, runnerIds, simulatedRunner } from "./pool-command.ts";
import type { PoolCommand } from "./pool-command.ts";
import { must, aReport } from "./queue-driver.ts";
import { SimulatedPort } from "./world/simulated-port.ts";

export const stepsPerSeed = 100;
/** An object needs some time to come back. */
const wakeMs = 50;
/** Longer than a repository is left alone that could not be asked, or gave nothing; and how often that may be in a row. */
const settleMs = 1_000;
const restsMax = 5;
/** Rounds until everything must have ended: a run of five jobs with four attempts each needs far fewer. */
const roundsMax = 500;
/** A round of the archive comes each day, and one that failed after minutes; what is not settled in one is in the next. */
const hourMs = 3_600_000;
const archivedWithinMs = 3 * 24 * hourMs;

interface Play {
	seed: number;
	pools: boolean;
}

/** Whether there are runners at the end, and whether they are served by pools. */
export interface End {
	runners: boolean;
	pools: boolean;
}

const done: Answer = { code: "ok", grants: [], demand: [], jobs: 0 };

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

	async #do(command: Command | PoolCommand): Promise<Answer> {
		const before = this.stored;
		if (command.do === "evict") this.port.moveClock(wakeMs);
		const answer = isPoolCommand(command)
			? await performOnPool(this.port, command).then(() => done)
			: await perform(this.port, command);
		await this.port.rest();
		this.#stored = readStored(this.port.stored, before);
		this.known.note(command, answer);
		const { granted, givenUp } = this.port.takeNoted();
		for (const lease of granted) this.known.granted(lease);
		for (const lease of this.port.readPushed()) this.known.read(lease);
		if (answer.code === "ok") this.#noteRetried(command, before);
		const { known, port } = this;
		const all = { ...answer, grants: [...answer.grants, ...granted] };
		const facts = { command, answer: all, givenUp, now: port.now(), before, after: this.stored, known, port };
		checkInvariants(facts, this.#memory);
		return answer;
	}

	/** Whom somebody retried: a job by its name, or those of a run that had ended otherwise than by being skipped. */
	#noteRetried(command: Command | PoolCommand, before: Stored): void {
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
	async settle({ runners, pools }: End): Promise<void> {
		const request = { paused: false, maxRunning: 50, concurrencyGroups: {} };
		await this.#do({ do: "configure", request });
		if (pools && !runners) await this.#loseRunners();
		for (let round = 0; round < roundsMax; round++) {
			if (![...this.stored.jobs.values()].some(isOpen)) return this.#archiveAll();
			await this.#do({ do: "tell" });
			if (runners && !pools) await this.#work();
			if (runners && pools) await this.#workThroughPools();
			await this.#untilAlarm();
		}
		const [left] = [...this.stored.jobs.values()].filter(isOpen);
		throw new Error(`[I1] job ${left?.id} was accepted and is ${left?.state} for ever`);
	}

	/** [T31] Whatever failed before: once the archive takes runs again, all that ended a week ago are in it within days. */
	async #archiveAll(): Promise<void> {
		await this.#do({ do: "clock", byMs: hotMs });
		const until = this.port.now() + archivedWithinMs;
		while (this.stored.texts.archived.size < this.stored.runs.size) {
			const left = [...this.stored.runs.keys()].find((run) => !this.stored.texts.archived.has(run));
			if (this.port.now() > until) throw new Error(`[T31] run ${left} ended a week ago and is still here`);
			await this.#do({ do: "tell" });
			// A late alarm does as well, and some are set for each second.
			await this.#do({ do: "clock", byMs: hourMs });
			await this.#do({ do: "alarm" });
		}
	}

	/** Runners take what their pools believe to be there, and end all that they hold. */
	async #work(): Promise<void> {
		for (const { pool, believed } of [...this.port.pools.values()]) {
			if (!believed?.sets.length) continue;
			const runner = { id: "healthy", name: "healthy" };
			await this.#do({ do: "claim", runner, pool, labels: ["gpu", "linux"], free: 32 });
		}
		for (const { identity, isOver } of this.known.leases) {
			if (isOver) continue;
			await this.#do({ do: "start", lease: identity });
			await this.#do({ do: "finish", lease: identity, report: aReport() });
		}
	}

	/** All of a pool's runners are there, well and willing; each starts and ends what its pool pushes to it. */
	async #workThroughPools(): Promise<void> {
		for (const pool of [...this.port.pools.keys()]) {
			const { settings } = this.port.pool(pool).shard(0).engine.memory;
			if (settings.paused || settings.draining)
				await this.#do({ do: "pool-settings", pool, patch: { paused: false, draining: false } });
			for (const runner of runnerIds) await this.#revive({ pool, runner });
		}
		await this.#do({ do: "tell" });
		let left: string | null = "not looked at yet";
		for (let waited = 0; left !== null && waited < restsMax; waited++) {
			await this.#do({ do: "clock", byMs: settleMs });
			await this.#do({ do: "tell" });
			left = findLeftWaiting(this.port, this.stored);
		}
		if (left !== null) throw new Error(left);
		for (const lease of this.known.leases) {
			if (lease.isOver || lease.isUnread) continue;
			await this.#do({ do: "start", lease: lease.identity });
			await this.#do({ do: "finish", lease: lease.identity, report: aReport() });
		}
		await this.#do({ do: "tell" });
	}

	async #loseRunners(): Promise<void> {
		for (const { pool, runners } of this.port.pools.values()) {
			for (const { identity } of runners) {
				await this.#do({ do: "runner-drops", pool, runner: identity.id, isTold: true });
			}
		}
	}

	async #revive(which: { pool: string; runner: string }): Promise<void> {
		const runner = simulatedRunner(this.port, which);
		// One that was frozen opens another session: the pings of the old one would wake no pool before the next demand.
		if (!runner.isWilling || runner.wasFrozen) await this.#do({ do: "runner-comes", isNewProcess: false, ...which });
		const known = this.port.pool(which.pool).shard(runner.identity.shard).engine.memory.runners.get(which.runner);
		if (known?.draining) await this.#do({ do: "runner-drains", draining: false, ...which });
		if (known?.unwell || known?.faults) await this.#do({ do: "runner-is-unwell", unwell: false, ...which });
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

/** `pools`: jobs are handed out by pools to runners that come and go, and not by claims made up. */
export async function playSeed(seed: number, { pools = false } = {}): Promise<void> {
	const random = seededRandom(seed);
	const steps: Step[] = [];
	try {
		await play(random, { seed, pools }, steps);
	} catch (cause) {
		throw new Error(await tellFailure({ seed, pools }, steps, cause), { cause });
	}
}

async function play(random: SeededRandom, { seed, pools }: Play, steps: Step[]): Promise<void> {
	const world = await World.open();
	const chance = chanceOf(random, { weeks: true, shards: true, runners: pools });
	while (steps.length < stepsPerSeed) {
		const step = chance(world.known, world.port.now());
		steps.push(step);
		await world.step(step);
	}
	await world.settle(endOf({ seed, pools }));
}

/** Every third world has no runners left at its end. */
function endOf({ seed, pools }: Play): End {
	return { runners: seed % 3 !== 0, pools };
}

/** The message of what goes wrong when these steps are done again; null when nothing does. */
export async function replay(steps: readonly Step[], end: End): Promise<string | null> {
	try {
		const world = await World.open();
		for (const step of steps) await world.step(step);
		await world.settle(end);
		return null;
	} catch (cause) {
		return messageOf(cause);
	}
}

async function tellFailure(play: Play, steps: readonly Step[], cause: unknown): Promise<string> {
	const kind = kindOf(messageOf(cause));
	const shortest = await shorten(steps, async (some) => kindOf((await replay(some, endOf(play))) ?? "") === kind);
	const lines = shortest.map((step) => `\t${JSON.stringify(step)}`);
	return `seed ${play.seed}: ${messageOf(cause)}\n${shortest.length} of ${steps.length} steps:\n${lines.join("\n")}`;
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
