// What stands in a repository right now: its unfinished jobs in lanes and by deadline, held slots, counts by state. A cache
// that moves keep true, built from all unfinished jobs when its holder wakes; so no index on disk has to be kept for it.
import { Heap } from "./heap.ts";
import type { JobId, Millis, RunId } from "./ids.ts";
import { jobIdFrom } from "./ids.ts";
import type { Job, JobState, Move } from "./job.ts";
import { deadlineOf, rank } from "./job.ts";
import type { Lane, Load } from "./queue.ts";
import { laneKey, parseLaneKey } from "./queue.ts";

/** What is known of an unfinished job without its document. */
export interface OpenJob {
	run: RunId;
	index: number;
	state: Exclude<JobState, "finished">;
	lane: string;
	/** Null while it may not be claimed. */
	rank: number | null;
	since: Millis;
	deadline: Millis;
}

export interface Place {
	run: RunId;
	index: number;
}

interface LaneQueue extends Pick<Lane, "pool" | "labels" | "group"> {
	waiting: number;
	heap: Heap<OpenJob>;
}

/** Null for a finished job. */
export function openJobOf(job: Job): OpenJob | null {
	const deadline = deadlineOf(job);
	if (job.state === "finished" || deadline === null) return null;
	const queued = job.state === "waiting" && job.notBefore === null;
	const since = job.state === "waiting" || job.state === "blocked" ? job.since : job.createdAt;
	const { run, index, state } = job;
	return { run, index, state, lane: laneKey(job), rank: queued ? rank(job) : null, since, deadline };
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
	readonly #jobs = new Map<JobId, OpenJob>();
	readonly #lanes = new Map<string, LaneQueue>();
	readonly #deadlines = new Heap<OpenJob>((a, b) => a.deadline < b.deadline);

	constructor(jobs: Iterable<OpenJob>) {
		for (const job of jobs) this.#enter(jobIdFrom(job.run, job.index), job);
	}

	apply(moves: readonly Move[]): void {
		for (const { after } of moves) {
			this.#leave(after.id);
			const open = openJobOf(after);
			if (open) this.#enter(after.id, open);
		}
	}

	/** Lanes with somebody in them who may be claimed. */
	*lanes(): Iterable<Lane> {
		for (const [key, { pool, labels, group, waiting, heap }] of this.#lanes) {
			const head = this.#first(heap);
			if (head && head.rank !== null) {
				yield { key, pool, labels, group, waiting, head: { rank: head.rank, since: head.since } };
			}
		}
	}

	/** Who goes next in a lane. */
	head(lane: string): Place | null {
		const queue = this.#lanes.get(lane);
		return (queue && this.#first(queue.heap)) ?? null;
	}

	/** From 1; null for a job that does not stand in a lane. Costs as much as the lane is long. */
	position(id: JobId): number | null {
		const job = this.#jobs.get(id);
		if (!job || job.rank === null) return null;
		let before = 0;
		for (const other of this.#lanes.get(job.lane)?.heap ?? []) {
			if (this.#counts(other) && goesBefore(other, job)) before++;
		}
		return before + 1;
	}

	oldestSince(): Millis | null {
		let oldest: Millis | null = null;
		for (const { head } of this.lanes()) if (head && (oldest === null || head.since < oldest)) oldest = head.since;
		return oldest;
	}

	earliestDeadline(): Millis | null {
		return this.#first(this.#deadlines)?.deadline ?? null;
	}

	/** Jobs whose deadline has passed, at most `limit`; they stay until a move takes them on. */
	due(now: Millis, limit: number): Place[] {
		const due: OpenJob[] = [];
		for (let next = this.#first(this.#deadlines); next && next.deadline <= now; next = this.#first(this.#deadlines)) {
			this.#deadlines.pop();
			due.push(next);
			if (due.length === limit) break;
		}
		for (const job of due) this.#deadlines.push(job);
		return due;
	}

	#first(heap: Heap<OpenJob>): OpenJob | undefined {
		for (let first = heap.peek(); first !== undefined; first = heap.peek()) {
			if (this.#counts(first)) return first;
			heap.pop();
		}
		return undefined;
	}

	#counts(entry: OpenJob): boolean {
		return this.#jobs.get(jobIdFrom(entry.run, entry.index)) === entry;
	}

	#enter(id: JobId, job: OpenJob): void {
		this.#jobs.set(id, job);
		this.counts[job.state]++;
		this.#deadlines.push(job);
		if (holdsSlot(job)) this.#hold(job, 1);
		if (job.rank === null) return;
		const lane = this.#lanes.get(job.lane) ?? { ...parseLaneKey(job.lane), waiting: 0, heap: new Heap(goesBefore) };
		this.#lanes.set(job.lane, lane);
		lane.waiting++;
		lane.heap.push(job);
	}

	#leave(id: JobId): void {
		const job = this.#jobs.get(id);
		if (!job) return;
		this.#jobs.delete(id);
		this.counts[job.state]--;
		if (holdsSlot(job)) this.#hold(job, -1);
		const lane = job.rank === null ? undefined : this.#lanes.get(job.lane);
		if (!lane) return;
		lane.waiting--;
		if (lane.waiting === 0) this.#lanes.delete(job.lane);
	}

	#hold(job: OpenJob, by: 1 | -1): void {
		this.load.running += by;
		const { group } = parseLaneKey(job.lane);
		if (group === null) return;
		const held = (this.load.groups.get(group) ?? 0) + by;
		if (held > 0) this.load.groups.set(group, held);
		else this.load.groups.delete(group);
	}
}

/** Of equal ranks, the earlier in its run goes first. */
function goesBefore(a: OpenJob, b: OpenJob): boolean {
	return (a.rank ?? 0) < (b.rank ?? 0) || (a.rank === b.rank && a.run === b.run && a.index < b.index);
}

/** A leased, running or canceling job takes a slot of its repository and of its group. */
function holdsSlot({ state }: OpenJob): boolean {
	return state === "leased" || state === "running" || state === "canceling";
}
