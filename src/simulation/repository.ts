// A repository in memory, driven by the real rules exactly as workers/ drives them over SQL: decided on what is stored, stored
// whole, then told. What it keeps beside its rows is a cache that may be thrown away between any two calls.
import type {
	Actor,
	Claimed,
	ClaimCall,
	Demand,
	LeaseAnswer,
	LeaseClaim,
	SubmitCall,
	Submitted,
} from "../contracts/objects.ts";
import type { QueueFigures, Repository, RepositoryRequest } from "../contracts/repository.ts";
import { mergeSettings } from "../contracts/repository.ts";
import type { Job, Run } from "../contracts/run.ts";
import type { LeaseState } from "../contracts/runner.ts";
import { viewRepository } from "../contracts/view.ts";
import type { BudgetMinute } from "../domain/budget.ts";
import { count, retriesLeft } from "../domain/budget.ts";
import { nextAlarm, shouldSet } from "../domain/deadline.ts";
import {
	decideAddJobs,
	decideCancelJob,
	decideCancelRun,
	decideExpire,
	decideFinish,
	decidePriority,
	decideRetryJob,
	decideRetryRun,
	decideStart,
	decideSubmit,
	decideTimeUp,
	leaseStateOf,
	settle,
} from "../domain/decide.ts";
import type { Chance, Decision, RunView } from "../domain/decide.ts";
import type { JobId, Millis, RunId } from "../domain/ids.ts";
import { parseJobId } from "../domain/ids.ts";
import type { FinishReport, Move } from "../domain/job.ts";
import { grant } from "../domain/job.ts";
import { isAutomaticRetry } from "../domain/job-end.ts";
import { alarmSliceMax, claimMax, demandRepeatMs } from "../domain/limits.ts";
import { chooseLane, demandOf } from "../domain/queue.ts";
import type { Result } from "../domain/refusal.ts";
import { accept, assert, refuse } from "../domain/refusal.ts";
import type { Run as DomainRun } from "../domain/run.ts";
import { needsRow } from "../domain/run.ts";
import { Standing } from "../domain/standing.ts";
import type { Cause, JobRequest } from "../domain/submission.ts";
import { settingsDefaults } from "../domain/submission.ts";
import type { QueueCalls } from "./queue-port.ts";
import { viewGrant, viewFigures, viewOf } from "./repository-view.ts";
import { Rows } from "./rows.ts";

/** What an eviction takes away. */
interface Memory {
	/** Ahead of their rows, which are written only when more than counts has changed. */
	runs: Map<RunId, DomainRun>;
	/** Stored with each retry; starts since then are forgotten, which only makes the budget smaller. */
	budget: readonly BudgetMinute[] | null;
	standing: Standing | null;
	/** By pool, what it was told last. */
	told: Map<string, Demand>;
	/** Pools that are to hear of their demand. */
	news: Set<string>;
	armed: Millis | null;
	/** When what waits is announced again; at once after waking. */
	repeatAt: Millis | null;
	waits: number[];
}

function nothing(): Memory {
	return {
		runs: new Map(),
		budget: null,
		standing: null,
		told: new Map(),
		news: new Set(),
		armed: null,
		repeatAt: 0,
		waits: [],
	};
}

export interface Outside {
	now(): Millis;
	/** In [0, 1). */
	random(): number;
	/** A pool hears of its demand. */
	demand(demand: Demand): void;
}

export class SimulatedRepository implements QueueCalls {
	readonly rows = new Rows();
	readonly #name: { owner: string; repo: string };
	readonly #outside: Outside;
	#memory = nothing();
	#depth = 0;
	#decided: Decision[] = [];

	constructor(owner: string, outside: Outside) {
		this.#name = { owner, repo: "web" };
		this.#outside = outside;
	}

	get standing(): Standing {
		this.#memory.standing ??= new Standing(this.rows.openJobs(), this.rows.settings()?.fairness);
		return this.#memory.standing;
	}

	get hasNews(): boolean {
		return this.#memory.news.size > 0;
	}

	domainRun(id: RunId): DomainRun | null {
		const known = this.#memory.runs.get(id);
		if (known) return known;
		const run = this.rows.run(id);
		if (run) this.#memory.runs.set(id, run);
		return run;
	}

	evict(): void {
		this.#memory = nothing();
	}

