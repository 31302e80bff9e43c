// One repository's queue: the truth for its runs, jobs, attempts, leases and limits, and alone in deciding about jobs. Each call
// names the rule that decides and shows what came of it. The same program runs in RepoObject, in Node's tests and in the simulation.
import type { BulkCancel } from "../../contracts/http/bulk-cancel.ts";
import type { BulkRetry } from "../../contracts/http/bulk-retry.ts";
import type {
	Actor,
	AddJobsCall,
	BulkCancelCall,
	BulkRetryCall,
	Claimed,
	ClaimCall,
	Demand,
	DrainCall,
	LeaseAnswer,
	LeaseIdentity,
	LimitsCall,
	LogAdmission,
	RepoCalls,
	RepositoryName,
	SubmitCall,
	Submitted,
} from "../../contracts/objects/objects.ts";
import type { LimitUse } from "../../contracts/http/limit.ts";
import type { QueueFigures, Repository, RepositoryRequest } from "../../contracts/http/repository.ts";
import { changeSettings } from "../../domain/job/settings-change.ts";
import type { Job, Run } from "../../contracts/http/run.ts";
import type { LeaseState } from "../../contracts/http/runner.ts";
import { viewRepository } from "../../contracts/wire/view.ts";
import {
	decideCancelJob,
	decideCancelRun,
	decideExpire,
	decideFinish,
	decidePriority,
	decideStart,
	decideTimeUp,
	leaseStateOf,
} from "../../domain/run/decide.ts";
import type { JobIdentity } from "../../domain/identity/job-identity.ts";
import { parseJobId } from "../../domain/ids.ts";
import type { JobId, RunId } from "../../domain/ids.ts";
import type { FinishReport } from "../../domain/job/job.ts";
import { idempotencyKeptMs, supersedingKeptMs } from "../../domain/limits.ts";
import type { PoolPause } from "../../domain/pool/pool.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { settingsDefaults } from "../../domain/job/submission.ts";
import type { World } from "../ports.ts";
import { RunArchive } from "./archive/repo-archive.ts";
import { writeBulkRetry } from "./commands/repo-bulk.ts";
import { writeBulkCancel } from "./commands/repo-bulk-cancel.ts";
import { claimInTurns } from "./commands/repo-claim.ts";
import { drainInTurns } from "./commands/repo-drain.ts";
import { GivenIdentities } from "./given-identities.ts";
import { RepoLeases } from "./repo-leases.ts";
import type { Resealed, SecretCall, SecretFacts } from "../../contracts/objects/secrets.ts";
import type { Projectable, RunIds } from "../../contracts/objects/projectable.ts";
import { identityOf } from "./reads/repo-identity.ts";
import { locate } from "./reads/repo-locate.ts";
import { absentRuns, listRunIds, showProjectable } from "./reads/repo-projectable.ts";
import type { RepoPorts } from "./repo-ports.ts";
import { RepoQueue } from "./repo-queue.ts";
import { RepoTurns } from "./repo-turns.ts";
import type { RetryJobCall, RetryRunCall } from "./commands/repo-retry.ts";
import { writeJobRetry, writeRunRetry } from "./commands/repo-retry.ts";
import { writeAddedJobs, showSubmitted, writeSubmission, supersededBy } from "./commands/repo-submit.ts";
import { askPoolOf, askPools, jobsShown } from "./reads/repo-view.ts";
import { showAdmission, showChanged, showFigures, showJob, showJobs, showRun } from "./reads/repo-view.ts";
import type { JobSlice } from "./reads/repo-view.ts";

export class RepoEngine implements RepoCalls {
	readonly #world: World;
	readonly queue: RepoQueue;
	readonly #turns: RepoTurns;
	readonly #archive: RunArchive;
	readonly #leases: RepoLeases;
	readonly #identities = new GivenIdentities();

	constructor(ports: RepoPorts) {
		this.#world = ports.world;
		this.#archive = new RunArchive(ports);
		this.#leases = new RepoLeases(ports.outside);
		this.queue = new RepoQueue(ports, {
			alsoDue: () => this.#archive.dueAt(this.queue),
			show: (jobs) => showChanged(this.queue, jobs),
		});
		this.#turns = new RepoTurns(ports.world, this.queue);
	}

	/** The one call that makes a repository known: every other call of an object that was never configured is refused [W1]. */
	async configure(
		call: RepositoryName & { request: RepositoryRequest; replace: boolean },
	): Promise<Result<Repository>> {
		const known = this.queue.repository;
		if (known === null && !call.replace) return refuse({ code: "repository-unknown" });
		const settings = changeSettings(call.replace || known === null ? settingsDefaults : known.settings, call.request);
		const { owner, repo } = call;
		return accept(viewRepository({ owner, repo }, this.queue.configure({ owner, repo, settings })));
	}

	async settings(): Promise<Result<Repository>> {
		return this.#turns.known(({ owner, repo, settings }) => accept(viewRepository({ owner, repo }, settings)));
	}

	async figures(): Promise<Result<QueueFigures>> {
		return this.#turns.known(({ settings }) => accept(showFigures(this.queue, settings, this.#world.now())));
	}

