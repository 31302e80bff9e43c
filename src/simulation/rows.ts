// What a simulated repository has on disk: texts by key, as the tables of the real one hold them, so that nothing in memory is
// shared with what is stored. Whatever is read is parsed anew.
import type { BudgetMinute } from "../domain/budget.ts";
import type { RunView } from "../domain/decide.ts";
import { nodeOf } from "../domain/decide.ts";
import type { Node } from "../domain/graph.ts";
import type { JobId, Millis, RunId } from "../domain/ids.ts";
import { jobIdFrom } from "../domain/ids.ts";
import type { FinishedAttempt, Job, Move } from "../domain/job.ts";
import type { Run } from "../domain/run.ts";
import { weightOf } from "../domain/run.ts";
import type { OpenJob } from "../domain/open-job.ts";
import { openJobOf } from "../domain/open-job.ts";
import type { RepositorySettings } from "../domain/submission.ts";

/** All that is stored, at one instant; compared text by text. */
export interface Snapshot {
	settings: string | null;
	runs: ReadonlyMap<RunId, string>;
	jobs: ReadonlyMap<JobId, string>;
	/** By `job/number`. */
	attempts: ReadonlyMap<string, string>;
	requests: ReadonlyMap<string, string>;
}

export class Rows {
	nextNumber = 1;
	alarmAt: Millis | null = null;
	#settings: string | null = null;
	#budget = "[]";
	readonly #runs = new Map<RunId, string>();
	readonly #jobs = new Map<JobId, string>();
	readonly #open = new Map<JobId, string>();
	readonly #attempts = new Map<string, string>();
	readonly #requests = new Map<string, string>();

	snapshot(): Snapshot {
		return {
			settings: this.#settings,
			runs: new Map(this.#runs),
			jobs: new Map(this.#jobs),
			attempts: new Map(this.#attempts),
			requests: new Map(this.#requests),
		};
	}

	settings(): RepositorySettings | null {
		return this.#settings === null ? null : JSON.parse(this.#settings);
	}

	saveSettings(settings: RepositorySettings): void {
		this.#settings = JSON.stringify(settings);
	}

	budget(): BudgetMinute[] {
		return JSON.parse(this.#budget);
	}

	saveBudget(minutes: readonly BudgetMinute[]): void {
		this.#budget = JSON.stringify(minutes);
	}

	/** As it was last stored; its counts are summed up from its jobs. */
	run(id: RunId): Run | null {
		const text = this.#runs.get(id);
		if (text === undefined) return null;
		const run: Run = JSON.parse(text);
		const counts = { blocked: 0, waiting: 0, leased: 0, running: 0, canceling: 0, finished: 0 };
		const bad = { failed: 0, canceled: 0 };
		const jobs = this.jobs(id);
		for (const job of jobs) {
			counts[job.state]++;
			const weight = weightOf(job);
			if (weight !== null) bad[weight]++;
		}
		return { ...run, counts, bad, jobs: jobs.length };
	}

	saveRun(run: Run): void {
		this.#runs.set(run.id, JSON.stringify(run));
	}

	/** Unfinished runs of a ref. */
	openRuns(ref: string): RunId[] {
		const open = new Set([...this.#open.values()].map((text) => (JSON.parse(text) as OpenJob).run));
		return [...open].filter((id) => this.run(id)?.source?.ref === ref).sort();
	}

	job(run: RunId, index: number): Job | null {
		const text = this.#jobs.get(jobIdFrom(run, index));
		return text === undefined ? null : JSON.parse(text);
	}

	/** In order. */
	jobs(run: RunId): Job[] {
		const jobs: Job[] = [];
		for (let job = this.job(run, 0); job !== null; job = this.job(run, jobs.length)) jobs.push(job);
		return jobs;
	}

	allJobs(): Job[] {
		return [...this.#jobs.values()].map((text) => JSON.parse(text));
	}

	/** All unfinished jobs, in the order in which the real tables give them. */
	openJobs(): OpenJob[] {
		const jobs: OpenJob[] = [...this.#open.values()].map((text) => JSON.parse(text));
		return jobs.sort((a, b) => (a.run === b.run ? a.index - b.index : a.run < b.run ? -1 : 1));
	}

	attempt(job: JobId, number: number): FinishedAttempt | null {
		const text = this.#attempts.get(`${job}/${number}`);
		return text === undefined ? null : JSON.parse(text);
	}

	attempts(job: Job): FinishedAttempt[] {
		const numbers = Array.from({ length: job.attempts }, (_, at) => at + 1);
		return numbers.flatMap((number) => this.attempt(job.id, number) ?? []);
	}

	saveMoves(moves: readonly Move[]): void {
		for (const { after, attempt } of moves) {
			this.#jobs.set(after.id, JSON.stringify(after));
			const open = openJobOf(after);
			if (open === null) this.#open.delete(after.id);
			else this.#open.set(after.id, JSON.stringify(open));
			if (attempt) this.#attempts.set(`${after.id}/${attempt.number}`, JSON.stringify(attempt));
		}
	}

	request(key: string): { digest: string; subject: string } | null {
		const text = this.#requests.get(key);
		return text === undefined ? null : JSON.parse(text);
	}

	saveRequest(key: string, request: { digest: string; subject: string }): void {
		this.#requests.set(key, JSON.stringify(request));
	}

	view(run: Run): RunView {
		const { id } = run;
		return {
			run,
			job: (index) => this.job(id, index),
			attempt: (index, number) => this.attempt(jobIdFrom(id, index), number),
			nodes: () => new Map(this.jobs(id).map((job): [number, Node] => [job.index, nodeOf(job)])),
			keys: () => new Map(this.jobs(id).map((job): [string, number] => [job.spec.key, job.index])),
			jobs: (which) => this.jobs(id).filter((job) => (job.state === "finished") === (which === "finished")),
		};
	}
}
