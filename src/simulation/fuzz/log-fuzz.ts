// Random commands against a simulated log, with its death between any two steps: chunks that come late, twice, overlapping or with
// a gap, an end told again and again, an archive that fails, answers late or twice, and alarms. A failure is told by its seed.
import { createHash } from "node:crypto";
import type { LogClose } from "../../contracts/objects/log-calls.ts";
import type { AppendKind } from "../../domain/log/log.ts";
import { logSealGraceMs } from "../../domain/limits.ts";
import type { SeededRandom } from "../../testing/random.ts";
import { seededRandom } from "../../testing/random.ts";
import { SimulatedLog, simulatedLogBytesMax, simulatedLogName } from "../world/simulated-log.ts";
import type { Arrival } from "../world/simulated-log.ts";

export type LogStep =
	| { do: "append"; from: number; to: number; kind: AppendKind }
	| { do: "end"; length: number | null }
	| { do: "close" }
	| { do: "deliver"; index: number; arrival: Arrival }
	| { do: "clock"; byMs: number }
	| { do: "alarm" }
	| { do: "evict" };

const stepsPerSeed = 60;
const roundsMax = 400;
const epoch = 1;
const lease = { ...simulatedLogName, pool: "default", shard: 0, epoch };

/** What the job printed: bytes that no shift of places leaves as they are. */
const printed = Uint8Array.from(
	{ length: simulatedLogBytesMax },
	(_, at) => (at * 31 + (at >> 8) * 7 + (at >> 16)) & 255,
);

class LogWorld {
	readonly log = new SimulatedLog();
	/** Bytes that the server has acknowledged. */
	acknowledged = 0;
	/** The attempt's end as the repository knows it. */
	end: LogClose | null = null;
	/** Whether the log has heard it: until then the repository tells it again. */
	isEndHeard = false;

	async step(step: LogStep): Promise<void> {
		await this.#do(step);
		await this.log.rest();
		this.#check();
	}

	async #do(step: LogStep): Promise<void> {
		const { log } = this;
		switch (step.do) {
			case "append":
				void log.engine
					.append(lease, step.from, printed.subarray(step.from, step.to), step.kind)
					.then((result) => {
						if (result.ok) this.acknowledged = Math.max(this.acknowledged, Math.min(step.to, result.value.length));
					})
					.catch(() => undefined);
				return;
			case "end": {
				if (this.end !== null) return;
				const { owner, repo, job, attempt } = simulatedLogName;
				const outcome = step.length === null ? "lost" : "passed";
				const sha256 = step.length === null ? null : digestOf(step.length);
				this.end = { owner, repo, job, attempt, epoch, outcome, length: step.length, sha256, retentionDays: 90 };
				log.admission = {
					...log.admission,
					state: step.length === null ? "lost" : "ok",
					work: "ended",
					hasEnded: true,
				};
				return;
			}
			case "close":
				if (this.end === null) return;
				void log.engine
					.close(this.end)
					.then(() => {
						this.isEndHeard = true;
					})
					.catch(() => undefined);
				return;
			case "deliver":
				return log.deliver(step.index, step.arrival);
			case "clock":
				return log.moveClock(step.byMs);
			case "alarm":
				return log.alarm();
			case "evict":
				return log.evict();
		}
	}

	/** [Z8] What was acknowledged is in the archive or, while there is none, in the object: all of it, once, in order. */
	#check(): void {
		const { archived } = this.log;
		if (archived === null) return;
		const { bytes, record } = archived;
		if (bytes.length !== record.length)
			throw new Error(`[Z8] an archive of ${bytes.length} bytes says ${record.length}`);
		if (Buffer.compare(bytes, printed.subarray(0, bytes.length)) !== 0)
			throw new Error("[Z8] the archive has other bytes than were printed");
		if (bytes.length < this.acknowledged)
			throw new Error(`[Z8] ${this.acknowledged} bytes were acknowledged, and the archive has ${bytes.length}`);
		if (record.sha256 !== digestOf(bytes.length)) throw new Error("[Z8] the archive's digest is not its bytes'");
		if (archived.outcome !== this.end?.outcome) throw new Error(`[Z8] the archive says ${archived.outcome}`);
		const other = this.log.reported.find((each) => each.length !== record.length || each.state !== record.state);
		if (other)
			throw new Error(`[Z8] the repository heard of ${other.length} bytes, and the archive has ${record.length}`);
	}

	/** From here on nothing goes wrong any more: one archive, the repository knows it, and the object is empty. */
	async settle(): Promise<void> {
		if (this.end === null) await this.step({ do: "end", length: this.acknowledged });
		for (let round = 0; round < roundsMax; round++) {
			if (!this.isEndHeard) await this.step({ do: "close" });
			while (this.log.callsUnderWay > 0) await this.step({ do: "deliver", index: 0, arrival: "arrives" });
			if (this.isEndHeard && this.#isOver()) return;
			await this.step({ do: "clock", byMs: logSealGraceMs / 10 });
			await this.step({ do: "alarm" });
		}
		const { archived, reported, storage } = this.log;
		throw new Error(
			`[Z8] the log has ended, and ${archived ? "it" : "nothing"} is in the archive, the repository heard ${reported.length} times, the alarm is ${storage.alarmAt}`,
		);
	}

	#isOver(): boolean {
		const { archived, reported, storage } = this.log;
		const tables = storage.sql.exec("SELECT name FROM sqlite_master").toArray();
		return archived !== null && reported.length > 0 && tables.length === 0;
	}
}

