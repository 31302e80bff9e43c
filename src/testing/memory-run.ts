// A run in memory, for tests of decisions: a `RunView` that takes in what was decided, and tells jobs by their keys.
import type { LeaseName, Decision, RunView } from "../domain/run/decide.ts";
import { nodeOf } from "../domain/run/decide.ts";
import { decideSubmit } from "../domain/run/decide-submit.ts";
import type { Node } from "../domain/run/graph.ts";
import type { Millis } from "../domain/ids.ts";
import type { FinishedAttempt, Job, Move } from "../domain/job/job.ts";
import { grant } from "../domain/job/job.ts";
import type { Result } from "../domain/refusal.ts";
import type { Run } from "../domain/run/run.ts";
import type { JobRequest } from "../domain/job/submission.ts";
import { aRunId, aRunner, aSubmission, someSettings } from "./builders.ts";
import { noon } from "./clock.ts";

export class MemoryRun implements RunView {
	run: Run;
	readonly #jobs: Job[] = [];
	readonly #attempts: FinishedAttempt[] = [];

	constructor({ run, moves }: Decision) {
		this.run = run;
		this.apply({ run, moves });
	}

	/** A run of these jobs, submitted at noon. */
	static of(...jobs: (Partial<JobRequest> & { key: string })[]): MemoryRun {
		const requests = jobs.map((job) => ({ run: "true", ...job }));
		const decided = decideSubmit({ id: aRunId(), number: 1, submission: aSubmission(requests) }, someSettings(), noon);
		if (!decided.ok) throw new Error(decided.refusal.code);
		return new MemoryRun(decided.value);
	}

	apply({ run, moves }: Decision): void {
		this.run = run;
		for (const { after, attempt } of moves) {
			this.#jobs[after.index] = after;
			if (attempt) this.#attempts.push(attempt);
		}
	}

	/** Takes in what was accepted, and gives back whether it was, or why not. */
	take(result: Result<Decision>): "ok" | string {
		if (!result.ok) return result.refusal.code;
		this.apply(result.value);
		return "ok";
	}

	move(move: Move, settle: (view: RunView, moves: Move[], now: Millis) => Decision, now: Millis): void {
		this.apply(settle(this, [move], now));
	}

	job(index: number): Job | null {
		return this.#jobs[index] ?? null;
	}

	attempt(index: number, number: number): FinishedAttempt | null {
		const id = this.#jobs[index]?.id;
		return this.#attempts.find((attempt) => attempt.job === id && attempt.number === number) ?? null;
	}

	nodes(): Map<number, Node> {
		return new Map(this.#jobs.map((job) => [job.index, nodeOf(job)]));
	}

	keys(): Map<string, number> {
		return new Map(this.#jobs.map((job) => [job.spec.key, job.index]));
	}

	jobs(which: "unfinished" | "finished"): Job[] {
		return this.#jobs.filter((job) => (job.state === "finished") === (which === "finished"));
	}

	called(key: string): Job {
		const job = this.#jobs.find(({ spec }) => spec.key === key);
		if (!job) throw new Error(`no job is called ${key}`);
		return job;
	}

	/** Each job's outcome, or its state while it has none. */
	story(): Record<string, string> {
		return Object.fromEntries(
			this.#jobs.map((job) => [job.spec.key, job.state === "finished" ? job.outcome : job.state]),
		);
	}

	/** Grants a waiting job, and names its lease. */
	grant(key: string, now: Millis): LeaseName {
		const job = this.called(key);
		if (job.state !== "waiting") throw new Error(`${key} is ${job.state}`);
		const { after } = grant(job, { runner: aRunner(), pool: "default", shard: 0 }, now);
		this.#jobs[job.index] = after;
		const counts = { ...this.run.counts, waiting: this.run.counts.waiting - 1, leased: this.run.counts.leased + 1 };
		this.run = { ...this.run, counts };
		return { job: job.id, attempt: after.attempts + 1, epoch: after.epoch };
	}
}
