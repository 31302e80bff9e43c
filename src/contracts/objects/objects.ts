// What the objects answer to: plain data both ways, so that a Worker and an object of different versions understand each
// other. `workers/` implements these over RPC, `src/operations` is given them, tests may build them over memory.
import type { Projectable, RunIds } from "./projectable.ts";
import type { DataKey, Resealed, SecretCall, SecretFacts } from "./secrets.ts";
import type { JobId, Millis, RunId, RunName } from "../../domain/ids.ts";
import type { JobIdentity } from "../../domain/identity/job-identity.ts";
import type { PoolPause, PoolSettings, Unfit } from "../../domain/pool/pool.ts";
import type { LimitName } from "../../domain/limit/limit-table.ts";
import type { Result } from "../../domain/refusal.ts";
import type { JobRequest, Submission } from "../../domain/job/submission.ts";
import type { BulkCancel, CanceledState } from "../http/bulk-cancel.ts";
import type { BulkRetry, RetriedOutcome } from "../http/bulk-retry.ts";
import type { LimitUse } from "../http/limit.ts";
import type { QueueFigures, Repository, RepositoryRequest } from "../http/repository.ts";
import type { Job, Run } from "../http/run.ts";
import type { Cancel, FinishReport, LogRecord, RunnerName, StepRecord } from "../../domain/job/job.ts";
import type {
	Grant,
	HeartbeatReply,
	LeaseState,
	PoolFigures,
	PoolPatch,
	RunnerFigures,
	RunnerPatch,
} from "../http/runner.ts";

export interface RepositoryName {
	owner: string;
	repo: string;
}

/** What a lease token carries: enough to route every lease call, and the epoch that fences it. */
export interface LeaseIdentity extends RepositoryName {
	pool: string;
	shard: number;
	job: JobId;
	attempt: number;
	epoch: number;
}

export interface Actor {
	actor: string;
	reason: string | null;
}

/** An object does not begin the work of such a call once nobody waits for its answer. */
export interface TimedCall {
	/** When its caller stops to wait; absent: it did not say. */
	deadlineAt?: Millis;
}

/** All that is not null must hold. */
export interface BulkRetryCall extends Actor, TimedCall {
	outcome: RetriedOutcome[];
	since: Millis | null;
	label: string | null;
	ref: string | null;
	dryRun: boolean;
	key: string | null;
}

/** All that is not null must hold. */
export interface BulkCancelCall extends Actor, TimedCall {
	state: CanceledState[];
	label: string | null;
	ref: string | null;
	dryRun: boolean;
}

export interface SubmitCall extends TimedCall {
	run: RunId;
	/** SHA-256 of the validated body in hexadecimal; null key: nothing is deduplicated. */
	key: string | null;
	digest: string;
	submission: Submission;
}

/** A run that was spilled, for its repository; `canceled` since then. */
export interface DrainCall extends SubmitCall {
	acceptedAt: Millis;
	canceled: Cancel | null;
}

export interface AddJobsCall extends Actor, TimedCall {
	run: RunId;
	jobs: JobRequest[];
	key: string | null;
	digest: string;
	/** Of the job in the run that adds them: it must be held, and they may do no more than that job. Absent: anybody who may write. */
	lease?: LeaseIdentity;
}

/** What is null goes back to the table's number; `replace`: so does what is not named. */
export interface LimitsCall {
	change: { [Name in LimitName]?: number | null | undefined };
	replace: boolean;
}

export interface Submitted {
	run: Run;
	replayed: boolean;
}

export interface ClaimCall extends TimedCall {
	runner: RunnerName;
	pool: string;
	shard: number;
	labels: string[];
	free: number;
	/** Version of the demand that the shard knows of this repository. Absent, from an object of an older deploy: 0. */
	known?: number;
}

/** How many jobs wait in one pool, by label set; the higher version wins. */
export interface Demand extends RepositoryName {
	pool: string;
	version: number;
	sets: DemandSet[];
	/** Slots that the repository holds in the pool, in all its shards, at this version. Absent: not said. */
	running?: number;
	/** Absent: 1. */
	weight?: number;
	/** How many shards of the pool share what waits. Absent: as many as before. */
	shards?: number;
}

