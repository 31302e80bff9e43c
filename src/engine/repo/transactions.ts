// The transactions of a repository's object, one at a time. What one decides is a draft: the tables get it inside, memory and the
// outside follow after the commit, and a transaction that breaks off leaves nothing to clear.
import type { RunId } from "../../domain/ids.ts";
import type { Job, Move } from "../../domain/job/job.ts";
import { assert } from "../../domain/refusal.ts";
import type { Run } from "../../domain/run/run.ts";
import type { World } from "../ports.ts";
import { isRefused, newDraft, TakenBack } from "./repo-memory.ts";
import type { Draft, Slices } from "./repo-memory.ts";
import type { RepoTables } from "./repo-tables.ts";

export interface TransactionSource {
	/** Jobs that are read or written before others have their turn. */
	sliceJobs: number;
	tables: Pick<RepoTables, "jobs" | "saveMoves">;
	/** Before anything is written. */
	prepare(): void;
	/** After the commit. */
	follow(draft: Draft): void;
}

export class Transactions {
	readonly #world: Pick<World, "storage" | "giveWay">;
	readonly #source: TransactionSource;
	#draft: Draft | null = null;

	constructor(world: Pick<World, "storage" | "giveWay">, source: TransactionSource) {
		this.#world = world;
		this.#source = source;
	}

	/** What the transaction that is under way has decided; null outside of one. */
	get draft(): Draft | null {
		return this.#draft;
	}

	get drafted(): Draft {
		assert(this.#draft, "only a transaction decides");
		return this.#draft;
	}

	/**
	 * [W80] All of `work` or nothing of it: what it writes, what memory makes of it and what others hear. It may stand inside another,
	 * and is then part of it. Nothing may be caught in between: a part that failed fails the whole. A refusal takes back too.
	 */
	run<T>(work: () => T): T {
		if (this.#draft !== null) return work();
		this.#source.prepare();
		const draft = newDraft(null);
		this.#draft = draft;
		let result: T;
		try {
			result = this.#world.storage.transactionSync(() => taken(draft, work()));
		} catch (cause) {
			if (cause instanceof TakenBack) return cause.refused as T;
			throw cause;
		} finally {
			this.#draft = null;
		}
		this.#source.follow(draft);
		return result;
	}

	/**
	 * [W92] As `run`, for work on runs of many jobs: their jobs are read, and their moves written, in slices between which other
	 * objects of this thread have their turn. Nobody sees or asks this one anything meanwhile. A run is decided once in it.
	 */
	async runInSlices<T>(runs: readonly RunId[], work: () => T): Promise<T> {
		assert(this.#draft === null, "one transaction at a time");
		this.#source.prepare();
		const slices: Slices = { read: new Map(), unwritten: [] };
		const draft = newDraft(slices);
		this.#draft = draft;
		let result: T;
		try {
			result = await this.#world.storage.transaction(async () => {
				for (const run of runs) slices.read.set(run, await this.#read(run));
				const done = taken(draft, work());
				for (const { moves, mark } of slices.unwritten) await this.#write(moves, mark);
				return done;
			});
		} catch (cause) {
			if (cause instanceof TakenBack) return cause.refused as T;
			throw cause;
		} finally {
			this.#draft = null;
		}
		this.#source.follow(draft);
		return result;
	}

	/** Inside a transaction; `run` is as it is after the moves. The last row of a finished run carries the mark. */
	saveMoves(run: Run, moves: readonly Move[]): void {
		const mark = run.state === "finished" ? (moves.at(-1)?.after.index ?? null) : null;
		const { slices, runs } = this.drafted;
		assert(slices === null || !runs.has(run.id), "what was decided in slices is not written yet");
		if (slices === null) this.#source.tables.saveMoves(moves, mark);
		else slices.unwritten.push({ moves, mark });
	}

	async #read(run: RunId): Promise<Map<number, Job>> {
		const { tables, sliceJobs } = this.#source;
		const read = new Map<number, Job>();
		for (let from = 0, jobs = tables.jobs(run, from, sliceJobs); jobs.length > 0; ) {
			for (const job of jobs) read.set(job.index, job);
			await this.#world.giveWay();
			from += jobs.length;
			jobs = tables.jobs(run, from, sliceJobs);
		}
		return read;
	}

	async #write(moves: readonly Move[], mark: number | null): Promise<void> {
		const { tables, sliceJobs } = this.#source;
		for (let from = 0; from < moves.length; from += sliceJobs) {
			tables.saveMoves(moves.slice(from, from + sliceJobs), mark);
			await this.#world.giveWay();
		}
	}
}

/** A refusal takes back what was written before it. */
function taken<T>(draft: Draft, done: T): T {
	if (draft.decided.length > 0 && isRefused(done)) throw new TakenBack(done);
	return done;
}
