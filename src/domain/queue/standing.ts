// What stands in a repository right now: its unfinished jobs in lanes and by deadline, held slots, counts by state. A cache
// that moves keep true, built from all unfinished jobs when its holder wakes; so no index on disk has to be kept for it.
import type { Fairness } from "./fairness.ts";
import { fairnessDefault, handicapMs, partyOf } from "./fairness.ts";
import { Heap } from "./heap.ts";
import type { JobId, Millis } from "../ids.ts";
import { jobIdFrom } from "../ids.ts";
import type { JobState, Move, RunnerName } from "../job/job.ts";
import type { KeptFrom } from "./lane-queue.ts";
import { LaneQueue } from "./lane-queue.ts";
import type { QueuedJob, QueuedPlace, PlacedJob } from "../job/queued-job.ts";
import { queuedJobOf } from "../job/queued-job.ts";
import { avoidMs } from "../limits.ts";
import type { Lane, Load } from "./queue.ts";
import { parseLaneKey } from "./queue.ts";

/** Who asks for a job. */
export interface Asker {
	runner: RunnerName["id"];
	now: Millis;
	/** Whether no other runner could take what waits in such a lane. */
	isOnlyOne(lane: Pick<Lane, "pool" | "labels">): boolean;
}

/** Which jobs are meant. */
export interface Matched {
	states: ReadonlySet<JobState>;
	label: string | null;
	ref: string | null;
}

interface OpenLane extends Pick<Lane, "pool" | "labels" | "group"> {
	queue: LaneQueue;
}

export class Standing {
	readonly load: Load = { running: 0, groups: new Map() };
	readonly counts: Record<Exclude<JobState, "finished">, number> = {
		blocked: 0,
		waiting: 0,
		leased: 0,
		running: 0,
		canceling: 0,
	};
	readonly #fairness: Fairness;
	readonly #jobs = new Map<JobId, PlacedJob>();
	readonly #lanes = new Map<string, OpenLane>();
	readonly #deadlines = new Heap<PlacedJob>((a, b) => a.deadline < b.deadline);
	/** Slots held, by party. */
	readonly #running = new Map<string, number>();
	/** Slots held, by pool. */
	readonly #runningIn = new Map<string, number>();
	/** Unfinished jobs, blocked ones too, by their lane. */
	readonly #inLane = new Map<string, number>();

	constructor(rows: Iterable<QueuedJob>, fairness: Fairness = fairnessDefault) {
		this.#fairness = fairness;
		for (const row of rows) this.#enter(jobIdFrom(row.run, row.index), row);
	}

	/** A job is taken out and put in anew: no field of its entry may be kept that a move has changed. */
	apply(moves: readonly Move[]): void {
		for (const { after } of moves) {
			this.#leave(after.id);
			const row = queuedJobOf(after);
			if (row) this.#enter(after.id, row);
		}
	}

	/** Lanes with somebody in them who may be claimed, by anybody or by whoever asks. */
	*lanes(asker: Asker | null = null): Iterable<Lane> {
		for (const { pool, labels, group, queue } of this.#lanes.values()) {
			const head = queue.head(asker === null || asker.isOnlyOne({ pool, labels }) ? null : keptFrom(asker));
			if (head === null) continue;
			const { run, index, since } = head.job;
			yield { pool, labels, group, waiting: queue.waiting, head: { run, index, rank: head.rank, since } };
		}
	}

	/** Unfinished jobs in one of these states, with `label` and of `ref` unless null, in no order. Passes over all that are unfinished. */
	*matching({ states, label, ref }: Matched): Iterable<QueuedPlace> {
		const lanes = new Map<string, boolean>();
		for (const job of this.#jobs.values()) {
			if (!states.has(job.state) || (ref !== null && job.ref !== ref)) continue;
			const known = label === null || lanes.get(job.lane);
			const fits = known ?? (label === null || parseLaneKey(job.lane).labels.includes(label));
			if (known === undefined) lanes.set(job.lane, fits);
			if (fits) yield job;
		}
	}

