// Which changes of a repository the read model must get, and which of them it has confirmed. The alarm repeats an unconfirmed
// change; after waking the marks in the tables bring it back, and at the latest the sweep does. WatchFeeds sends more, to the
// FeedObjects of runs that somebody watches.
import type { ChangeEvent } from "../../../contracts/objects/events.ts";
import type { RepositoryName } from "../../../contracts/objects/objects.ts";
import { viewRepository, viewRun } from "../../../contracts/wire/view.ts";
import type { Millis, RunId } from "../../../domain/ids.ts";
import type { Move } from "../../../domain/job/job.ts";
import type { QueuedPlace } from "../../../domain/job/queued-job.ts";
import { assert } from "../../../domain/refusal.ts";
import type { Run } from "../../../domain/run/run.ts";
import type { LogEnded, RepoTables } from "../repo-tables.ts";
import type { ConfiguredRepository } from "../repository-row.ts";
import { ProjectionLag } from "./projection-lag.ts";

/** Runs remembered here; beyond it some are sent once more than needed. */
const runsKept = 5_000;
/** The read model has this long to confirm a change: its queue may be retrying. */
const confirmMs = 120_000;
/** While nothing is projected it is looked so often whether that is over: no sooner than an isolate hears of a switch. */
const lookMs = 30_000;
/** Runs sent again in one round after waking. */
const resentMax = 500;
/** Runs that are to be seen in the read model after waking before the lag is known; with more the sweep has not been round. */
const unseenMax = 5_000;

export interface ProjectionSource {
	tables: RepoTables;
	repository(): ConfiguredRepository | null;
	run(id: RunId): Run | null;
	/** The operator's switch: off, no change is sent. */
	mayProject(): boolean;
	/** Takes a change for the read model. */
	tell(change: ChangeEvent): void;
	now(): Millis;
	isWatched(run: RunId): boolean;
	/** Lists of this repository are to say that they have been behind since then, or, null, that they are not any more. */
	setBehind(since: Millis | null): void;
	/** The oldest change that is not confirmed has changed. */
	noteLag(since: Millis | null): void;
}

export class Projection {
	readonly #source: ProjectionSource;
	/** Unfinished runs that the read model certainly has. */
	readonly #known = new Set<RunId>();
	/** After waking more changes may be unconfirmed than one round should send. */
	#hasMoreUnconfirmed = false;
	/** Runs whose beginning or end the read model has not confirmed, and since when; the oldest first. */
	readonly #unconfirmed = new Map<RunId, Millis>();
	/** Runs that were sent again, since the read model had not confirmed them in time. */
	readonly #overdue = new Set<RunId>();
	/** As its lists say. */
	#isBehind = false;
	/** Finished runs whose end the read model certainly has. */
	readonly #ended = new Set<RunId>();
	readonly #lag: ProjectionLag;
	/** What changed while nothing was projected: told once that is over. */
	readonly #held = new Set<RunId | "">();
	/** While nothing is projected and something waits for it: when to look whether that is over. */
	#lookAt: Millis | null = null;

	constructor(source: ProjectionSource) {
		this.#source = source;
		this.#lag = new ProjectionLag((since) => source.noteLag(since));
	}

	/** Since when the oldest change waits that the read model has not confirmed. See ProjectionLag. */
	get lag(): ProjectionLag {
		return this.#lag;
	}

