// The waiting jobs of one lane in rows, one per party (and per runner that a row should not go back to). A row's own order
// never changes; which row goes next changes with what runs, so their heads stand in a heap whose outdated entries are passed
// over.
import { Heap } from "./heap.ts";
import type { PlacedJob } from "../job/queued-job.ts";

interface Row {
	party: string;
	/** A runner that was lost with these jobs: another is preferred. */
	avoids: string | null;
	jobs: Heap<PlacedJob>;
	/** The entry of the heap of heads that counts. */
	head: Head | null;
}

export interface Head {
	job: PlacedJob;
	/** Its rank with its party's handicap. */
	rank: number;
	row: Row;
}

/** A runner, and which of the jobs that it was lost with it should not get. */
export interface KeptFrom {
	runner: string;
	isKept(job: PlacedJob): boolean;
}

export class LaneQueue {
	waiting = 0;
	readonly #rows = new Map<string, Map<string | null, Row>>();
	readonly #heads = new Heap<Head>(isBefore);
	readonly #handicapMs: (party: string) => number;
	readonly #counts: (job: PlacedJob) => boolean;

	/** `counts` says whether an entry still stands for a waiting job. */
	constructor(handicapMs: (party: string) => number, counts: (job: PlacedJob) => boolean) {
		this.#handicapMs = handicapMs;
		this.#counts = counts;
	}

	add(job: PlacedJob): void {
		this.waiting++;
		const rows = this.#rows.get(job.party) ?? new Map<string | null, Row>();
		this.#rows.set(job.party, rows);
		const { party, avoids } = job;
		const row = rows.get(avoids) ?? { party, avoids, jobs: new Heap(goesBefore), head: null };
		rows.set(avoids, row);
		row.jobs.push(job);
		if (row.head === null || goesBefore(job, row.head.job)) this.#bringForward(row);
	}

	/** The job itself is known to count no more. */
	remove(job: PlacedJob): void {
		this.waiting--;
		const row = this.#rows.get(job.party)?.get(job.avoids);
		if (row?.head?.job === job) this.#bringForward(row);
	}

	/** After a change of what runs of a party. */
	refresh(party: string): void {
		for (const row of [...(this.#rows.get(party)?.values() ?? [])]) this.#bringForward(row);
	}

	/** Who goes next, to whoever asks or to a runner that some are kept from. */
	head(keptFrom: KeptFrom | null = null): Head | null {
		const passed: Head[] = [];
		let found: Head | null = null;
		for (let head = this.#heads.peek(); head !== undefined && found === null; head = this.#heads.peek()) {
			const isPresent = head.row.head === head;
			if (isPresent && !(head.row.avoids === keptFrom?.runner && keptFrom.isKept(head.job))) found = head;
			else {
				this.#heads.pop();
				if (isPresent) passed.push(head);
			}
		}
		for (const head of passed) {
			this.#heads.push(head);
			// Behind it in its row may stand one that is kept no longer, though it comes later.
			const behind = keptFrom && this.#firstFree(head, keptFrom);
			if (behind && (found === null || isBefore(behind, found))) found = behind;
		}
		return found;
	}

	/** Costs as much as the row is long: of jobs that one runner was lost with, there are few. */
	#firstFree({ row, rank, job: first }: Head, { isKept }: KeptFrom): Head | null {
		let free: PlacedJob | null = null;
		for (const job of row.jobs) {
			if (this.#counts(job) && !isKept(job) && (free === null || goesBefore(job, free))) free = job;
		}
		return free && { job: free, rank: rank + (free.rank ?? 0) - (first.rank ?? 0), row };
	}

	/** The begin of the wait of whoever waits longest at the head of a row. */
	oldestSince(): number | null {
		let oldest: number | null = null;
		for (const rows of this.#rows.values()) {
			for (const { head } of rows.values()) {
				if (head && (oldest === null || head.job.since < oldest)) oldest = head.job.since;
			}
		}
		return oldest;
	}

	/** From 1: how many go before `job` as things stand, and one. Costs as much as the lane is long. */
	position(job: PlacedJob): number {
		const own = (job.rank ?? 0) + this.#handicapMs(job.party);
		let before = 0;
		for (const [party, rows] of this.#rows) {
			const handicap = this.#handicapMs(party);
			for (const row of rows.values()) {
				for (const other of row.jobs) {
					if (!this.#counts(other)) continue;
					const rank = (other.rank ?? 0) + handicap;
					if (party === job.party ? goesBefore(other, job) : rank < own) before++;
				}
			}
		}
		return before + 1;
	}

	#bringForward(row: Row): void {
		let job = row.jobs.peek();
		while (job !== undefined && !this.#counts(job)) {
			row.jobs.pop();
			job = row.jobs.peek();
		}
		if (job !== undefined) {
			row.head = { job, rank: (job.rank ?? 0) + this.#handicapMs(row.party), row };
			this.#heads.push(row.head);
			return;
		}
		row.head = null;
		const rows = this.#rows.get(row.party);
		rows?.delete(row.avoids);
		if (rows?.size === 0) this.#rows.delete(row.party);
	}
}

/** Of equal ranks, the earlier in its run goes first. */
function goesBefore(a: PlacedJob, b: PlacedJob): boolean {
	return (a.rank ?? 0) < (b.rank ?? 0) || (a.rank === b.rank && a.run === b.run && a.index < b.index);
}

function isBefore(a: Head, b: Head): boolean {
	return a.rank < b.rank || (a.rank === b.rank && goesBefore(a.job, b.job));
}