	async configure(call: { request: RepositoryRequest; replace: boolean }): Promise<Result<Repository>> {
		const known = this.rows.settings();
		if (known === null && !call.replace) return refuse({ code: "repository-unknown" });
		const settings = mergeSettings(call.replace || known === null ? settingsDefaults : known, call.request);
		this.rows.saveSettings(settings);
		if (JSON.stringify(known?.fairness) !== JSON.stringify(settings.fairness)) this.#memory.standing = null;
		this.#announce();
		this.#arm(this.#outside.now());
		return accept(viewRepository(this.#name, settings));
	}

	async figures(): Promise<Result<QueueFigures>> {
		const settings = this.rows.settings();
		if (settings === null) return refuse({ code: "repository-unknown" });
		return accept(viewFigures(this.standing, settings, { waits: this.#memory.waits, now: this.#outside.now() }));
	}

	async submit(call: SubmitCall): Promise<Result<Submitted>> {
		const settings = this.rows.settings();
		if (settings === null) return refuse({ code: "repository-unknown" });
		const isThere = this.domainRun(call.run) !== null;
		const done = this.#once(call.key, call.digest, call.run, () => (isThere ? accept(null) : this.#accept(call)));
		if (!done.ok) return done;
		const shown = await this.run(done.value.earlier ?? call.run);
		return shown.ok ? accept({ run: shown.value, replayed: isThere || done.value.earlier !== null }) : shown;
	}

	async addJobs(
		call: { run: RunId; jobs: JobRequest[]; key: string | null; digest: string } & Actor,
	): Promise<Result<Submitted>> {
		const settings = this.rows.settings();
		if (settings === null) return refuse({ code: "repository-unknown" });
		const add = (view: RunView, now: Millis) => decideAddJobs(view, call.jobs, settings, cause(call, "submit", now));
		const done = this.#once(call.key, call.digest, call.run, () => this.#onRun(call.run, add));
		const shown = done.ok ? await this.run(call.run) : done;
		return shown.ok ? accept({ run: shown.value, replayed: done.ok && done.value.earlier !== null }) : shown;
	}

	async run(id: RunId): Promise<Result<Run>> {
		const run = this.domainRun(id);
		return run === null ? refuse({ code: "run-unknown" }) : accept(viewOf(this.rows, this.standing).run(run));
	}

	async job(id: JobId): Promise<Result<Job>> {
		const place = parseJobId(id);
		const job = place && this.rows.job(place.run, place.index);
		return job ? accept(viewOf(this.rows, this.standing).job(job)) : refuse({ code: "job-unknown" });
	}

	async cancelRun(call: { run: RunId } & Actor): Promise<Result<Run>> {
		const { actor, reason } = call;
		const decided = this.#onRun(call.run, (view, at) => decideCancelRun(view, { actor, reason, at }));
		return decided.ok ? this.run(call.run) : decided;
	}

	async cancelJob(call: { job: JobId; force: boolean } & Actor): Promise<Result<Job>> {
		const { actor, reason, force } = call;
		return this.#showJob(call.job, (view, index, at) => decideCancelJob(view, index, { actor, reason, force, at }));
	}

	async retryRun(call: { run: RunId; only: "failed" | "all"; key: string | null } & Actor): Promise<Result<Submitted>> {
		const decide = (view: RunView, now: Millis) => decideRetryRun(view, call.only, cause(call, "user", now));
		const digest = JSON.stringify(["retry", call.only, call.run, call.reason]);
		const done = this.#once(call.key, digest, call.run, () => this.#onRun(call.run, decide));
		const shown = done.ok ? await this.run(call.run) : done;
		return shown.ok ? accept({ run: shown.value, replayed: done.ok && done.value.earlier !== null }) : shown;
	}

	async retryJob(call: { job: JobId; key: string | null } & Actor): Promise<Result<{ job: Job; replayed: boolean }>> {
		const decide = (view: RunView, index: number, now: Millis) => decideRetryJob(view, index, cause(call, "user", now));
		const digest = JSON.stringify(["retry", call.job, call.reason]);
		const done = this.#once(call.key, digest, call.job, () => this.#onJob(call.job, decide));
		const shown = done.ok ? await this.job(call.job) : done;
		return shown.ok ? accept({ job: shown.value, replayed: done.ok && done.value.earlier !== null }) : shown;
	}

	async reprioritise(call: { job: JobId; priority: number }): Promise<Result<Job>> {
		return this.#showJob(call.job, (view, index, now) => decidePriority(view, index, call.priority, now));
	}

	async claim(call: ClaimCall): Promise<Claimed> {
		const settings = this.rows.settings();
		const grants: Claimed["grants"] = [];
		assert(settings, "only a known repository is claimed from");
		const now = this.#outside.now();
		const wanted = { pool: call.pool, labels: new Set(call.labels) };
		const asker = { runner: call.runner.id, now, isOnlyOne: () => false };
		while (grants.length < Math.min(call.free, claimMax)) {
			const lane = chooseLane(this.standing.lanes(asker), wanted, settings, this.standing.load);
			if (lane === null) break;
			const job = this.rows.job(lane.head.run, lane.head.index);
			assert(job?.state === "waiting", "what stands in a lane waits");
			const run = this.domainRun(job.run);
			assert(run, `the run of job ${job.id} is stored`);
			const move = grant(job, call, now);
			this.#transact(() => this.#commit(settle(this.rows.view(run), [move], now)));
			this.#memory.waits.push(now - job.since);
			grants.push(viewGrant(this.#name, move.after, { run, settings }));
		}
		const demand = this.#demand(call.pool, true);
		assert(demand, "a demand asked for again is given");
		return { grants, demand };
	}

	async expire(claims: LeaseClaim[]): Promise<void> {
		for (const claim of claims) {
			this.#onJob(claim.job, (view, _, now) => accept(decideExpire(view, claim, now)));
		}
	}

	async start(claim: LeaseClaim): Promise<Result<LeaseAnswer>> {
		return this.#answer(claim, (view, _, now) => decideStart(view, claim, now));
	}

	async finish(claim: LeaseClaim, report: FinishReport): Promise<Result<LeaseAnswer>> {
		return this.#answer(claim, (view, _, now) => decideFinish(view, claim, report, this.#chance(now)));
	}

	async lease(claim: LeaseClaim): Promise<LeaseState> {
		const place = parseJobId(claim.job);
		return leaseStateOf(place && this.rows.job(place.run, place.index), claim);
	}

	/** Re-arms first, then works, then tells; after that the alarm is set exactly. */
	alarm(): void {
		const now = this.#outside.now();
		const due = Map.groupBy(this.standing.due(now, alarmSliceMax), ({ run }) => run);
		this.rows.alarmAt = null;
		this.#memory.armed = null;
		this.#arm(now);
		for (const [id, places] of due) {
			const indexes = places.map(({ index }) => index);
			this.#onRun(id, (view) => accept(decideTimeUp(view, indexes, this.#chance(now))));
		}
		const { repeatAt } = this.#memory;
		if (repeatAt !== null && now >= repeatAt) this.#announce();
		this.tell(true);
		this.#arm(now, true);
	}

	/** What follows each commit in the real one, some time later: a death in between loses it. */
	tell(again = false): void {
		const pools = [...this.#memory.news];
		this.#memory.news.clear();
		for (const pool of pools) {
			const demand = this.#demand(pool, again);
			if (demand) this.#outside.demand(structuredClone(demand));
		}
		this.#arm(this.#outside.now());
	}

	#chance(now: Millis): Chance {
		const settings = this.rows.settings();
		assert(settings, "only a known repository decides");
		this.#memory.budget ??= this.rows.budget();
		return {
			now,
			random: this.#outside.random(),
			retriesLeft: retriesLeft(this.#memory.budget, settings.retryBudget, now),
		};
	}

	#spend(moves: readonly Move[]): void {
		const starts = moves.filter(({ before, after }) => before?.state === "leased" && after.state === "running").length;
		const retries = moves.filter(isAutomaticRetry).length;
		if (starts + retries === 0) return;
		this.#memory.budget = count(this.#memory.budget ?? this.rows.budget(), { starts, retries }, this.#outside.now());
		if (retries > 0) this.rows.saveBudget(this.#memory.budget);
	}

	#accept(call: SubmitCall): Result<Decision> {
		const settings = this.rows.settings();
		assert(settings, "only a known repository accepts");
		const at = this.#outside.now();
		const { submission } = call;
		const decided = decideSubmit(call.run, this.rows.nextNumber, submission, settings, at);
		if (!decided.ok) return decided;
		this.rows.nextNumber++;
		this.#commit(decided.value);
		const { number, source } = decided.value.run;
		if (!submission.cancelSuperseded || !source?.ref) return decided;
		const wish = { actor: submission.actor, reason: `superseded by run ${number}`, at };
		for (const id of this.rows.openRuns(source.ref)) {
			if (id !== call.run) this.#onRun(id, (view) => decideCancelRun(view, wish, call.run));
		}
		return decided;
	}

	#onRun(id: RunId, decide: (view: RunView, now: Millis) => Result<Decision>): Result<Decision> {
		const run = this.domainRun(id);
		if (run === null) return refuse({ code: "run-unknown" });
		return this.#transact(() => {
			const decided = decide(this.rows.view(run), this.#outside.now());
			if (decided.ok && decided.value.run !== run) this.#commit(decided.value);
			return decided;
		});
	}

	#onJob(id: JobId, decide: (view: RunView, index: number, now: Millis) => Result<Decision>): Result<Decision> {
		const place = parseJobId(id);
		if (place === null) return refuse({ code: "job-unknown" });
		const decided = this.#onRun(place.run, (view, now) => decide(view, place.index, now));
		return !decided.ok && decided.refusal.code === "run-unknown" ? refuse({ code: "job-unknown" }) : decided;
	}

	async #showJob(
		id: JobId,
		decide: (view: RunView, index: number, now: Millis) => Result<Decision>,
	): Promise<Result<Job>> {
		const decided = this.#onJob(id, decide);
		return decided.ok ? this.job(id) : decided;
	}

	async #answer(
		claim: LeaseClaim,
		decide: (view: RunView, index: number, now: Millis) => Result<Decision>,
	): Promise<Result<LeaseAnswer>> {
		const shown = await this.#showJob(claim.job, decide);
		if (!shown.ok) return refuse({ code: "lease-stale" });
		return accept({ job: shown.value, lease: await this.lease(claim) });
	}

	#once(
		key: string | null,
		digest: string,
		subject: string,
		act: () => Result<unknown>,
	): Result<{ earlier: string | null }> {
		return this.#transact(() => {
			const earlier = key === null ? null : this.rows.request(key);
			if (earlier !== null) {
				return earlier.digest === digest
					? accept({ earlier: earlier.subject })
					: refuse({ code: "idempotency-key-reused" });
			}
			const done = act();
			if (!done.ok) return done;
			if (key !== null) this.rows.saveRequest(key, { digest, subject });
			return accept({ earlier: null });
		});
	}

	/** The outermost brings memory up to date. A fault ends the simulation, so nothing need be taken back. */
	#transact<T>(work: () => T): T {
		this.#depth++;
		try {
			const result = work();
			if (this.#depth === 1) this.#settled();
			return result;
		} finally {
			this.#depth--;
			if (this.#depth === 0) this.#decided = [];
		}
	}

	#commit(decision: Decision): void {
		const { run, moves } = decision;
		const before = this.#memory.runs.get(run.id) ?? null;
		if (needsRow(before, run)) this.rows.saveRun(run);
		this.rows.saveMoves(moves);
		this.#spend(moves);
		this.#memory.runs.set(run.id, run);
		this.#decided.push(decision);
	}

	#settled(): void {
		const moves = this.#decided.flatMap((decision) => decision.moves);
		if (moves.length > 0) {
			this.#memory.standing?.apply(moves);
			this.#announce();
		}
		this.#arm(this.#outside.now());
	}

	/** Every pool with somebody in a lane, and every pool that still believes so. */
	#announce(): void {
		const { told, news } = this.#memory;
		const pools = new Set([...told].filter(([, { sets }]) => sets.length > 0).map(([pool]) => pool));
		for (const { pool } of this.standing.lanes()) pools.add(pool);
		for (const pool of pools) news.add(pool);
		this.#memory.repeatAt = pools.size === 0 ? null : this.#outside.now() + demandRepeatMs;
	}

	#demand(pool: string, again: boolean): Demand | null {
		const settings = this.rows.settings();
		assert(settings, "only a known repository tells");
		const sets = demandOf(this.standing.lanes(), pool, settings, this.standing.load);
		const told = this.#memory.told.get(pool);
		if (told && JSON.stringify(told.sets) === JSON.stringify(sets)) return again ? told : null;
		const version = Math.max((told?.version ?? 0) + 1, this.#outside.now());
		const demand: Demand = { ...this.#name, pool, version, sets };
		this.#memory.told.set(pool, demand);
		return demand;
	}

	#arm(now: Millis, exactly = false): void {
		const tellBy = this.hasNews ? now + demandRepeatMs : null;
		const wanted = nextAlarm([this.standing.earliestDeadline(), this.#memory.repeatAt, tellBy], now);
		if (wanted === null || (!exactly && !shouldSet(this.#memory.armed, wanted, now))) return;
		this.#memory.armed = wanted;
		this.rows.alarmAt = wanted;
	}
}

function cause({ actor, reason }: Actor, by: Cause["by"], at: Millis): Cause {
	return { by, actor, reason, at };
}
