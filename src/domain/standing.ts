// What stands in a repository's queue right now: lanes, held slots, counts by state. A cache that moves keep true; whoever
// holds it builds it from all unfinished jobs when it wakes.
import type { Millis } from "./ids.ts";
import { rank } from "./job.ts";
import type { Job, JobState, Move } from "./job.ts";
import { laneKey, parseLaneKey } from "./queue.ts";
import type { Lane, Load } from "./queue.ts";

/** The job that goes next in a lane, from storage: asked for when the known head has left. */
export type FindHead = (lane: string) => Job | null;

export class Standing {
	readonly load: Load = { running: 0, groups: new Map() };
	readonly counts: Record<JobState, number> = {
		blocked: 0,
		waiting: 0,
		leased: 0,
		running: 0,
		canceling: 0,
		finished: 0,
	};
	readonly #lanes = new Map<string, Lane>();
	readonly #stale = new Set<string>();
	readonly #findHead: FindHead;

	constructor(unfinished: Iterable<Job>, findHead: FindHead) {
		this.#findHead = findHead;
		for (const job of unfinished) this.#enter(job);
	}

	/** Call it once the moves are stored: a head that left is read anew from there. */
	apply(moves: readonly Move[]): void {
		for (const { before, after } of moves) {
			if (before !== null) this.#leave(before);
			this.#enter(after);
		}
	}

	/** Lanes with somebody in them, heads known. */
	lanes(): Iterable<Lane> {
		for (const key of this.#stale) {
			const lane = this.#lanes.get(key);
			if (lane) lane.head = headOf(this.#findHead(key));
		}
		this.#stale.clear();
		return this.#lanes.values();
	}

	/** When the one that waits longest at the head of a lane began to; null when nobody waits. */
	oldestSince(): Millis | null {
		let oldest: Millis | null = null;
		for (const { head } of this.lanes()) {
			if (head !== null && (oldest === null || head.since < oldest)) oldest = head.since;
		}
		return oldest;
	}

	#enter(job: Job): void {
		this.counts[job.state]++;
		if (holdsSlot(job)) this.#hold(job, 1);
		if (!isQueued(job)) return;
		const key = laneKey(job);
		const lane = this.#lanes.get(key) ?? { key, ...parseLaneKey(key), waiting: 0, head: null };
		this.#lanes.set(key, lane);
		lane.waiting++;
		if (!this.#stale.has(key) && (lane.head === null || rank(job) < lane.head.rank)) lane.head = headOf(job);
	}

	#leave(job: Job): void {
		this.counts[job.state]--;
		if (holdsSlot(job)) this.#hold(job, -1);
		if (!isQueued(job)) return;
		const key = laneKey(job);
		const lane = this.#lanes.get(key);
		if (!lane) return;
		lane.waiting--;
		if (lane.waiting === 0) {
			this.#lanes.delete(key);
			this.#stale.delete(key);
		} else if (lane.head === null || rank(job) <= lane.head.rank) this.#stale.add(key);
	}

	#hold(job: Job, by: 1 | -1): void {
		this.load.running += by;
		const group = job.spec.concurrencyGroup;
		if (group === null) return;
		const held = (this.load.groups.get(group) ?? 0) + by;
		if (held > 0) this.load.groups.set(group, held);
		else this.load.groups.delete(group);
	}
}

/** A leased, running or canceling job takes a slot of its repository and of its group. */
function holdsSlot(job: Job): boolean {
	return job.state === "leased" || job.state === "running" || job.state === "canceling";
}

function isQueued(job: Job): boolean {
	return job.state === "waiting" && job.notBefore === null;
}

function headOf(job: Job | null): Lane["head"] {
	return job?.state === "waiting" ? { rank: rank(job), since: job.since } : null;
}
