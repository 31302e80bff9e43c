// Why a command is refused, as a value with its facts. `contracts/wire/refusal-facts.ts` says what each looks like on the wire.
import type { LimitName } from "./limit/limit-table.ts";

export type Refusal =
	| { code: "repository-unknown" }
	| { code: "run-unknown" }
	/** A fault of ours met it, and meets it again whenever it is tried: of a spilled run alone. */
	| { code: "fault" }
	| { code: "dead-letter-unknown" }
	/** Its turn came when nobody waited for it any more; nothing was done. */
	| { code: "caller-gone" }
	| { code: "run-accepted" }
	| { code: "run-archived" }
	| { code: "job-unknown" }
	| { code: "attempt-unknown" }
	| { code: "secret-unknown" }
	| { code: "runner-unknown" }
	| { code: "runner-removed" }
	| { code: "pool-full"; max: number }
	| LimitReached
	| { code: "idempotency-key-reused" }
	| { code: "graph-invalid"; faults: GraphFault[] }
	| { code: "clone-url-missing" }
	| { code: "repository-draining" }
	| { code: "run-jobs-max"; max: number }
	| { code: "run-finished" }
	| { code: "run-canceled" }
	| { code: "run-superseded" }
	| { code: "run-nothing-to-retry"; only: "failed" | "all" }
	| { code: "job-finished" }
	| { code: "job-not-finished"; state: string }
	| { code: "job-not-waiting"; state: string }
	| { code: "pool-limited"; index: number; pool: string }
	| { code: "secrets-limited"; index: number; secret: string }
	| { code: "lease-stale" }
	| { code: "lease-not-started" }
	| IdentityRefusal
	| { code: "log-gap"; length: number }
	| { code: "log-limit"; max: number }
	| { code: "log-sealed"; length: number }
	| AccessRefusal
	| ReadRefusal;

/** A limit of the table, `max` as it is set here. `retryAfterMs`: when it may have room; null: that is not known. */
export interface LimitReached {
	code: "limit-reached";
	limit: LimitName;
	max: number;
	retryAfterMs: number | null;
}

/** Why a caller may not have it. `act`: whether the token lacks something for this call, or for what it would give to another token. */
export type AccessRefusal =
	| { code: "unknown" }
	| { code: "scope-missing"; scope: string; act: "call" | "give" }
	/** `role`: the least that a member must be for it. */
	| { code: "role-missing"; role: string }
	/** No role gives a higher one: the highest that this caller may give. */
	| { code: "role-limited" }
	| { code: "member-unknown" }
	| { code: "member-last-owner" }
	| { code: "members-max"; max: number }
	| { code: "repositories-limited"; act: "call" | "give" }
	| { code: "expiry-limited" }
	| { code: "expiry-past" }
	| { code: "operator-only" }
	| { code: "token-only" }
	| { code: "runs-refused" }
	| { code: "projection-off" }
	| { code: "cursor-unknown" }
	| { code: "token-ended" }
	| { code: "pools-limited"; pools: readonly string[] }
	| { code: "token-used-up"; max: number };

/** Why a job is given no identity token. */
export type IdentityRefusal =
	| { code: "job-canceling" }
	| { code: "identity-off" }
	| { code: "limit-id-tokens"; max: number; retryAfterSeconds: number };

/** Why there is nothing to read or to watch, or no room for what was sent. */
export type ReadRefusal =
	| { code: "too-large"; max: number }
	| { code: "log-deleted" }
	| { code: "range-past-end"; length: number }
	| { code: "log-viewers-max" }
	| { code: "run-watchers-max" }
	| { code: "events-compacted" };

/** A fault in `needs`: `index` is the job's place in the request, `need` the place in its `needs` (null: its key). */
export interface GraphFault {
	index: number;
	need: number | null;
	message: string;
}

export type Result<T> = { ok: true; value: T } | { ok: false; refusal: Refusal };

export function accept<T>(value: T): Result<T> {
	return { ok: true, value };
}

export function refuse(refusal: Refusal): { ok: false; refusal: Refusal } {
	return { ok: false, refusal };
}

/** Throws for a state that cannot be: a fault of ours, and no refusal. */
export function assert(condition: unknown, fact: string): asserts condition {
	if (!condition) throw new Error(`assertion failed: ${fact}`);
}

/** A case that the types say cannot happen. */
export function unreachable(value: never): never {
	throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
