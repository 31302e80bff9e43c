// The calls of a repository in memory, each the same thin shell around a rule that workers/repo/repo-object.ts is.
import type {
	Actor,
	BulkCancelCall,
	BulkRetryCall,
	Claimed,
	ClaimCall,
	LeaseAnswer,
	LeaseClaim,
	SubmitCall,
	Submitted,
} from "../contracts/objects.ts";
import type { QueueFigures, Repository, RepositoryRequest } from "../contracts/repository.ts";
import { mergeSettings } from "../contracts/repository.ts";
import type { BulkCancel, CanceledState } from "../contracts/bulk-cancel.ts";
import type { BulkRetry, RetriedOutcome } from "../contracts/bulk-retry.ts";
import type { Job, Run } from "../contracts/run.ts";
import type { LeaseState } from "../contracts/runner.ts";
import { viewRepository } from "../contracts/view.ts";
import {
	decideAddJobs,
	decideCancelJob,
	decideCancelJobs,
	decideCancelRun,
	decideExpire,
	decideFinish,
	decidePriority,
	decideRetryJob,
	decideRetryJobs,
	decideRetryRun,
	decideStart,
	decideSubmit,
	leaseStateOf,
	settle,
} from "../domain/decide.ts";
import type { Decision, RunView } from "../domain/decide.ts";
import type { JobId, Millis, RunId } from "../domain/ids.ts";
import { parseJobId } from "../domain/ids.ts";
import type { FinishReport } from "../domain/job.ts";
import { grant } from "../domain/job.ts";
import { claimMax } from "../domain/limits.ts";
import { chooseLane } from "../domain/queue.ts";
import type { Result } from "../domain/refusal.ts";
import { accept, assert, refuse } from "../domain/refusal.ts";
import type { Cause, JobRequest } from "../domain/submission.ts";
import { settingsDefaults } from "../domain/submission.ts";
import type { QueueCalls } from "./queue-port.ts";
import { viewGrant, viewFigures, viewOf } from "./repository-view.ts";
import type { SimulatedQueue } from "./simulated-queue.ts";

export class SimulatedRepository implements QueueCalls {
	readonly #queue: SimulatedQueue;

	constructor(queue: SimulatedQueue) {
		this.#queue = queue;
	}

