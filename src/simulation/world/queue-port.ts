// What a repository's queue must offer to be shown by the behaviours and driven by chance: its calls, and by hand the clock, the
// alarm and its death. The simulation offers it over memory, the tests of workers/ over the real object.
import type { Demand, RepoCalls } from "../../contracts/objects/objects.ts";
import type { Millis } from "../../domain/ids.ts";

export type QueueCalls = Pick<
	RepoCalls,
	| "addJobs"
	| "cancelJob"
	| "cancelMatching"
	| "cancelRun"
	| "claim"
	| "configure"
	| "expire"
	| "figures"
	| "finish"
	| "job"
	| "lease"
	| "reprioritise"
	| "retryJob"
	| "retryMatching"
	| "retryRun"
	| "run"
	| "start"
	| "submit"
>;

export interface QueuePort {
	/** Asked for anew before each call: the object may have died. */
	readonly calls: QueueCalls;
	/** A repository's name that nobody else uses. */
	readonly owner: string;
	now(): Millis;
	moveClock(byMs: number): void;
	/** When the one alarm is set to; null when it is not set. */
	alarmAt(): Promise<Millis | null>;
	/**
	 * The alarm goes off if its time has come, however long ago, or is as near as it is ever set: whoever wakes an object after
	 * a jump of the clock makes it set an overdue alarm anew.
	 */
	alarm(): Promise<void>;
	/** Pools hear what is new for them; the real object sees to that by itself. */
	tell(): Promise<void>;
	/** The shard of a pool that claimed learns of its present demand. */
	hear(demand: Demand, shard: number): Promise<unknown>;
	/** A shard of a pool loses its memory. */
	sleepShard(which: { pool: string; shard: number }): void;
	/** How many jobs a pool says to wait, to whoever asks it. */
	waitingIn(pool: string): Promise<number>;
	/** The archive does not take the next run that is put there, or takes it and its answer is lost. */
	failNextPut(how: "refused" | "answer-lost"): void;
	/** All memory is lost, and what was not told yet with it. */
	evict(): Promise<void>;
}