	/**
	 * The answer of a new run is made of the decision, without a second read of its jobs. A replay reads the run as it is now [W3].
	 */
	async submit(call: SubmitCall): Promise<Result<Submitted>> {
		const reach = { runs: supersededBy(this.queue, call.submission), added: call.submission.jobs.length };
		// [Y7] One that comes too late its caller has spilled meanwhile.
		const write = this.#turns.timed(call, ({ settings }) => writeSubmission(this.queue, settings, call));
		const done = await this.#turns.writeOn(reach, write);
		return done.ok ? showSubmitted(this.queue, done.value) : done;
	}

	async drain(calls: DrainCall[]): Promise<Result<null>[]> {
		return drainInTurns(this.queue, this.#turns, calls);
	}

	async keyHolder(key: string): Promise<string | null> {
		return this.queue.tables.keys.find(key)?.subject ?? null;
	}

	async addJobs(call: AddJobsCall): Promise<Result<Submitted>> {
		const reach = { runs: [call.run], added: call.jobs.length };
		const write = this.#turns.timed(call, ({ settings }) => writeAddedJobs(this.queue, settings, call));
		const done = await this.#turns.writeOn(reach, write);
		return done.ok ? showSubmitted(this.queue, done.value) : done;
	}

	/** May wait up to a second for the pools of the run's waiting jobs, so that the reasons it shows are of now [E3]. */
	async run(id: RunId, watchedUntil?: number): Promise<Result<Run>> {
		if (watchedUntil !== undefined) this.queue.outgoing.watchFeeds.watch(id, watchedUntil);
		await askPools(this.queue, { run: id, from: 0, limit: jobsShown });
		return this.queue.repository === null ? refuse({ code: "repository-unknown" }) : showRun(this.queue, id);
	}

	async jobs(call: JobSlice): Promise<Result<{ items: Job[]; next: number | null }>> {
		await askPools(this.queue, call);
		return this.#turns.known(() => showJobs(this.queue, call));
	}

	async job(id: JobId): Promise<Result<Job>> {
		await askPoolOf(this.queue, id);
		return this.#turns.known(() => showJob(this.queue, id));
	}

	async locate(call: Parameters<RepoCalls["locate"]>[0]): ReturnType<RepoCalls["locate"]> {
		return this.#turns.known(() => locate(this.queue, call));
	}

	async cancelRun({ run, ...by }: { run: RunId } & Actor): Promise<Result<Run>> {
		// One decision for the whole run: no job of it starts between the ends of two others.
		const decided = await this.#turns.writeOn({ runs: [run] }, () =>
			this.queue.onRun(run, (view, at) => decideCancelRun(view, { ...by, at })),
		);
		return decided.ok ? showRun(this.queue, run) : decided;
	}