export interface DemandSet {
	labels: string[];
	waiting: number;
	/** Lowest rank and earliest wait among them. */
	rank: number;
	since: Millis;
}

/** Grants lack their token: the pool that claimed them signs it. `claim`: what its token will say. */
export interface Claimed {
	grants: { grant: Omit<Grant, "lease"> & { lease: Omit<Grant["lease"], "token"> }; claim: LeaseIdentity }[];
	/** Null: nobody configured this repository. */
	demand: Demand | null;
}

export interface LeaseAnswer {
	job: Job;
	lease: LeaseState;
}

/** Whether a lease may write its log. `hasEnded`: its attempt is over, and its log may be in the archive already. */
export interface LogAdmission {
	state: LeaseState;
	/**
	 * `held`: what is reported of it is taken, even where `state` is `lost`. Absent, from an object of an older deploy: `state`
	 * decides.
	 */
	work?: "unstarted" | "held" | "ended";
	hasEnded: boolean;
	logBytesMax: number;
}

/** Everything about jobs of one repository. Refusals are values; only outages and faults throw. */
export interface RepoCalls {
	configure(call: RepositoryName & { request: RepositoryRequest; replace: boolean }): Promise<Result<Repository>>;
	settings(): Promise<Result<Repository>>;
	figures(): Promise<Result<QueueFigures>>;
	submit(call: SubmitCall): Promise<Result<Submitted>>;
	/**
	 * Called by whoever empties the intake, in the order of acceptance. Refuses a run only where nobody configured the
	 * repository, or its jobs form no graph.
	 */
	drain(calls: DrainCall[]): Promise<Result<null>[]>;
	/** [Y14] The run or job that came of the key; null: it is free. An object of an older deploy does not know this call. */
	keyHolder(key: string): Promise<string | null>;
	addJobs(call: AddJobsCall): Promise<Result<Submitted>>;
	/**
	 * `watchedUntil` comes from the run's FeedObject: until that instant the feed wants each change of the run as soon as it
	 * is durable. A hint, asked for again before it ends; forgotten, it is asked whether anybody watches at the next change.
	 */
	run(id: RunId, watchedUntil?: Millis): Promise<Result<Run>>;
	jobs(call: { run: RunId; from: number; limit: number }): Promise<Result<{ items: Job[]; next: number | null }>>;
	job(id: JobId): Promise<Result<Job>>;
	/**
	 * The ids behind the names that people use; `job` is the id of one in that run, or its key, or null: none is asked for. A job
	 * that is asked for is null in the answer where the run is in the archive: its keys are there.
	 */
	locate(call: { run: RunName; job: string | null }): Promise<Result<{ run: RunId; job: JobId | null }>>;
	cancelRun(call: { run: RunId } & Actor): Promise<Result<Run>>;
	cancelJob(call: { job: JobId; force: boolean } & Actor): Promise<Result<Job>>;
	retryRun(call: { run: RunId; only: "failed" | "all"; key: string | null } & Actor): Promise<Result<Submitted>>;
	retryJob(call: { job: JobId; key: string | null } & Actor): Promise<Result<{ job: Job; replayed: boolean }>>;
	cancelMatching(call: BulkCancelCall): Promise<Result<BulkCancel>>;
	retryMatching(call: BulkRetryCall): Promise<Result<BulkRetry & { replayed: boolean }>>;
	reprioritise(call: { job: JobId; priority: number }): Promise<Result<Job>>;
	/** Sealed by the Worker's key; the object seals it anew by the owner's. */
	setSecret(call: SecretCall): Promise<Result<null>>;
	/** By name. Asked for the facts it answers them; an object of an older deploy does not know of any, and answers names. */
	secretNames(as?: "facts"): Promise<Result<(string | SecretFacts)[]>>;
	/** With what is used of each. An object of an older deploy knows neither call. */
	limits(): Promise<Result<LimitUse[]>>;
	setLimits(call: LimitsCall): Promise<Result<LimitUse[]>>;
	/** A slice of its secrets, by name, sealed by this data key. */
	resealSecrets(call: { key: DataKey; after: string; limit: number }): Promise<Result<Resealed>>;