	async configure(call: { request: RepositoryRequest; replace: boolean }): Promise<Result<Repository>> {
		const known = this.#queue.rows.settings();
		if (known === null && !call.replace) return refuse({ code: "repository-unknown" });
		const settings = mergeSettings(call.replace || known === null ? settingsDefaults : known, call.request);
		this.#queue.configure(settings);
		return accept(viewRepository(this.#queue.name, settings));
	}

	async figures(): Promise<Result<QueueFigures>> {
		const settings = this.#queue.rows.settings();
		if (settings === null) return refuse({ code: "repository-unknown" });
		return accept(
			viewFigures(this.#queue.standing, settings, { waits: this.#queue.waits, now: this.#queue.outside.now() }),
		);
	}

	async submit(call: SubmitCall): Promise<Result<Submitted>> {
		const settings = this.#queue.rows.settings();
		if (settings === null) return refuse({ code: "repository-unknown" });
		const isThere = this.#queue.domainRun(call.run) !== null;
		const done = this.#queue.once(call.key, call.digest, call.run, () => (isThere ? accept(null) : this.#accept(call)));
		if (!done.ok) return done;
		const shown = await this.run(done.value.earlier ?? call.run);
		return shown.ok ? accept({ run: shown.value, replayed: isThere || done.value.earlier !== null }) : shown;
	}

	async addJobs(
		call: { run: RunId; jobs: JobRequest[]; key: string | null; digest: string } & Actor,
	): Promise<Result<Submitted>> {
		const settings = this.#queue.rows.settings();
		if (settings === null) return refuse({ code: "repository-unknown" });
		const add = (view: RunView, now: Millis) => decideAddJobs(view, call.jobs, settings, cause(call, "submit", now));
		const done = this.#queue.once(call.key, call.digest, call.run, () => this.#queue.onRun(call.run, add));
		const shown = done.ok ? await this.run(call.run) : done;
		return shown.ok ? accept({ run: shown.value, replayed: done.ok && done.value.earlier !== null }) : shown;
	}

	async run(id: RunId): Promise<Result<Run>> {
		const run = this.#queue.domainRun(id);
		return run === null
			? refuse({ code: "run-unknown" })
			: accept(viewOf(this.#queue.rows, this.#queue.standing).run(run));
	}

	async job(id: JobId): Promise<Result<Job>> {
		const place = parseJobId(id);
		const job = place && this.#queue.rows.job(place.run, place.index);
		return job ? accept(viewOf(this.#queue.rows, this.#queue.standing).job(job)) : refuse({ code: "job-unknown" });
	}

	async cancelRun(call: { run: RunId } & Actor): Promise<Result<Run>> {
		const { actor, reason } = call;
		const decided = this.#queue.onRun(call.run, (view, at) => decideCancelRun(view, { actor, reason, at }));
		return decided.ok ? this.run(call.run) : decided;
	}

	async cancelJob(call: { job: JobId; force: boolean } & Actor): Promise<Result<Job>> {
		const { actor, reason, force } = call;
		return this.#showJob(call.job, (view, index, at) => decideCancelJob(view, index, { actor, reason, force, at }));
	}

	async retryRun(call: { run: RunId; only: "failed" | "all"; key: string | null } & Actor): Promise<Result<Submitted>> {
		const decide = (view: RunView, now: Millis) => decideRetryRun(view, call.only, cause(call, "user", now));
		const digest = JSON.stringify(["retry", call.only, call.run, call.reason]);
		const done = this.#queue.once(call.key, digest, call.run, () => this.#queue.onRun(call.run, decide));
		const shown = done.ok ? await this.run(call.run) : done;
		return shown.ok ? accept({ run: shown.value, replayed: done.ok && done.value.earlier !== null }) : shown;
	}

	async retryJob(call: { job: JobId; key: string | null } & Actor): Promise<Result<{ job: Job; replayed: boolean }>> {
		const decide = (view: RunView, index: number, now: Millis) => decideRetryJob(view, index, cause(call, "user", now));
		const digest = JSON.stringify(["retry", call.job, call.reason]);
		const done = this.#queue.once(call.key, digest, call.job, () => this.#queue.onJob(call.job, decide));
		const shown = done.ok ? await this.job(call.job) : done;
		return shown.ok ? accept({ job: shown.value, replayed: done.ok && done.value.earlier !== null }) : shown;
	}

	async cancelMatching(call: BulkCancelCall): Promise<Result<BulkCancel>> {
		const { actor, reason, dryRun } = call;
		const items = [...this.#queue.rows.allJobs()].flatMap(({ id, run, spec, state, ref }) => {
			const isMeant = call.state.some((wanted) => wanted === state) && fits({ ref, labels: spec.labels }, call);
			return isMeant ? [{ job: id, run, key: spec.key, state: state as CanceledState }] : [];
		});
		if (!dryRun) {
			const wish = { actor, reason, at: this.#queue.outside.now() };
			this.#queue.transact(() => {
				for (const [run, indexes] of placesOf(items)) {
					this.#queue.onRun(run, (view) => accept(decideCancelJobs(view, indexes, wish)));
				}
			});
		}
		return accept({ items, truncated: false, canceled: dryRun ? 0 : items.length, dryRun });
	}

	async retryMatching(call: BulkRetryCall): Promise<Result<BulkRetry & { replayed: boolean }>> {
		const { dryRun } = call;
		const items = [...this.#queue.rows.allJobs()].flatMap((job) => {
			if (job.state !== "finished" || this.#queue.domainRun(job.run)?.supersededBy !== null) return [];
			const isMeant = call.outcome.some((wanted) => wanted === job.outcome);
			const { id, run, spec, ref } = job;
			if (!isMeant || !fits({ ref, labels: spec.labels }, call)) return [];
			return [{ job: id, run, key: spec.key, outcome: job.outcome as RetriedOutcome }];
		});
		const act = () => {
			for (const [run, indexes] of placesOf(items)) {
				const decided = this.#queue.onRun(run, (view, now) => decideRetryJobs(view, indexes, cause(call, "user", now)));
				if (!decided.ok) return decided;
			}
			return accept(null);
		};
		const digest = JSON.stringify(["retry-matching", call.outcome, call.label, call.ref, call.reason]);
		const done = dryRun ? accept({ earlier: null }) : this.#queue.once(call.key, digest, JSON.stringify(items), act);
		if (!done.ok) return done;
		const shown: typeof items = done.value.earlier === null ? items : JSON.parse(done.value.earlier);
		const replayed = done.value.earlier !== null;
		return accept({ items: shown, truncated: false, archived: 0, retried: shown.length, dryRun, replayed });
	}

	async reprioritise(call: { job: JobId; priority: number }): Promise<Result<Job>> {
		return this.#showJob(call.job, (view, index, now) => decidePriority(view, index, call.priority, now));
	}

	async claim(call: ClaimCall): Promise<Claimed> {
		const settings = this.#queue.rows.settings();
		const grants: Claimed["grants"] = [];
		assert(settings, "only a known repository is claimed from");
		const now = this.#queue.outside.now();
		const before = this.#queue.demand(call.pool);
		const wanted = { pool: call.pool, labels: new Set(call.labels) };
		const asker = { runner: call.runner.id, now, isOnlyOne: () => false };
		while (grants.length < Math.min(call.free, claimMax)) {
			const lane = chooseLane(this.#queue.standing.lanes(asker), wanted, settings, this.#queue.standing.load);
			if (lane === null) break;
			const job = this.#queue.rows.job(lane.head.run, lane.head.index);
			assert(job?.state === "waiting", "what stands in a lane waits");
			const run = this.#queue.domainRun(job.run);
			assert(run, `the run of job ${job.id} is stored`);
			const move = grant(job, call, now);
			this.#queue.transact(() => this.#queue.commit(settle(this.#queue.rows.view(run), [move], now)));
			this.#queue.waits.push(now - job.since);
			grants.push(viewGrant(this.#queue.name, move.after, { run, settings }));
		}
		return { grants, demand: this.#queue.claimed(call.shard, before) };
	}

	async expire(claims: LeaseClaim[], quietMs: number): Promise<void> {
		for (const claim of claims) {
			this.#queue.onJob(claim.job, (view, _, now) => accept(decideExpire(view, claim, { quietMs, now })));
		}
	}

	async start(claim: LeaseClaim): Promise<Result<LeaseAnswer>> {
		return this.#answer(claim, (view, _, now) => decideStart(view, claim, now));
	}

	async finish(claim: LeaseClaim, report: FinishReport): Promise<Result<LeaseAnswer>> {
		return this.#answer(claim, (view, _, now) => decideFinish(view, claim, report, this.#queue.chance(now)));
	}

	async lease(claim: LeaseClaim): Promise<LeaseState> {
		const place = parseJobId(claim.job);
		return leaseStateOf(place && this.#queue.rows.job(place.run, place.index), claim);
	}

	#accept(call: SubmitCall): Result<Decision> {
		const settings = this.#queue.rows.settings();
		assert(settings, "only a known repository accepts");
		const at = this.#queue.outside.now();
		const { submission } = call;
		const decided = decideSubmit(call.run, this.#queue.rows.nextNumber, submission, settings, at);
		if (!decided.ok) return decided;
		this.#queue.rows.nextNumber++;
		this.#queue.commit(decided.value);
		const { number, source } = decided.value.run;
		if (!submission.cancelSuperseded || !source?.ref) return decided;
		const wish = { actor: submission.actor, reason: `superseded by run ${number}`, at };
		for (const id of this.#queue.rows.openRuns(source.ref)) {
			if (id !== call.run) this.#queue.onRun(id, (view) => decideCancelRun(view, wish, call.run));
		}
		return decided;
	}

	async #showJob(
		id: JobId,
		decide: (view: RunView, index: number, now: Millis) => Result<Decision>,
	): Promise<Result<Job>> {
		const decided = this.#queue.onJob(id, decide);
		return decided.ok ? this.job(id) : decided;
	}

	async #answer(
		claim: LeaseClaim,
		decide: (view: RunView, index: number, now: Millis) => Result<Decision>,
	): Promise<Result<LeaseAnswer>> {
		const shown = await this.#showJob(claim.job, decide);
		if (!shown.ok) return shown.refusal.code === "lease-not-started" ? shown : refuse({ code: "lease-stale" });
		return accept({ job: shown.value, lease: await this.lease(claim) });
	}
}

/** Whether a job has the ref and the label that are asked for. */
function fits(
	{ ref, labels }: { ref: string | null; labels: string[] },
	wanted: { ref: string | null; label: string | null },
): boolean {
	return (wanted.ref === null || ref === wanted.ref) && (wanted.label === null || labels.includes(wanted.label));
}

/** By run, the places in it. */
function placesOf(items: readonly { job: JobId; run: RunId }[]): Map<RunId, number[]> {
	const byRun = Map.groupBy(items, ({ run }) => run);
	return new Map([...byRun].map(([run, its]) => [run, its.flatMap(({ job }) => parseJobId(job)?.index ?? [])]));
}

function cause({ actor, reason }: Actor, by: Cause["by"], at: Millis): Cause {
	return { by, actor, reason, at };
}
