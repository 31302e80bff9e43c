// A log's engine in a world made by hand: its storage outlives it, the clock is moved by commands, and each call to a far end is
// under way until a command lets it arrive, fail, or arrive with its answer lost. What is under way when the engine dies is lost,
// but for what the archive was sent: that may still arrive.
import type { LogAdmission } from "../../contracts/objects/objects.ts";
import type { LogName } from "../../contracts/wire/object-name.ts";
import { Outage } from "../../contracts/wire/outage.ts";
import type { Millis } from "../../domain/ids.ts";
import type { LogRecord } from "../../domain/job/job.ts";
import { unpackBlock } from "../../engine/log/log-block.ts";
import { LogEngine } from "../../engine/log/log-engine.ts";
import type { Archived, Sealing } from "../../engine/log/log-ports.ts";
import type { World } from "../../engine/ports.ts";
import { noon } from "../../testing/clock.ts";
import { SqliteStorage } from "./sqlite-storage.ts";
import { StoredValues } from "./stored-values.ts";

export const simulatedLogName: LogName = { owner: "acme", repo: "web", job: "jaaaaaaaaaaaaaaaaaaaaaaaa-0", attempt: 1 };
export const simulatedLogBytesMax = 900_000;

/** What becomes of a call that is under way. */
export type Arrival = "arrives" | "fails" | "answer-lost";

interface UnderWay {
	arrive: () => void;
	fail: () => void;
	/** What it does at its far end although nobody waits for the answer any more. */
	stray: (() => void) | null;
}

export interface ArchivedLog extends Archived {
	bytes: Uint8Array;
}

export class SimulatedLog {
	readonly storage = new SqliteStorage();
	/** The one archive of this log, once there is one. */
	archived: ArchivedLog | null = null;
	/** How often the archive was asked to take the log. */
	puts = 0;
	/** What the repository heard of the log's end, each time. */
	readonly reported: LogRecord[] = [];
	/** What the repository says of the lease. */
	admission: LogAdmission = { state: "ok", work: "held", hasEnded: false, logBytesMax: simulatedLogBytesMax };
	#now: Millis = noon;
	#underWay: UnderWay[] = [];
	#strays: (() => void)[] = [];
	#waits: { at: Millis; done: () => void }[] = [];
	#engine = this.#wake();

	get engine(): LogEngine {
		return this.#engine;
	}

	get now(): Millis {
		return this.#now;
	}

	get callsUnderWay(): number {
		return this.#underWay.length + this.#strays.length;
	}

	/** Everything that the engine does by itself until it waits for a far end or for time. */
	async rest(): Promise<void> {
		await new Promise((resolve) => setImmediate(resolve));
	}

	async moveClock(byMs: number): Promise<void> {
		this.#now += byMs;
		const due = this.#waits.filter(({ at }) => at <= this.#now);
		this.#waits = this.#waits.filter(({ at }) => at > this.#now);
		for (const { done } of due) done();
		await this.rest();
	}

	/** Goes off if its time has come. What an alarm throws, the platform repeats: so does the next command. */
	async alarm(): Promise<void> {
		const { alarmAt } = this.storage;
		if (alarmAt === null || alarmAt > this.#now) return;
		this.storage.alarmAt = null;
		void this.#engine.alarm().catch(() => undefined);
		await this.rest();
	}

	async deliver(index: number, arrival: Arrival): Promise<void> {
		const all = [...this.#underWay, ...this.#strays];
		const chosen = all[index % Math.max(all.length, 1)];
		if (chosen === undefined) return;
		if (typeof chosen === "function") {
			this.#strays = this.#strays.filter((stray) => stray !== chosen);
			if (arrival !== "fails") chosen();
		} else {
			this.#underWay = this.#underWay.filter((call) => call !== chosen);
			if (arrival === "arrives") chosen.arrive();
			else {
				if (arrival === "answer-lost") chosen.stray?.();
				chosen.fail();
			}
		}
		await this.rest();
	}

	/** The engine dies. */
	evict(): void {
		this.#strays.push(...this.#underWay.flatMap(({ stray }) => (stray === null ? [] : [stray])));
		this.#underWay = [];
		this.#waits = [];
		this.#engine = this.#wake();
	}

	#wake(): LogEngine {
		const world: World = {
			storage: this.storage,
			now: () => this.#now,
			random: () => 0.5,
			wait: (ms) => {
				const { promise, resolve } = Promise.withResolvers<void>();
				const wait = { at: this.#now + ms, done: resolve };
				this.#waits.push(wait);
				const cancel = () => {
					this.#waits = this.#waits.filter((each) => each !== wait);
				};
				return { done: promise, cancel };
			},
			giveWay: async () => {},
			report: () => {},
		};
		const outside = {
			confirmLog: () => this.#call(() => this.admission),
			logSealed: ({ record }: { record: LogRecord }) => this.#call(() => void this.reported.push(record), true),
		};
		return new LogEngine({
			name: simulatedLogName,
			world,
			values: new StoredValues(this.storage),
			sockets: { getWebSockets: () => [], getTags: () => [] },
			outside: {
				repo: () => outside,
				mayArchive: () => true,
				archive: {
					head: () =>
						this.#call(() => this.archived && { record: this.archived.record, outcome: this.archived.outcome }),
					put: (_, log) => {
						const sent = contentOf(log);
						return this.#call(() => this.#put(sent), true);
					},
				},
				renew: async () => undefined,
				endedTokens: async () => [],
				sessionStanding: async () => ({ ended: [], memberships: [] }),
				hasRoom: () => true,
				later: (work) => void work.catch(() => undefined),
			},
		});
	}

	#put(log: ArchivedLog): boolean {
		this.puts++;
		if (this.archived !== null) return false;
		this.archived = log;
		return true;
	}

	/** `acts`: it does something there, which may happen when the engine that made the call is dead. */
	#call<T>(work: () => T, acts = false): Promise<T> {
		const { promise, resolve, reject } = Promise.withResolvers<T>();
		this.#underWay.push({
			arrive: () => resolve(work()),
			fail: () => reject(new Outage("lost on the way")),
			stray: acts ? () => void work() : null,
		});
		return promise;
	}
}

/** As the archive would have it: each block unpacked alone. */
function contentOf({ record, outcome, parts }: Sealing): ArchivedLog {
	const blocks = parts.sizes.map((_, at) => unpackBlock(parts.part(at)));
	return { record, outcome, bytes: Buffer.concat(blocks) };
}
