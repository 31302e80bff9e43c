// The two values between which a turn happens: what the object remembers, and what the transaction under way has decided. The
// second becomes part of the first after the commit, or is dropped whole.
import type { BudgetMinute } from "../../domain/job/budget.ts";
import type { Decision } from "../../domain/run/decide.ts";
import type { Job, Move } from "../../domain/job/job.ts";
import type { RunId } from "../../domain/ids.ts";
import type { LimitSettings } from "../../domain/limit/limit-table.ts";
import type { RateBucket } from "../../domain/limit/token-bucket.ts";
import type { Run } from "../../domain/run/run.ts";
import type { Standing } from "../../domain/queue/standing.ts";

/** What the tables say, kept so that it need not be read for each call. Runs are ahead of them: a version must not come twice. */
export interface Memory {
	standing: Standing | null;
	/** Runs as they are now: ahead of their rows, which are written only when more than counts has changed. */
	runs: Map<RunId, Run>;
	nextNumber: number | null;
	/**
	 * Starts and automatic retries of the last hour. Stored with each retry; a sleep forgets starts since then, which only makes
	 * the budget smaller.
	 */
	budget: readonly BudgetMinute[] | null;
	/** What the operator set. */
	limits: LimitSettings | null;
	/** Null as well where none was stored yet. */
	runBucket: RateBucket | null;
}

export function nothing(): Memory {
	return { standing: null, runs: new Map(), nextNumber: null, budget: null, limits: null, runBucket: null };
}

/** What one transaction has decided: dropped whole if it breaks off, else memory and everybody else follow. */
export interface Draft {
	runs: Map<RunId, Run>;
	/** Each with its run as it was before. */
	decided: { decision: Decision; before: Run | null }[];
	nextNumber: number | null;
	budget: readonly BudgetMinute[] | null;
	limits: LimitSettings | null;
	runBucket: RateBucket | null;
	/** Null where each decision's moves are written at once. */
	slices: Slices | null;
}

/** What a transaction that gives way has read before it decides, and has still to write afterwards. */
export interface Slices {
	/** By run, all of its jobs. */
	read: Map<RunId, Map<number, Job>>;
	unwritten: { moves: readonly Move[]; mark: number | null }[];
}

export function newDraft(slices: Slices | null): Draft {
	return { runs: new Map(), decided: [], nextNumber: null, budget: null, limits: null, runBucket: null, slices };
}

/** Leaves a transaction whose answer is a refusal, so that the storage takes back what was written before it. */
export class TakenBack extends Error {
	readonly refused: unknown;

	constructor(refused: unknown) {
		super("a refusal takes back what was written before it");
		this.refused = refused;
	}
}

export function isRefused(result: unknown): boolean {
	return typeof result === "object" && result !== null && "ok" in result && result.ok === false;
}
