// Random commands against the feed of one simulated run: updates that come late, twice or not at all, looks whose answers are late
// or lost, watchers that come, leave and come back by their place, and the death of the engine between any two steps.
import type { RunEvent, WatchedRun } from "../../contracts/http/streams/run-events.ts";
import type { Job, Run } from "../../contracts/http/run.ts";
import type { RunUpdate } from "../../contracts/objects/feed.ts";
import { Outage } from "../../contracts/wire/outage.ts";
import type { Result } from "../../domain/refusal.ts";
import { accept } from "../../domain/refusal.ts";
import { FeedEngine } from "../../engine/feed/feed-engine.ts";
import type { HeldSocket } from "../../engine/sockets.ts";
import { noon } from "../../testing/clock.ts";
import type { SeededRandom } from "../../testing/random.ts";
import { seededRandom } from "../../testing/random.ts";
import { aWireJob, aWireRun } from "../../testing/wire-builders.ts";
import { SqliteStorage } from "../world/sqlite-storage.ts";

const stepsPerSeed = 80;
const jobKeys = ["a", "b", "c"];
const openState = 1;
const closedState = 3;

/** A watcher's end of a socket, and what it made of the messages. */
class SimulatedWatcher implements HeldSocket {
	readyState: number = openState;
	seq: number | null;
	version = 0;
	run: WatchedRun | null = null;
	readonly jobs = new Map<string, Job>();

	readonly #note: (fault: Fault) => void;

	/** `note`: a sender takes what `send` throws for a closed socket, so faults are told apart. */
	constructor(earlier: SimulatedWatcher | null, note: (fault: Fault) => void) {
		this.#note = note;
		this.seq = earlier?.seq ?? null;
		this.version = earlier?.version ?? 0;
		this.run = earlier?.run ?? null;
		for (const [id, job] of earlier?.jobs ?? []) this.jobs.set(id, job);
	}

	send(text: string): void {
		if (this.readyState !== openState) throw new Error("the socket is closed");
		const event: RunEvent = JSON.parse(text);
		if (this.seq !== null && event.seq <= this.seq) this.#note(new Fault(`event ${event.seq} came after ${this.seq}`));
		this.seq = event.seq;
		if (event.type === "job") {
			this.jobs.set(event.job.id, event.job);
			return;
		}
		const { jobs, ...run } = event.type === "snapshot" ? event.run : { ...event.run, jobs: [] };
		if (run.version < this.version) this.#note(new Fault(`version ${run.version} came after ${this.version}`));
		this.version = run.version;
		this.run = run;
		for (const job of jobs) this.jobs.set(job.id, job);
	}

	close(): void {
		this.readyState = closedState;
	}

	serializeAttachment(): void {}

	deserializeAttachment(): unknown {
		return null;
	}
}

/** What an invariant found. */
class Fault extends Error {}

class FeedWorld {
	readonly #storage = new SqliteStorage();
	#watchers: SimulatedWatcher[] = [];
	/** Those that left, and may come back by their place. */
	#left: SimulatedWatcher[] = [];
	#faults: Fault[] = [];
	#now = noon;
	#run: Run = aWireRun({ state: "running", outcome: null, version: 1, jobs: jobKeys.map((key) => aWireJob(key)) });
	#told = 1;
	#updates: RunUpdate[] = [];
	#underWay: { answer: Result<Run>; resolve: (run: Result<Run>) => void; reject: (cause: unknown) => void }[] = [];
	#engine = this.#wake();

	async step(random: SeededRandom): Promise<void> {
		const kind = random.below(20);
		if (kind < 5) this.#change(random);
		else if (kind < 9) this.#hear(random);
		else if (kind < 13) this.#answer(random.below(3), random.chance(0.2));
		else if (kind < 15) this.#watch(random);
		else if (kind === 15) await this.#leave(random);
		else if (kind === 16) this.#evict();
		else if (kind === 17) void this.#engine.heard(this.#run.version).catch(() => undefined);
		else if (kind === 18) this.#now += random.pick([1, 30_000, 60_000, 10 * 60_000]);
		else await this.#alarm();
		await this.rest();
	}

	async rest(): Promise<void> {
		await new Promise((resolve) => setImmediate(resolve));
		const [fault] = this.#faults;
		if (fault) throw fault;
	}

