// What the invariants remember from step to step.
import type { JobId, Millis, RunId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run/run.ts";

export class InvariantMemory {
	/** When the runner of each lease must have stopped by itself, should it say nothing more. */
	readonly stopsBy = new Map<string, Millis>();
	/** The highest version ever shown of each run, and what it showed. */
	readonly shown = new Map<RunId, { run: Run; version: number; text: string }>();
	/** Runs that somebody, or a newer run, canceled, and nobody retried since. */
	readonly canceled = new Set<RunId>();
	/** Jobs that somebody retried by name since they were accepted. */
	readonly retried = new Set<JobId>();
	/** How many jobs could start in each pool, step by step, as far back as a pool may know it. */
	readonly waited: { at: Millis; byPool: ReadonlyMap<string, number> }[] = [];
}
