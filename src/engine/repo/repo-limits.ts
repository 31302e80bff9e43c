// A repository's limits: what the operator set, and what is used of each. Jobs are counted by the standing, runs by a bucket that
// is stored with the number of the next run, so that neither costs a row and no sleep forgets them.
import type { LimitUse } from "../../contracts/http/limit.ts";
import type { LimitsCall } from "../../contracts/objects/objects.ts";
import { timeText } from "../../contracts/wire/time-text.ts";
import type { Millis } from "../../domain/ids.ts";
import type { Move } from "../../domain/job/job.ts";
import { changeLimits, limitOf, limitRow } from "../../domain/limit/limit-table.ts";
import type { LimitName, LimitSettings } from "../../domain/limit/limit-table.ts";
import { bucketUse, limitReached, refuseMoves, runRate, waitingJobsOf } from "../../domain/limit/repository-limits.ts";
import { bucketAt, msUntil } from "../../domain/limit/token-bucket.ts";
import type { RateBucket } from "../../domain/limit/token-bucket.ts";
import type { Standing } from "../../domain/queue/standing.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { Decision } from "../../domain/run/decide.ts";
import type { Memory } from "./repo-memory.ts";
import type { RepoTables } from "./repo-tables.ts";
import type { Transactions } from "./transactions.ts";

interface LimitSource {
	tables: Pick<RepoTables, "row" | "secrets">;
	standing(): Standing;
	memory(): Memory;
	now(): Millis;
}

export class RepoLimits {
	readonly #transactions: Transactions;
	readonly #source: LimitSource;

	constructor(transactions: Transactions, source: LimitSource) {
		this.#transactions = transactions;
		this.#source = source;
	}

	/** Inside a transaction. Those that are in use already, beyond a limit that is lowered, stay. */
	set({ change, replace }: LimitsCall): void {
		const limits = changeLimits(this.#set, change, { replace });
		this.#source.tables.row.saveLimits(limits);
		this.#transactions.drafted.limits = limits;
	}

	/** [V21] Before anything is decided: what cannot be taken costs its repository nothing. */
	refuseJobs(more: number): Result<null> {
		const use = waitingJobsOf(this.#source.standing());
		return answer(limitReached("waiting-jobs", { use, more, set: this.#set }));
	}

	/** [V21][V22] These, and what the transaction under way has decided before them. */
	refuseMoves(moves: readonly Move[] = []): Result<null> {
		const decided = this.#transactions.draft?.decided.flatMap(({ decision }) => decision.moves) ?? [];
		const all = decided.length === 0 ? moves : [...decided, ...moves];
		return answer(refuseMoves(all, { standing: this.#source.standing(), set: this.#set }));
	}

	/** The decision, unless what it adds passes a limit. */
	within(decided: Result<Decision>): Result<Decision> {
		const fits = decided.ok ? this.refuseMoves(decided.value.moves) : decided;
		return fits.ok ? decided : fits;
	}

	/** [V23] Whether one more run may be taken now; it is counted by `nextBucket`. */
	refuseRun(): Result<null> {
		const now = this.#source.now();
		const rate = runRate(this.#set);
		const waitMs = msUntil(this.#bucket, rate, { now });
		if (waitMs === 0) return accept(null);
		return refuse({ code: "limit-reached", limit: "runs-per-minute", max: rate.max, retryAfterMs: waitMs });
	}

	/** With one run more. A run that was spilled is counted, and empties it at most. */
	nextBucket(): RateBucket {
		const { left, at } = bucketAt(this.#bucket, runRate(this.#set), this.#source.now());
		return { left: Math.max(0, left - 1), at };
	}

	/** [V24] One that is there already may be set whatever the limit is. */
	refuseSecret(name: string): Result<null> {
		const { secrets } = this.#source.tables;
		const more = secrets.has(name) ? 0 : 1;
		return answer(limitReached("secrets", { use: secrets.count, more, set: this.#set }));
	}

	show(): LimitUse[] {
		const { tables, standing, now } = this.#source;
		const at = now();
		const runs = bucketUse(this.#bucket, runRate(this.#set), at);
		return [
			this.#shown("waiting-jobs", waitingJobsOf(standing())),
			{ ...this.#shown("runs-per-minute", runs.used), resetsAt: runs.fullAt === null ? null : timeText(runs.fullAt) },
			this.#shown("label-sets", standing().laneCount),
			this.#shown("secrets", tables.secrets.count),
			this.#shown("log-viewers", null),
			this.#shown("run-watchers", null),
		];
	}

	/** `used` null: of each log or run by itself, which this object does not know. */
	#shown(name: LimitName, used: number | null): LimitUse {
		return { name, unit: limitRow(name).unit, limit: limitOf(name, this.#set), used, resetsAt: null };
	}

	get #set(): LimitSettings {
		const memory = this.#source.memory();
		memory.limits ??= this.#source.tables.row.limits();
		return this.#transactions.draft?.limits ?? memory.limits;
	}

	get #bucket(): RateBucket | null {
		const memory = this.#source.memory();
		memory.runBucket ??= this.#source.tables.row.runBucket();
		return this.#transactions.draft?.runBucket ?? memory.runBucket;
	}
}

function answer(reached: ReturnType<typeof limitReached>): Result<null> {
	return reached === null ? accept(null) : refuse(reached);
}