	/** From here on nothing is lost: each watcher ends with the run as it is. */
	async settle(): Promise<void> {
		for (let round = 0; round < 20; round++) {
			for (const update of this.#updates.splice(0)) void this.#engine.changed([update]).catch(() => undefined);
			void this.#engine.heard(this.#run.version).catch(() => undefined);
			await this.rest();
			while (this.#underWay.length > 0) {
				this.#answer(0, false);
				await this.rest();
			}
		}
		const { jobs = [], ...run } = this.#run;
		for (const watcher of this.#watchers) {
			const seen = JSON.stringify([watcher.run, jobs.map(({ id }) => watcher.jobs.get(id))]);
			if (seen !== JSON.stringify([run, jobs]))
				throw new Fault(`a watcher saw version ${watcher.version}, and the run is at ${run.version}`);
		}
	}

	#change(random: SeededRandom): void {
		const at = random.below(jobKeys.length);
		const { jobs = [], version } = this.#run;
		const job = { ...jobs[at], priority: version } as Job;
		this.#run = { ...this.#run, version: version + 1, jobs: jobs.with(at, job) };
		if (random.chance(0.2)) return;
		const { jobs: all = [], ...run } = this.#run;
		// Several changes may be told as one: all jobs that it touched go along.
		const isWhole = this.#told !== version;
		this.#updates.push({ at: this.#now, run, since: this.#told, jobs: isWhole ? all : [job] });
		this.#told = run.version;
	}

	#hear(random: SeededRandom): void {
		const at = random.chance(0.7) ? 0 : random.below(Math.max(this.#updates.length, 1));
		const update = this.#updates[at];
		if (update === undefined) return;
		if (!random.chance(0.15)) this.#updates.splice(at, 1);
		if (random.chance(0.15)) return;
		void this.#engine.changed([update]).catch(() => undefined);
	}

	#answer(index: number, isLost: boolean): void {
		const [call] = this.#underWay.splice(index % Math.max(this.#underWay.length, 1), 1);
		if (isLost) call?.reject(new Outage("lost on the way"));
		else call?.resolve(call.answer);
	}

	#watch(random: SeededRandom): void {
		const earlier = random.chance(0.5) ? (this.#left.shift() ?? null) : null;
		const watcher = new SimulatedWatcher(earlier, (fault) => void this.#faults.push(fault));
		const after = watcher.seq;
		void this.#engine
			.watch({ after, restsOn: [] }, () => {
				this.#watchers.push(watcher);
				return watcher;
			})
			.catch(() => undefined);
	}

	async #leave(random: SeededRandom): Promise<void> {
		const watcher = this.#watchers[random.below(Math.max(this.#watchers.length, 1))];
		if (watcher === undefined) return;
		watcher.close();
		this.#watchers = this.#watchers.filter((each) => each !== watcher);
		this.#left.push(watcher);
		await this.#engine.left(watcher);
	}

	async #alarm(): Promise<void> {
		const { alarmAt } = this.#storage;
		if (alarmAt === null || alarmAt > this.#now) return;
		this.#storage.alarmAt = null;
		await this.#engine.alarm();
	}

	#evict(): void {
		this.#underWay = [];
		this.#engine = this.#wake();
	}

	#wake(): FeedEngine {
		return new FeedEngine({
			name: { owner: "acme", repo: "web", run: "raaaaaaaaaaaaaaaaaaaaaaaa" },
			world: {
				storage: this.#storage,
				now: () => this.#now,
				random: () => 0.5,
				wait: () => ({ done: Promise.resolve(), cancel: () => {} }),
				giveWay: async () => {},
				report: () => {},
			},
			sockets: { getWebSockets: () => [...this.#watchers], getTags: () => [] },
			outside: {
				run: () =>
					new Promise((resolve, reject) => {
						this.#underWay.push({ answer: accept(this.#run), resolve, reject });
					}),
				endedTokens: async () => [],
				sessionStanding: async () => ({ ended: [], memberships: [] }),
				later: (work) => void work.catch(() => undefined),
			},
		});
	}
}

export async function playFeedSeed(seed: number): Promise<void> {
	const random = seededRandom(seed);
	const world = new FeedWorld();
	try {
		for (let step = 0; step < stepsPerSeed; step++) await world.step(random);
		await world.settle();
	} catch (cause) {
		throw new Error(`seed ${seed}: [Z9] ${cause}`, { cause });
	}
}
