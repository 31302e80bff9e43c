// The turn of a simulated repository, as workers/repo/repo-queue.ts is that of the real one: load, let the rules decide, store
// whole, then tell. What it keeps beside its rows is a cache that may be thrown away between any two calls.
import type { Demand, RepositoryName } from "../contracts/objects.ts";
import type { BudgetMinute } from "../domain/budget.ts";
import { count, retriesLeft } from "../domain/budget.ts";
import { nextAlarm, shouldSet } from "../domain/deadline.ts";
import { decideTimeUp } from "../domain/decide.ts";
import type { Chance, Decision, RunView } from "../domain/decide.ts";
import type { JobId, Millis, RunId } from "../domain/ids.ts";
import { parseJobId } from "../domain/ids.ts";
import type { Move } from "../domain/job.ts";
import { isAutomaticRetry } from "../domain/job-end.ts";
import { alarmSliceMax, demandRepeatMs } from "../domain/limits.ts";
import { demandOf } from "../domain/queue.ts";
import type { Result } from "../domain/refusal.ts";
import { accept, assert, refuse } from "../domain/refusal.ts";
import type { Run } from "../domain/run.ts";
import { needsRow } from "../domain/run.ts";
import { Standing } from "../domain/standing.ts";
import type { RepositorySettings } from "../domain/submission.ts";
import { ShardsTold } from "../domain/shards-told.ts";
import { Rows } from "./rows.ts";
import { simulatedShards } from "./simulated-pool.ts";

/** What an eviction takes away. */
interface Memory {
	/** Ahead of their rows, which are written only when more than counts has changed. */
	runs: Map<RunId, Run>;
	/** Stored with each retry; starts since then are forgotten, which only makes the budget smaller. */
	budget: readonly BudgetMinute[] | null;
	standing: Standing | null;
	/** By pool, what it was told last. */
	told: Map<string, Demand>;
	shards: ShardsTold;
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
		shards: new ShardsTold(),
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
	/** A shard of a pool hears of its demand. */
	demand(demand: Demand, shard: number): void;
}

export class SimulatedQueue {
	readonly rows = new Rows();
	readonly name: RepositoryName;
	readonly outside: Outside;
	#memory = nothing();
	#depth = 0;
	#decided: Decision[] = [];

	constructor(name: RepositoryName, outside: Outside) {
		this.name = name;
		this.outside = outside;
	}

	get standing(): Standing {
		this.#memory.standing ??= new Standing(this.rows.openJobs(), this.rows.settings()?.fairness);
		return this.#memory.standing;
	}

	get hasNews(): boolean {
		return this.#memory.news.size > 0;
	}

	domainRun(id: RunId): Run | null {
		const known = this.#memory.runs.get(id);
		if (known) return known;
		const run = this.rows.run(id);
		if (run) this.#memory.runs.set(id, run);
		return run;
	}

	evict(): void {
		this.#memory = nothing();
	}

	configure(settings: RepositorySettings): void {
		const before = this.rows.settings();
		this.rows.saveSettings(settings);
		if (JSON.stringify(before?.fairness) !== JSON.stringify(settings.fairness)) this.#memory.standing = null;
		this.#announce();
		this.#arm(this.outside.now());
	}

	get waits(): number[] {
		return this.#memory.waits;
	}

	/** Re-arms first, then works, then tells; after that the alarm is set exactly. */
	alarm(): void {
		const now = this.outside.now();
		const due = Map.groupBy(this.standing.due(now, alarmSliceMax), ({ run }) => run);
		this.rows.alarmAt = null;
		this.#memory.armed = null;
		this.#arm(now);
		for (const [id, places] of due) {
			const indexes = places.map(({ index }) => index);
			this.onRun(id, (view) => accept(decideTimeUp(view, indexes, this.chance(now))));
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
			const demand = this.demand(pool);
			const every = { from: 0, to: simulatedShards };
			const shards = again ? [0, 1] : this.#memory.shards.untold(pool, demand.version, every);
			for (const shard of shards) {
				this.outside.demand(structuredClone(demand), shard);
				this.#memory.shards.told(pool, shard, demand.version);
			}
		}
		this.#arm(this.outside.now());
	}