	async cancelJob(call: { job: JobId; force: boolean } & Actor): Promise<Result<Job>> {
		const { actor, reason, force } = call;
		return this.#turns.writeJob(call.job, (view, index, at) =>
			decideCancelJob(view, index, { actor, reason, force, at }),
		);
	}

	/** The archive is asked before the turn: a turn that waited for R2 would hold up every other call. */
	async retryRun(call: RetryRunCall): Promise<Result<Submitted>> {
		await this.#recall(call.run);
		const done = await this.#turns.writeOn({ runs: [call.run] }, () => writeRunRetry(this.queue, call));
		return done.ok ? showSubmitted(this.queue, done.value) : done;
	}

	async retryJob(call: RetryJobCall): Promise<Result<{ job: Job; replayed: boolean }>> {
		await this.#recall(parseJobId(call.job)?.run ?? "");
		return this.#turns.write(() => writeJobRetry(this.queue, call));
	}

	async cancelMatching(call: BulkCancelCall): Promise<Result<BulkCancel>> {
		return this.#turns.write(this.#turns.timed(call, () => writeBulkCancel(this.queue, call)));
	}

	async retryMatching(call: BulkRetryCall): Promise<Result<BulkRetry & { replayed: boolean }>> {
		return this.#turns.write(this.#turns.timed(call, () => writeBulkRetry(this.queue, call)));
	}

	/** The pool is asked before the turn, for the reason that the answer shows; the priority itself does not depend on it. */
	async reprioritise(call: { job: JobId; priority: number }): Promise<Result<Job>> {
		await askPoolOf(this.queue, call.job);
		return this.#turns.writeJob(call.job, (view, index, now) => decidePriority(view, index, call.priority, now));
	}

	/** No turn: the value is sealed already, and no decision reads it before a claim does. */
	async setSecret(call: SecretCall): Promise<Result<null>> {
		if (this.queue.repository === null) return refuse({ code: "repository-unknown" });
		const fits = call.sealed === null ? accept(null) : this.queue.limits.refuseSecret(call.name);
		return fits.ok ? this.queue.secrets.set(call) : fits;
	}

	async resealSecrets(call: Parameters<RepoCalls["resealSecrets"]>[0]): Promise<Result<Resealed>> {
		return this.#turns.known(() => accept(this.queue.secrets.reseal(call)));
	}

	async secretNames(as?: "facts"): Promise<Result<(string | SecretFacts)[]>> {
		const facts = () => this.queue.secrets.facts();
		return this.#turns.known(() => accept(as === "facts" ? facts() : facts().map(({ name }) => name)));
	}

	async limits(): Promise<Result<LimitUse[]>> {
		return this.#turns.known(() => accept(this.queue.limits.show()));
	}

	async setLimits(call: LimitsCall): Promise<Result<LimitUse[]>> {
		return this.#turns.write(() => {
			this.queue.transact(() => this.queue.limits.set(call));
			return accept(this.queue.limits.show());
		});
	}

	async claim(call: ClaimCall): Promise<Claimed> {
		return claimInTurns(this.queue, this.#turns, call);
	}

	async demand({ pool, shard, known }: { pool: string; shard: number; known: number }): Promise<Demand | null> {
		// No turn: demand is counted in memory, and a shard that asks wants it as it is now.
		return this.queue.outgoing.answerDemand(pool, { shard, known });
	}

	/** One turn for all: their pool reports them together, and one commit has them all. */
	async expire(leases: LeaseIdentity[], quietMs: number, how = { isPutOut: false }): Promise<void> {
		await this.#turns.take(() => {
			for (const lease of leases) {
				this.queue.onJob(lease.job, (view, _, now) => accept(decideExpire(view, lease, { quietMs, now, ...how })));
			}
		});
	}

	async hearPause({ pool, pause }: { pool: string; pause: PoolPause | null }): Promise<void> {
		// No turn: nothing is stored of it. It only changes why a waiting job is shown to wait.
		this.queue.outgoing.pools.heardPause(pool, pause);
	}

	/** Leases that a pool has forgotten are looked for last: that asks the pools, while the rest needs only this object. */
	async sweep(stale: { id: RunId; version: number }[]): Promise<void> {
		if (this.queue.repository === null) return;
		this.queue.tables.keys.forget(this.#world.now() - idempotencyKeptMs);
		this.queue.supersessions.forget(this.#world.now() - supersedingKeptMs);
		await this.queue.outgoing.repeat(stale);
		const forgotten = await this.#leases.findForgotten(this.queue, this.#world.now());
		if (forgotten.length > 0) await this.expire(forgotten, 0);
	}

	async projected(call: { repository: boolean; runs: { id: RunId; version: number }[] }): Promise<void> {
		if (this.queue.repository !== null) await this.#turns.take(() => this.queue.outgoing.projection.confirmed(call));
	}

	async runIds(call: { from: RunId; limit: number }): Promise<RunIds> {
		return this.queue.repository === null ? { runs: [], next: null } : listRunIds(this.queue, call);
	}

	async projectable(runs: RunId[]): Promise<Projectable | null> {
		return showProjectable(this.queue, runs);
	}

	async absentRuns(runs: RunId[]): Promise<RunId[]> {
		return absentRuns(this.queue, runs);
	}

	/** [D3] The same start again is answered alike: a runner that lost the answer asks until it has it. */
	async start(lease: LeaseIdentity): Promise<Result<LeaseAnswer>> {
		return this.#turns.writeLease(lease, (view, _, now) => decideStart(view, lease, now));
	}

	async finish(lease: LeaseIdentity, report: FinishReport): Promise<Result<LeaseAnswer>> {
		return this.#turns.writeLease(lease, (view, _, now) =>
			decideFinish(view, lease, report, this.#turns.circumstances(now)),
		);
	}

	/** A read without a turn: what is still undecided cannot be seen, and the state may change the moment after anyway. */
	async lease(lease: LeaseIdentity): Promise<LeaseState> {
		return leaseStateOf(this.queue.job(lease.job), lease);
	}

	/** A read without a turn, as `lease` is one. */
	async identify(lease: LeaseIdentity): Promise<Result<JobIdentity>> {
		const now = this.#world.now();
		const identity = this.#turns.known((repository) => identityOf(this.queue, repository, { lease, now }));
		return identity.ok ? this.#identities.count(lease, now, identity) : identity;
	}

	async confirmLog(lease: LeaseIdentity): Promise<LogAdmission> {
		return showAdmission(this.queue, lease);
	}

	async logSealed({ job, attempt, ...end }: Parameters<RepoCalls["logSealed"]>[0]): Promise<void> {
		const place = parseJobId(job);
		if (place === null || this.queue.repository === null) return;
		await this.#turns.take(() => this.queue.outgoing.projection.logEnded({ ...place, number: attempt }, end));
	}

	/** The archive comes after the work that callers wait for. Armed exactly at the end, when it is known what is due next. */
	async alarm(): Promise<void> {
		if (this.queue.repository === null) return;
		await this.queue.alarm((view, indexes, now) => decideTimeUp(view, indexes, this.#turns.circumstances(now)));
		await this.#archive.work(this.queue, this.#world.now());
		this.queue.arm(this.#world.now(), true);
	}

	async #recall(run: RunId): Promise<void> {
		const archived = await this.#archive.find(this.queue, run);
		if (archived !== null) await this.#turns.takeLong(() => this.#archive.restore(this.queue, archived));
	}
}
