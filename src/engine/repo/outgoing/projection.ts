// Which changes of a repository the read model must get, and which of them it has confirmed. The alarm repeats an unconfirmed
// change; after waking the marks in the tables bring it back, and at the latest the sweep does. WatchFeeds tells more, to those
// who follow a run.
import type { ChangeEvent } from "../../../contracts/objects/events.ts";
import type { RepositoryName } from "../../../contracts/objects/objects.ts";
import { viewRepository, viewRun } from "../../../contracts/wire/view.ts";
import type { Millis, RunId } from "../../../domain/ids.ts";
import type { Move } from "../../../domain/job/job.ts";
import type { JobPlace } from "../../../domain/job/queued-job.ts";
import { assert } from "../../../domain/refusal.ts";
import type { Run } from "../../../domain/run/run.ts";
import type { LogEnded, ConfiguredRepository, RepoTables } from "../repo-tables.ts";

/** Runs remembered here; beyond it some are told once more than needed. */
const runsKept = 5_000;
/** The read model has this long to confirm what it was told: its queue may be retrying. */
const confirmMs = 120_000;
/** Runs told again in one round after waking. */
const untoldMax = 500;

export interface ProjectionSource {
	tables: RepoTables;
	repository(): ConfiguredRepository | null;
	run(id: RunId): Run | null;
	/** Takes a change to be told. */
	tell(change: ChangeEvent): void;
	now(): Millis;
	isWatched(run: RunId): boolean;
	/** Lists of this repository are to say that they are behind, or not any more. */
	setBehind(isBehind: boolean): void;
}

export class Projection {
	readonly #source: ProjectionSource;
	/** Unfinished runs that the read model certainly has. */
	readonly #told = new Set<RunId>();
	/** After waking more may be untold than one round should take. */
	#hasMoreUntold = false;
	/** Runs whose beginning or end the read model has not confirmed, and since when; the oldest first. */
	readonly #unconfirmed = new Map<RunId, Millis>();
	/** Runs that were told again, since nobody confirmed them in time. */
	readonly #overdue = new Set<RunId>();
	/** As its lists say. */
	#isBehind = false;
	/** Finished runs whose end the read model certainly has. */
	readonly #ended = new Set<RunId>();

	constructor(source: ProjectionSource) {
		this.#source = source;
	}

	/** When something unconfirmed is to be told again; null when nothing is, 0 when more is known to be untold. */
	get dueAt(): Millis | null {
		if (this.#hasMoreUntold) return 0;
		const [oldest] = this.#unconfirmed.values();
		return oldest === undefined ? null : oldest + confirmMs;
	}

	isTold(run: RunId): boolean {
		return this.#told.has(run);
	}

	/** A grant alone costs no message: the start follows it. */
	moved(run: Run, moves: readonly Move[]): void {
		if (moves.length === 0 || moves.some(({ after }) => after.state !== "leased")) this.whole(run);
	}

	configured(repository: ConfiguredRepository): void {
		const name = nameOf(repository);
		const shown = viewRepository(name, repository.settings);
		this.#source.tell({ ...name, at: this.#source.now(), repository: shown, run: null });
	}

	/** After waking: what the marks in the tables say may never have been told, in rounds, so that nobody waits for long. */
	recover(): void {
		const { tables, repository } = this.#source;
		const untold = tables.untoldRuns(untoldMax + this.#unconfirmed.size).filter((id) => !this.#unconfirmed.has(id));
		this.#hasMoreUntold = untold.length >= untoldMax;
		for (const id of untold.slice(0, untoldMax)) {
			const run = this.#source.run(id);
			if (run) this.whole(run);
		}
		const known = repository();
		if (known && !tables.isRepositoryTold()) this.configured(known);
	}

	/** Told again each time that more goes wrong, since what lists say of it ends by itself. */
	behind(): void {
		this.#isBehind = true;
		this.#source.setBehind(true);
	}

	/** The read model has these states. */
	confirmed({ repository, runs }: { repository: boolean; runs: readonly { id: RunId; version: number }[] }): void {
		const { tables } = this.#source;
		if (repository && !tables.isRepositoryTold()) tables.markRepositoryTold();
		const ended: RunId[] = [];
		const begun = new Set<RunId>();
		for (const { id, version } of runs) {
			const run = this.#source.run(id);
			if (run === null) continue;
			// Its row must say so before the object sleeps: else each waking would tell it again.
			if (run.state !== "finished" && !this.#told.has(id)) begun.add(id);
			this.#told.add(id);
			if (version < run.version) continue;
			this.#unconfirmed.delete(id);
			this.#overdue.delete(id);
			if (run.state === "finished") ended.push(id);
		}
		for (const id of ended) {
			this.#told.delete(id);
			if (this.#ended.size >= runsKept) this.#ended.clear();
			this.#ended.add(id);
		}
		if (this.#isBehind && this.#overdue.size === 0) {
			this.#isBehind = false;
			this.#source.setBehind(false);
		}
		if (begun.size > 0) tables.markTold([...begun]);
		if (ended.length > 0) tables.closeRuns(ended);
	}

	/** What became of an attempt's log; until the read model has its run, the job keeps its mark. */
	logEnded(place: JobPlace & { number: number }, end: LogEnded): void {
		const isOver = this.#source.run(place.run)?.state === "finished";
		this.#source.tables.saveLogRecord(place, end, isOver && !this.#ended.has(place.run));
	}

	/** Messages that nobody confirmed for long may be lost: the local broker's are, whenever the server ends. */
	tellUnconfirmed(now: Millis): void {
		if (this.#hasMoreUntold) this.recover();
		for (const [id, at] of this.#unconfirmed) {
			if (now - at < confirmMs) break;
			const run = this.#source.run(id);
			this.#unconfirmed.delete(id);
			if (run === null) continue;
			this.#overdue.add(id);
			this.whole(run);
		}
		if (this.#overdue.size > 0) this.behind();
	}

	/** The run as it is now. */
	whole(run: Run): void {
		const repository = this.#source.repository();
		assert(repository, "only a known repository tells");
		const at = this.#source.now();
		if (run.state !== "finished") this.#ended.delete(run.id);
		if (run.state === "finished" || !this.#told.has(run.id)) {
			this.#unconfirmed.delete(run.id);
			this.#unconfirmed.set(run.id, at);
		}
		const watched = this.#source.isWatched(run.id);
		this.#source.tell({ ...nameOf(repository), at, repository: null, run: viewRun(run), watched });
	}
}

function nameOf({ owner, repo }: RepositoryName): RepositoryName {
	return { owner, repo };
}