	/** When an unconfirmed change is to be sent again; null when there is none, 0 when more of them wait for their round. */
	get dueAt(): Millis | null {
		if (this.#lookAt !== null) return this.#lookAt;
		if (this.#hasMoreUnconfirmed || this.#held.size > 0) return 0;
		const [oldest] = this.#unconfirmed.values();
		return oldest === undefined ? null : oldest + confirmMs;
	}

	isConfirmed(run: RunId): boolean {
		return this.#known.has(run);
	}

	/** A grant alone costs no message: the start follows it. */
	moved(run: Run, moves: readonly Move[]): void {
		if (moves.length === 0 || moves.some(({ after }) => after.state !== "leased")) this.whole(run);
	}

	configured(repository: ConfiguredRepository): void {
		const name = nameOf(repository);
		const shown = viewRepository(name, repository.settings);
		const at = this.#source.now();
		this.#lag.changed("", { since: at, version: at });
		this.#tell("", { ...name, at, repository: shown, run: null });
	}

	/**
	 * After waking: sends again the changes that the marks in the tables have as unconfirmed, in rounds, so that no call waits
	 * for long.
	 */
	recover(): void {
		const { tables, repository } = this.#source;
		const found = tables.unconfirmedRuns(resentMax + this.#unconfirmed.size).filter((id) => !this.#unconfirmed.has(id));
		this.#hasMoreUnconfirmed = found.length >= resentMax;
		for (const id of found.slice(0, resentMax)) {
			const run = this.#source.run(id);
			if (run) this.whole(run, run.finishedAt ?? run.createdAt);
		}
		this.#lag.woke(tables.confirmedOpenRuns(unseenMax));
		const known = repository();
		if (known && !tables.row.isConfirmed()) this.configured(known);
	}

	/** Sent again each time that more goes wrong, since the lists stop saying it by themselves. */
	behind(): void {
		this.#isBehind = true;
		this.#source.setBehind(this.#lag.since ?? this.#source.now());
	}

	/** The sweep has found that the read model has the run as it is. */
	seen(run: RunId): void {
		this.#lag.seen(run);
	}

	/** The read model has these states. */
	confirmed({ repository, runs }: { repository: boolean; runs: readonly { id: RunId; version: number }[] }): void {
		const { tables } = this.#source;
		if (repository && !tables.row.isConfirmed()) tables.row.confirm();
		if (repository) this.#lag.seen("");
		const ended: RunId[] = [];
		const begun = new Set<RunId>();
		this.#lag.confirmed(runs);
		for (const { id, version } of runs) {
			const run = this.#source.run(id);
			if (run === null) continue;
			// Its row must say so before the object sleeps: else each waking would send it again.
			if (run.state !== "finished" && !this.#known.has(id)) begun.add(id);
			this.#known.add(id);
			if (version < run.version) continue;
			this.#unconfirmed.delete(id);
			this.#overdue.delete(id);
			if (run.state === "finished") ended.push(id);
		}
		for (const id of ended) {
			this.#known.delete(id);
			if (this.#ended.size >= runsKept) this.#ended.clear();
			this.#ended.add(id);
		}
		if (this.#isBehind && this.#overdue.size === 0) {
			this.#isBehind = false;
			this.#source.setBehind(null);
		}
		if (begun.size > 0) tables.confirmRuns([...begun]);
		if (ended.length > 0) tables.closeRuns(ended);
	}

	/** What became of an attempt's log; until the read model has its run, the job keeps its mark. */
	logEnded(place: QueuedPlace & { number: number }, end: LogEnded): void {
		const isOver = this.#source.run(place.run)?.state === "finished";
		this.#source.tables.saveLogRecord(place, end, isOver && !this.#ended.has(place.run));
	}

	/** Messages that the read model has not confirmed for long may be lost: the local broker's are, whenever the server ends. */
	resendUnconfirmed(now: Millis): void {
		if (!this.#source.mayProject()) {
			const waits = this.#held.size + this.#unconfirmed.size > 0 || this.#hasMoreUnconfirmed;
			this.#lookAt = waits ? now + lookMs : null;
			return;
		}
		this.#lookAt = null;
		this.#tellHeld();
		if (this.#hasMoreUnconfirmed) this.recover();
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

	/** The run as it is now. `since`: when it changed, where that was not just now. */
	whole(run: Run, since?: Millis): void {
		const repository = this.#source.repository();
		assert(repository, "only a known repository tells");
		const at = this.#source.now();
		if (run.state !== "finished") this.#ended.delete(run.id);
		if (run.state === "finished" || !this.#known.has(run.id)) {
			this.#unconfirmed.delete(run.id);
			this.#unconfirmed.set(run.id, at);
		}
		this.#lag.changed(run.id, { since: since ?? at, version: run.version });
		const watched = this.#source.isWatched(run.id);
		this.#tell(run.id, { ...nameOf(repository), at, repository: null, run: viewRun(run), watched });
	}

	/** [M11] Held back while nothing is projected. Of more than are remembered the marks, or the sweep, know. */
	#tell(subject: RunId | "", change: ChangeEvent): void {
		if (this.#source.mayProject()) {
			this.#source.tell(change);
			return;
		}
		if (this.#held.size < runsKept) this.#held.add(subject);
		this.#lookAt ??= this.#source.now() + lookMs;
	}

	/** In rounds, as after waking. */
	#tellHeld(): void {
		for (const subject of [...this.#held].slice(0, resentMax)) {
			this.#held.delete(subject);
			const repository = this.#source.repository();
			const run = this.#source.run(subject);
			if (subject === "" && repository) this.configured(repository);
			if (run) this.whole(run);
		}
	}
}

function nameOf({ owner, repo }: RepositoryName): RepositoryName {
	return { owner, repo };
}
