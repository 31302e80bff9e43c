// The turn of a repository: it loads what a command needs, lets a rule decide, writes all moves in one transaction, and then
// hands them to `outgoing`, which tells pools, logs and the read model. Every decision about jobs is written here. What it keeps in
// memory is a cache of the tables: each call works as the first one after an eviction.
import type { Job as JobView } from "../../contracts/http/run.ts";
import { nextAlarm, shouldSet } from "../../domain/deadline.ts";
import type { Decision, RunView } from "../../domain/run/decide.ts";
import { parseJobId } from "../../domain/ids.ts";
import type { JobId, Millis, RunId } from "../../domain/ids.ts";
import type { Job } from "../../domain/job/job.ts";
import { alarmSliceMax, sliceJobs as sliceJobsDefault } from "../../domain/limits.ts";
import { accept, assert, refuse } from "../../domain/refusal.ts";
import type { Refusal, Result } from "../../domain/refusal.ts";
import { needsRow } from "../../domain/run/run.ts";
import type { Run } from "../../domain/run/run.ts";
import { Standing } from "../../domain/queue/standing.ts";
import type { RepositorySettings } from "../../domain/job/submission.ts";
import type { Sql, World } from "../ports.ts";
import { RepoCounters } from "./repo-counters.ts";
import { RepoLimits } from "./repo-limits.ts";
import { nothing } from "./repo-memory.ts";
import type { Draft } from "./repo-memory.ts";
import type { RepoPorts } from "./repo-ports.ts";
import { RepoSamples } from "./reads/repo-samples.ts";
import { RepoSecrets } from "./repo-secrets.ts";
import { RepoTables } from "./repo-tables.ts";
import { Transactions } from "./transactions.ts";
import type { ConfiguredRepository } from "./repository-row.ts";
import { Outgoing } from "./outgoing/outgoing.ts";
import { RunNumbers } from "./archive/run-numbers.ts";
import { Tombstones } from "./archive/tombstones.ts";
import { Supersessions } from "./archive/supersessions.ts";
import { RunGraphs } from "./run-graphs.ts";

/** Runs kept in mind; beyond it all are read anew. */
const runsKept = 5_000;

/** What the queue needs of the object around it. */
export interface Shell {
	/** What else the alarm is wanted for. */
	alsoDue(): Millis | null;
	/** Jobs as everybody is shown them, each in the state it has here. */
	show(jobs: readonly Job[]): JobView[];
}

export class RepoQueue {
	/** See its default. */
	readonly sliceJobs: number;
	readonly tables: RepoTables;
	readonly tombstones: Tombstones;
	readonly supersessions: Supersessions;
	readonly numbers: RunNumbers;
	readonly counters: RepoCounters;
	readonly limits: RepoLimits;
	readonly samples: RepoSamples;
	readonly outgoing: Outgoing;
	readonly secrets: RepoSecrets;
	readonly #world: World;
	readonly #transactions: Transactions;
	readonly #alsoDue: () => Millis | null;
	repository: ConfiguredRepository | null;
	#memory = nothing();
	#armed: Millis | null = null;
	readonly #graphs = new RunGraphs();

