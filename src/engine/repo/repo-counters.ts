// What a repository counts: the number of its next run, and starts and automatic retries against its budget. Inside a
// transaction both are as its draft has them; memory follows after the commit, so a turn that breaks off has counted nothing.
import type { BudgetMinute } from "../../domain/job/budget.ts";
import { count, retriesLeft } from "../../domain/job/budget.ts";
import type { Millis, RunId } from "../../domain/ids.ts";
import type { Move } from "../../domain/job/job.ts";
import { isAutomaticRetry } from "../../domain/job/job-end.ts";
import type { RateBucket } from "../../domain/limit/token-bucket.ts";
import type { RepositorySettings } from "../../domain/job/submission.ts";
import type { RunNumbers } from "./archive/run-numbers.ts";
import { recentRunsMax } from "./reads/repo-samples.ts";
import type { Memory } from "./repo-memory.ts";
import type { RepositoryRow } from "./repository-row.ts";
import type { Transactions } from "./transactions.ts";

interface CounterSource {
	row: RepositoryRow;
	numbers: RunNumbers;
	memory(): Memory;
}

export class RepoCounters {
	readonly #transactions: Transactions;
	readonly #source: CounterSource;

	constructor(transactions: Transactions, source: CounterSource) {
		this.#transactions = transactions;
		this.#source = source;
	}

	/** From 1, without a gap: only an accepted run takes it. */
	get nextNumber(): number {
		const memory = this.#source.memory();
		memory.nextNumber ??= this.#source.row.nextNumber();
		return this.#transactions.draft?.nextNumber ?? memory.nextNumber;
	}

	/** Inside the transaction that accepts the run. `bucket`: of the runs of a minute, with this one. */
	takeNumber(run: RunId, bucket: RateBucket): void {
		const { row, numbers } = this.#source;
		const number = this.nextNumber;
		const recent = [run, ...row.recentRuns()].slice(0, recentRunsMax);
		row.saveNextNumber(number + 1, { recent, bucket });
		numbers.keep(number, recent);
		this.#transactions.drafted.nextNumber = number + 1;
		this.#transactions.drafted.runBucket = bucket;
	}

	/** How many more automatic retries `allowed` leaves now. */
	retriesLeft(allowed: RepositorySettings["retryBudget"], now: Millis): number {
		return retriesLeft(this.#budget, allowed, now);
	}

	/** Starts are only remembered, retries stored: a row for each start would cost more than the budget is worth [R8][W44]. */
	spend(moves: readonly Move[], now: Millis): void {
		const starts = moves.filter(({ before, after }) => before?.state === "leased" && after.state === "running").length;
		const retries = moves.filter(isAutomaticRetry).length;
		if (starts + retries === 0) return;
		const budget = count(this.#budget, { starts, retries }, now);
		this.#transactions.drafted.budget = budget;
		if (retries > 0) this.#source.row.saveBudget(budget);
	}

	get #budget(): readonly BudgetMinute[] {
		const memory = this.#source.memory();
		memory.budget ??= this.#source.row.budget();
		return this.#transactions.draft?.budget ?? memory.budget;
	}
}