	/** Called by a PoolObject for a runner with free slots. */
	claim(call: ClaimCall): Promise<Claimed>;
	/**
	 * Called by a PoolObject that believes that something waits and has not heard that lately: what it is now. Its version is at
	 * least `known`, and higher if the shard may know something else. Null: nobody configured this repository.
	 */
	demand(call: { pool: string; shard: number; known: number }): Promise<Demand | null>;
	/**
	 * Called by a PoolObject about leases that were not renewed for `quietMs` at least; 0: their runner began anew, and may have
	 * had contact just now. Leases that have ended by themselves are passed over. `isPutOut`: their runner is not to begin what it has
	 * not begun either; an object of an older deploy does not heed it.
	 */
	expire(leases: LeaseIdentity[], quietMs: number, how?: { isPutOut: boolean }): Promise<void>;
	/** Called by a PoolObject that was paused, or is no longer, while something waits: a hint, for whoever asks why it does. */
	hearPause(call: { pool: string; pause: PoolPause | null }): Promise<void>;
	/** Called by the cron sweep with runs that the read model has as unfinished: repeats demand and whatever was not sent. */
	sweep(stale: { id: RunId; version: number }[]): Promise<void>;

	/** Called by the consumer of `events` once the read model has these states: until then the repository would send them again. */
	projected(call: { repository: boolean; runs: { id: RunId; version: number }[] }): Promise<void>;

	/** For a rebuild of the read model: which runs there are, here or in the archive, by id from `from` on. */
	runIds(call: { from: RunId; limit: number }): Promise<RunIds>;
	/** Of these, those that are here, as they are now. Null: nobody configured this repository. */
	projectable(runs: RunId[]): Promise<Projectable | null>;
	/** Of these, those that are neither here nor in the archive. */
	absentRuns(runs: RunId[]): Promise<RunId[]>;

	start(lease: LeaseIdentity): Promise<Result<LeaseAnswer>>;
	/** The lease's state, for calls that do not pass through here otherwise. */
	lease(lease: LeaseIdentity): Promise<LeaseState>;
	finish(lease: LeaseIdentity, report: FinishReport): Promise<Result<LeaseAnswer>>;

	/** Who the job is to others; counts against what one lease is given in a minute. An object of an older deploy does not know this call. */
	identify(lease: LeaseIdentity): Promise<Result<JobIdentity>>;

	/** Called by a LogObject before it takes the first byte: only a started lease may write. */
	confirmLog(lease: LeaseIdentity): Promise<LogAdmission>;
	/**
	 * When the log is in the archive, and when it was deleted. `steps` are those that the runner reported last. The call is
	 * repeated until it returns.
	 */
	logSealed(call: { job: JobId; attempt: number; record: LogRecord; steps?: StepRecord[] }): Promise<void>;
}

/** A registered runner as its token names it. */
export interface RunnerIdentity {
	id: string;
	name: string;
	owner: string;
	pool: string;
	shard: number;
	labels: string[];
	capacity: number;
	ephemeral: boolean;
	/** The token that registered it, and puts it out when it is revoked; null or absent: the operator's, or an earlier version's. */
	registeredBy?: string | null;
}

/** What a runner says of itself with a call. */
export interface RunnerWord {
	/** What is wrong with its machine; absent: it is well. */
	unwell?: string | undefined;
	/** It takes nothing new. */
	leaving?: boolean | undefined;
}

/** Why a call with a runner's token that is good in itself is refused: its one job is over, or somebody removed it. */
export type NotKnown = "runner-unknown" | "runner-removed";