	/** From 1; null for a job that does not stand in a lane. */
	position(id: JobId): number | null {
		const job = this.#jobs.get(id);
		return job && job.rank !== null ? (this.#lanes.get(job.lane)?.queue.position(job) ?? null) : null;
	}

	/** Slots held by jobs of a pool. */
	runningIn(pool: string): number {
		return this.#runningIn.get(pool) ?? 0;
	}

	/** Lanes that the unfinished jobs stand in, or will. */
	get laneCount(): number {
		return this.#inLane.size;
	}

	hasLane(lane: string): boolean {
		return this.#inLane.has(lane);
	}

	/** Since when the job waits that waits longest; null when none does. Blocked jobs and those in backoff are not in a lane. */
	oldestSince(): Millis | null {
		let oldest: Millis | null = null;
		for (const { queue } of this.#lanes.values()) {
			const since = queue.oldestSince();
			if (since !== null && (oldest === null || since < oldest)) oldest = since;
		}
		return oldest;
	}

	/** What the alarm is set for [D13]. */
	earliestDeadline(): Millis | null {
		return this.#first(this.#deadlines)?.deadline ?? null;
	}

	/** Jobs whose deadline has passed, at most `limit`; they stay until a move takes them on. */
	due(now: Millis, limit: number): QueuedPlace[] {
		const due: PlacedJob[] = [];
		for (let next = this.#first(this.#deadlines); next && next.deadline <= now; next = this.#first(this.#deadlines)) {
			this.#deadlines.pop();
			due.push(next);
			if (due.length === limit) break;
		}
		// A turn that breaks off before their moves are committed must find them due again.
		for (const job of due) this.#deadlines.push(job);
		return due;
	}

	#first(heap: Heap<PlacedJob>): PlacedJob | undefined {
		for (let first = heap.peek(); first !== undefined; first = heap.peek()) {
			if (this.#counts(first)) return first;
			heap.pop();
		}
		return undefined;
	}

	/** Heaps keep entries of jobs that went on, since to find them there costs more than to pass over them at the top. */
	#counts(entry: PlacedJob): boolean {
		return this.#jobs.get(jobIdFrom(entry.run, entry.index)) === entry;
	}

	#enter(id: JobId, row: QueuedJob): void {
		const job: PlacedJob = { ...row, party: partyOf(row, this.#fairness) };
		this.#jobs.set(id, job);
		this.counts[job.state]++;
		add(this.#inLane, job.lane, 1);
		this.#deadlines.push(job);
		if (holdsSlot(job)) this.#hold(job, 1);
		if (job.rank === null) return;
		const lane = this.#lanes.get(job.lane) ?? { ...parseLaneKey(job.lane), queue: this.#newQueue() };
		this.#lanes.set(job.lane, lane);
		lane.queue.add(job);
	}

	#leave(id: JobId): void {
		const job = this.#jobs.get(id);
		if (!job) return;
		this.#jobs.delete(id);
		this.counts[job.state]--;
		add(this.#inLane, job.lane, -1);
		if (holdsSlot(job)) this.#hold(job, -1);
		const lane = job.rank === null ? undefined : this.#lanes.get(job.lane);
		if (!lane) return;
		lane.queue.remove(job);
		if (lane.queue.waiting === 0) this.#lanes.delete(job.lane);
	}

	#hold(job: PlacedJob, by: 1 | -1): void {
		this.load.running += by;
		add(this.#running, job.party, by);
		// The party's handicap has changed, and with it its place in every lane [Q6].
		for (const { queue } of this.#lanes.values()) queue.refresh(job.party);
		const { pool, group } = parseLaneKey(job.lane);
		add(this.#runningIn, pool, by);
		if (group !== null) add(this.load.groups, group, by);
	}

	#newQueue(): LaneQueue {
		const handicap = (party: string) => handicapMs(party, this.#running.get(party) ?? 0, this.#fairness);
		return new LaneQueue(handicap, (job) => this.#counts(job));
	}
}

/** [Q7] A job goes back to the runner that was lost with it only when no other has taken it for a while. */
function keptFrom({ runner, now }: Asker): KeptFrom {
	return { runner, isKept: (job) => now - job.since < avoidMs };
}

function add(counts: Map<string, number>, key: string, by: 1 | -1): void {
	const count = (counts.get(key) ?? 0) + by;
	if (count > 0) counts.set(key, count);
	else counts.delete(key);
}

/** A leased, running or canceling job takes a slot of its repository and of its group. */
function holdsSlot({ state }: QueuedJob): boolean {
	return state === "leased" || state === "running" || state === "canceling";
}