	constructor({ world, outside, sliceJobs = sliceJobsDefault }: RepoPorts, shell: Shell) {
		this.sliceJobs = sliceJobs;
		this.#world = world;
		const { storage } = world;
		const ports = { world, outside };
		const now = () => world.now();
		this.#alsoDue = shell.alsoDue;
		this.tables = new RepoTables(storage);
		this.#transactions = new Transactions(world, {
			sliceJobs,
			tables: this.tables,
			// Built from the tables as they are before: what a transaction has written may be taken back.
			prepare: () => {
				if (this.repository !== null) void this.standing;
			},
			follow: (draft) => this.#follow(draft),
		});
		this.tombstones = new Tombstones(storage.sql, this.tables);
		this.supersessions = new Supersessions(storage.sql);
		this.numbers = new RunNumbers(storage.sql);
		this.counters = new RepoCounters(this.#transactions, {
			row: this.tables.row,
			numbers: this.numbers,
			memory: () => this.#memory,
		});
		this.limits = new RepoLimits(this.#transactions, {
			tables: this.tables,
			standing: () => this.standing,
			memory: () => this.#memory,
			now,
		});
		this.samples = new RepoSamples({
			recentRuns: () => this.tables.row.recentRuns(),
			samples: (run, limit) => this.tables.samples(run, limit),
		});
		this.repository = this.tables.row.load();
		this.secrets = new RepoSecrets(ports, { secrets: this.tables.secrets, repository: () => this.repository });
		this.outgoing = new Outgoing(ports, {
			tables: this.tables,
			repository: () => this.repository,
			standing: () => this.standing,
			run: (id) => this.run(id),
			show: shell.show,
			rest: () => this.arm(now()),
		});
	}

	now(): Millis {
		return this.#world.now();
	}

	get sql(): Sql {
		return this.#world.storage.sql;
	}

	/**
	 * Built at the first use after waking, in one pass over the unfinished jobs. That is also when what was left unsent is
	 * found: an object that is only asked for its settings must not pay for either.
	 */
	get standing(): Standing {
		const known = this.#memory.standing;
		if (known !== null) return known;
		const standing = new Standing(this.tables.openJobs(), this.repository?.settings.fairness);
		this.#memory.standing = standing;
		if (this.repository !== null) this.outgoing.recover(this.repository);
		return standing;
	}

	/** As the transaction under way has it, if it has decided about the run; else as memory or the tables have it. */
	run(id: RunId): Run | null {
		const known = this.#transactions.draft?.runs.get(id) ?? this.#memory.runs.get(id);
		if (known) return known;
		const run = this.repository === null ? null : this.tables.run(id);
		if (run) this.#remember(run);
		return run;
	}

	/** Why a run is not here. */
	unknownRun(id: RunId): { ok: false; refusal: Refusal } {
		const isArchived = this.repository !== null && this.tombstones.isArchived(id, this.now());
		return refuse({ code: isArchived ? "run-archived" : "run-unknown" });
	}

	job(id: JobId): Job | null {
		const place = parseJobId(id);
		return place === null || this.repository === null ? null : this.tables.job(place.run, place.index);
	}

	/** How many more automatic retries the repository's budget allows now. */
	retriesLeft(now: Millis): number {
		return this.repository === null ? 0 : this.counters.retriesLeft(this.repository.settings.retryBudget, now);
	}

	/** The run is in the archive: only a tombstone stays. */
	bury(run: Run, expiresAt: Millis): void {
		this.transact(() => this.tombstones.bury(run.id, { now: this.now(), expiresAt }));
		this.#memory.runs.delete(run.id);
		this.#graphs.forget(run.id);
	}

	configure(repository: ConfiguredRepository): RepositorySettings {
		this.transact(() => {
			if (this.repository === null) this.tables.row.create(repository, this.now());
			else this.tables.row.save(repository);
		});
		const before = this.repository?.settings.fairness;
		this.repository = repository;
		// Who is a party with whom may have changed: every place in the queue is found anew.
		if (!isDeepEqual(before, repository.settings.fairness)) this.#memory = { ...this.#memory, standing: null };
		this.outgoing.projection.configured(repository);
		this.outgoing.announce();
		this.arm(this.now());
		void this.outgoing.flush();
		return repository.settings;
	}

	/** One decision about one run, written whole. */
	onRun(id: RunId, decide: (view: RunView, now: Millis) => Result<Decision>): Result<Decision> {
		if (this.repository === null) return refuse({ code: "repository-unknown" });
		const run = this.run(id);
		if (run === null) return this.unknownRun(id);
		const now = this.now();
		return this.transact(() => {
			const decided = decide(this.#view(run), now);
			// What changed nothing gives back the very run it was given.
			if (decided.ok && decided.value.run !== run) this.commit(decided.value);
			return decided;
		});
	}

	/** A graph is kept only as what is committed; a transaction that has moved the run reads its own. */
	#view(run: Run): RunView {
		const { runs, slices } = this.#transactions.drafted;
		const isKept = run.jobs > this.sliceJobs && !runs.has(run.id);
		const read = slices?.read.get(run.id);
		return this.tables.view(run, { ...(read && { read }), graphs: isKept ? this.#graphs : null });
	}

	/** A caller who named a job hears of an unknown job where its run is unknown. */
	onJob(id: JobId, decide: (view: RunView, index: number, now: Millis) => Result<Decision>): Result<Decision> {
		const place = parseJobId(id);
		if (place === null) return refuse({ code: "job-unknown" });
		const decided = this.onRun(place.run, (view, now) => decide(view, place.index, now));
		return !decided.ok && decided.refusal.code === "run-unknown" ? refuse({ code: "job-unknown" }) : decided;
	}

	/** See Transactions. */
	transact<T>(work: () => T): T {
		return this.#transactions.run(work);
	}

	transactInSlices<T>(runs: readonly RunId[], work: () => T): Promise<T> {
		return this.#transactions.runInSlices(runs, work);
	}

	giveWay(): Promise<void> {
		return this.#world.giveWay();
	}

	/** Stores a decision inside a transaction. Memory follows, and others hear of it, once that is committed. */
	commit(decision: Decision): void {
		const { run, moves } = decision;
		const { drafted } = this.#transactions;
		const before = drafted.runs.get(run.id) ?? this.#memory.runs.get(run.id) ?? null;
		// Counts alone are no reason for a row: they are summed up from the jobs when the run is read again.
		if (needsRow(before, run)) {
			this.tables.saveRun(run, { isConfirmed: this.outgoing.projection.isConfirmed(run.id), isNew: before === null });
		}
		this.#transactions.saveMoves(run, moves);
		this.counters.spend(moves, this.now());
		drafted.runs.set(run.id, run);
		drafted.decided.push({ decision, before });
	}

	/** Re-arms first, so that an end in the middle costs a repetition and nothing else; then the due jobs, in one bounded slice. */
	async alarm(timeUp: (view: RunView, indexes: number[], now: Millis) => Decision): Promise<void> {
		const now = this.now();
		const due = Map.groupBy(this.standing.due(now, alarmSliceMax), ({ run }) => run);
		this.#armed = null;
		this.arm(now);
		for (const [id, places] of due) {
			const indexes = places.map(({ index }) => index);
			this.onRun(id, (view) => accept(timeUp(view, indexes, now)));
		}
		await this.outgoing.alarm(now);
	}

	/** What was committed is remembered, and those whom it concerns are to hear of it. */
	#follow({ runs, decided, nextNumber, budget, limits, runBucket }: Draft): void {
		const memory = this.#memory;
		memory.nextNumber = nextNumber ?? memory.nextNumber;
		memory.budget = budget ?? memory.budget;
		memory.limits = limits ?? memory.limits;
		memory.runBucket = runBucket ?? memory.runBucket;
		for (const run of runs.values()) this.#remember(run);
		for (const { decision, before } of decided) this.#followDecision(decision, before);
		if (decided.some(({ decision }) => decision.moves.length > 0)) this.outgoing.announce();
		this.arm(this.now());
		if (this.outgoing.hasNews) void this.outgoing.flush();
	}

	#followDecision(decision: Decision, before: Run | null): void {
		const { repository } = this;
		assert(repository, "only a known repository decides");
		const { run, moves } = decision;
		// First: what pools are told of next is counted by it.
		this.standing.apply(moves);
		this.#graphs.moved(run.id, moves);
		for (const move of moves) this.samples.moved(move);
		this.outgoing.moved(repository, decision, before);
	}

	/** All are forgotten at once at the bound: which are wanted again is not known, and each is one row away. */
	#remember(run: Run): void {
		const { runs } = this.#memory;
		if (runs.size >= runsKept) runs.clear();
		runs.set(run.id, run);
	}

	/** Sets the alarm for whatever is due first. `exactly` also moves a nearer one away: worth its write only at an alarm's end. */
	arm(now: Millis, exactly = false): void {
		const deadlines = [this.standing.earliestDeadline(), ...this.outgoing.deadlines(now), this.#alsoDue()];
		const wanted = nextAlarm(deadlines, now);
		if (wanted === null || (!exactly && !shouldSet(this.#armed, wanted, now))) return;
		this.#armed = wanted;
		void this.#world.storage.setAlarm(wanted);
	}
}

function isDeepEqual(a: unknown, b: unknown): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}