/** One shard of a pool. A runner's calls go to the shard that its token names, a lease's to the one that its token names. */
export interface PoolCalls {
	/** `key`: the part of the id that follows from the request's idempotency key; absent: it had none. */
	register(
		runner: RunnerIdentity & { os: string; arch: string; version: string },
		key?: string,
	): Promise<Result<{ replayed: boolean }>>;
	/** At most one grant, at once or never. The leases named are all that the runner holds; null: it did not say. */
	acquire(runner: RunnerIdentity, leases: string[] | null, said?: RunnerWord): Promise<Grant | NotKnown | null>;
	heartbeat(runner: RunnerIdentity, leases: string[], said?: RunnerWord): Promise<HeartbeatReply | NotKnown>;
	/** It takes nothing new and hears that, or does again. Null: not one of this shard. */
	setRunner(runner: string, patch: RunnerPatch): Promise<RunnerFigures | null>;
	/** Its token works no more, and its leases have expired. False: it was removed before; null: not one of this shard. */
	removeRunner(runner: string): Promise<boolean | null>;
	/** Tokens that were revoked: the runners that they registered are put out, and their leases have expired. */
	tokensEnded(tokens: string[]): Promise<void>;
	/**
	 * A WebSocket that receives at most one grant and is then closed: how a long poll waits without pinning the object. Or a
	 * session's. 404 with a `NotKnown` as the code of its body.
	 */
	fetch(request: Request): Promise<Response>;
	/** A lease call was seen: the lease is alive. Absent, from an object of an older deploy: renew it again. */
	renew(lease: string): Promise<Renewed | undefined>;
	/** From a RepoObject, directly or by queue: stored before it returns; an older version changes nothing.
	 * Answers how many live runners fit each of its sets, and whether the pool hands out anything. */
	demand(demand: Demand): Promise<DemandAnswer>;
	/**
	 * From a RepoObject: leases that ended, and leases whose runner should stop. Hints: a lost one costs time only. `lapsed` are
	 * those of the first that their runner never started, `faulted` those that its machine could not run.
	 */
	ended(leases: string[], lapsed?: string[], faulted?: string[]): Promise<void>;
	canceled(leases: string[]): Promise<void>;
	/** Which of these it has; if its alarm is gone, it looks after them again. */
	holds(leases: string[]): Promise<string[]>;
	figures(): Promise<ShardFigures>;
	/** The ids of those that are registered, and, of shard 0, how many shards ever had a runner: for the owner, who counts them. */
	runnerIds(): Promise<{ ids: string[]; shards: number }>;
	/**
	 * Of shard 0 alone: durable there, and all others have it before it returns. Acts at once on what waits; a claim that is
	 * under way is still handed out.
	 */
	configure(patch: PoolPatch): Promise<void>;
	/** From another shard to shard 0, before it takes its first runner. */
	join(shard: number): Promise<ShardEntry>;
	/** From shard 0 to another: the owner's settings as they are now. Older ones than are known change nothing. */
	obey(settings: ShardSettings): Promise<void>;
}

/**
 * Whether a log that comes by a socket should renew its lease again. Not while a session holds it, whose pings do, and not once
 * it is over; `LogCalls.unattended` says when that changes.
 */
export interface Renewed {
	again: boolean;
}

/** A pool as its owner sees it: all shards together. */
export interface WholePool {
	figures(): Promise<PoolFigures>;
	/** `asOf` null: as they are now. Else a shard does not answer, and these are the last known figures. */
	seen(): Promise<{ value: PoolFigures; asOf: Millis | null }>;
	/** Throws an `Outage` when a shard could not be reached; the same call again goes on from there. */
	configure(patch: PoolPatch): Promise<PoolFigures>;
	/** As of the shard that has the runner; null when none has. */
	setRunner(runner: string, patch: RunnerPatch): Promise<RunnerFigures | null>;
	removeRunner(runner: string): Promise<boolean | null>;
}

export interface DemandAnswer {
	runners: number[];
	/** For each set, those that fit it and are given nothing. Absent, from an object of an older deploy: nobody knows. */
	unfit?: Unfit[];
	pause: PoolPause | null;
	/**
	 * How many shards the pool has, as shard 0 knows: the repository sends its demand to each. Absent, from an object of an
	 * older deploy: one.
	 */
	shards?: number;
}

/** What a shard knows, and what must be known to add several up: each of them has heard of the same jobs. */
export interface ShardFigures extends PoolFigures {
	shards: number;
	demands: { repository: string; version: number; waiting: number; since: Millis }[];
}

/** `version` only grows. */
export interface ShardSettings extends PoolSettings {
	version: number;
}

/** What a shard must know before it takes part. */
export interface ShardEntry {
	settings: ShardSettings;
	demands: Demand[];
}