	chance(now: Millis): Chance {
		const settings = this.rows.settings();
		assert(settings, "only a known repository decides");
		this.#memory.budget ??= this.rows.budget();
		return {
			now,
			random: this.outside.random(),
			retriesLeft: retriesLeft(this.#memory.budget, settings.retryBudget, now),
		};
	}

	#spend(moves: readonly Move[]): void {
		const starts = moves.filter(({ before, after }) => before?.state === "leased" && after.state === "running").length;
		const retries = moves.filter(isAutomaticRetry).length;
		if (starts + retries === 0) return;
		this.#memory.budget = count(this.#memory.budget ?? this.rows.budget(), { starts, retries }, this.outside.now());
		if (retries > 0) this.rows.saveBudget(this.#memory.budget);
	}

	onRun(id: RunId, decide: (view: RunView, now: Millis) => Result<Decision>): Result<Decision> {
		const run = this.domainRun(id);
		if (run === null) return refuse({ code: "run-unknown" });
		return this.transact(() => {
			const decided = decide(this.rows.view(run), this.outside.now());
			if (decided.ok && decided.value.run !== run) this.commit(decided.value);
			return decided;
		});
	}

	onJob(id: JobId, decide: (view: RunView, index: number, now: Millis) => Result<Decision>): Result<Decision> {
		const place = parseJobId(id);
		if (place === null) return refuse({ code: "job-unknown" });
		const decided = this.onRun(place.run, (view, now) => decide(view, place.index, now));
		return !decided.ok && decided.refusal.code === "run-unknown" ? refuse({ code: "job-unknown" }) : decided;
	}

	once(
		key: string | null,
		digest: string,
		subject: string,
		act: () => Result<unknown>,
	): Result<{ earlier: string | null }> {
		return this.transact(() => {
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
	transact<T>(work: () => T): T {
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

	commit(decision: Decision): void {
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
		this.#arm(this.outside.now());
	}

	/** Every pool with somebody in a lane, and every pool that still believes so. */
	#announce(): void {
		const { told, news } = this.#memory;
		const pools = new Set([...told].filter(([, { sets }]) => sets.length > 0).map(([pool]) => pool));
		for (const { pool } of this.standing.lanes()) pools.add(pool);
		for (const pool of pools) news.add(pool);
		this.#memory.repeatAt = pools.size === 0 ? null : this.outside.now() + demandRepeatMs;
	}

	demand(pool: string, known = 0): Demand {
		const settings = this.rows.settings();
		assert(settings, "only a known repository tells");
		const sets = demandOf(this.standing.lanes(), pool, settings, this.standing.load);
		const told = this.#memory.told.get(pool);
		const isSame = told !== undefined && JSON.stringify(told.sets) === JSON.stringify(sets);
		if (isSame && told.version >= known) return told;
		const version = Math.max((told?.version ?? 0) + 1, known + 1, this.outside.now());
		const demand: Demand = { ...this.name, pool, version, sets };
		this.#memory.told.set(pool, demand);
		return demand;
	}

	/** A shard that asks hears what there is now. */
	answerDemand({ pool, shard, known }: { pool: string; shard: number; known: number }): Demand {
		const demand = this.demand(pool, known);
		this.#memory.shards.told(pool, shard, demand.version);
		return demand;
	}

	/** A shard hears what its claim left; to less than `before` the others need not listen. */
	claimed(shard: number, before: Demand): Demand {
		const { pool } = before;
		const after = this.demand(pool);
		this.#memory.shards.claimed({ pool, shard, shards: simulatedShards }, before, after);
		return after;
	}

	#arm(now: Millis, exactly = false): void {
		const tellBy = this.hasNews ? now + demandRepeatMs : null;
		const wanted = nextAlarm([this.standing.earliestDeadline(), this.#memory.repeatAt, tellBy], now);
		if (wanted === null || (!exactly && !shouldSet(this.#memory.armed, wanted, now))) return;
		this.#memory.armed = wanted;
		this.rows.alarmAt = wanted;
	}
}