const digests = new Map<number, string>();

function digestOf(length: number): string {
	const known = digests.get(length) ?? createHash("sha256").update(printed.subarray(0, length)).digest("hex");
	digests.set(length, known);
	return known;
}

function someStep(random: SeededRandom, { acknowledged, end }: LogWorld): LogStep {
	const kind = random.below(20);
	if (kind < 7) return someAppend(random, acknowledged, end);
	if (kind < 14) {
		const arrival = random.pick(["arrives", "arrives", "arrives", "arrives", "fails", "answer-lost"] as const);
		return { do: "deliver", index: random.below(4), arrival };
	}
	if (kind === 14) return { do: "end", length: random.chance(0.3) ? null : acknowledged + random.pick([0, 0, 700]) };
	if (kind === 15) return { do: "close" };
	if (kind === 16) return { do: "evict" };
	if (kind === 17) return { do: "alarm" };
	return { do: "clock", byMs: random.pick([1, 20, 1_000, 60_000, logSealGraceMs]) };
}

/** Mostly where the server is; else before it, or with a gap. After a lost runner's end, what that left on its disk. */
function someAppend(random: SeededRandom, acknowledged: number, end: LogClose | null): LogStep {
	const from = Math.max(0, acknowledged + random.pick([0, 0, 0, 0, -50, -5_000, 3]));
	const size = random.pick([0, 1, 100, 5_000, 5_000, 280_000]);
	const most = end?.length ?? simulatedLogBytesMax;
	const to = Math.min(
		from + size,
		Math.max(from, random.chance(0.9) ? most : simulatedLogBytesMax),
		simulatedLogBytesMax,
	);
	const kind = end?.length === null && random.chance(0.7) ? random.pick(["left", "left", "last"] as const) : "live";
	return { do: "append", from, to, kind };
}

export async function playLogSeed(seed: number): Promise<void> {
	const random = seededRandom(seed);
	const steps: LogStep[] = [];
	const world = new LogWorld();
	try {
		while (steps.length < stepsPerSeed) {
			const step = someStep(random, world);
			steps.push(step);
			await world.step(step);
		}
		await world.settle();
	} catch (cause) {
		throw new Error(`seed ${seed}: ${await shortest(steps, cause)}`, { cause });
	}
}

/** What goes wrong when these steps are done again; null when nothing does. */
export async function replayLog(steps: readonly LogStep[]): Promise<string | null> {
	try {
		const world = new LogWorld();
		for (const step of steps) await world.step(step);
		await world.settle();
		return null;
	} catch (cause) {
		return cause instanceof Error ? cause.message : String(cause);
	}
}

async function shortest(steps: readonly LogStep[], cause: unknown): Promise<string> {
	let left = steps;
	for (let at = left.length - 1; at >= 0; at--) {
		const without = left.toSpliced(at, 1);
		if ((await replayLog(without)) !== null) left = without;
	}
	return `${cause}\n${left.length} of ${steps.length} steps:\n${left.map((step) => `\t${JSON.stringify(step)}`).join("\n")}`;
}
