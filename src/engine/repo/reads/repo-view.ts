// What a RepoObject shows of itself: runs, jobs with their attempts and why they wait, figures of the queue.
import { timeText } from "../../../contracts/wire/time-text.ts";
import type { QueueFigures } from "../../../contracts/http/repository.ts";
import type { LeaseIdentity, LogAdmission } from "../../../contracts/objects/objects.ts";
import type { Job, Run, Waiting } from "../../../contracts/http/run.ts";
import { viewJob, viewRun } from "../../../contracts/wire/view.ts";
import type { Decision } from "../../../domain/run/decide.ts";
import { decideAdmission } from "../../../domain/log/log-admission.ts";
import { expectStart } from "../../../domain/queue/expectation.ts";
import type { JobId, RunId } from "../../../domain/ids.ts";
import { parseJobId } from "../../../domain/ids.ts";
import type { FinishedAttempt, Job as DomainJob } from "../../../domain/job/job.ts";
import type { Result } from "../../../domain/refusal.ts";
import { accept, refuse } from "../../../domain/refusal.ts";
import type { Run as DomainRun } from "../../../domain/run/run.ts";
import type { RepositorySettings } from "../../../domain/job/submission.ts";
import { explainWaiting } from "../../../domain/queue/waiting.ts";
import type { RepoQueue } from "../repo-queue.ts";

/** Jobs that a run shows in one piece; the rest is paged. */
export const jobsShown = 1_000;

/** Some of a run's jobs, by their places. */
export interface JobSlice {
	run: RunId;
	from: number;
	limit: number;
}

/** Before it is shown why these jobs wait: what their pools say of it now. */
export async function askPools(queue: RepoQueue, { run, from, limit }: JobSlice): Promise<void> {
	const { repository, outgoing, tables } = queue;
	// A paused repository's reason is the pause, whatever its pools say; and without a waiting job there is no reason to show.
	if (repository === null || repository.settings.paused || !queue.run(run)?.counts.waiting) return;
	await outgoing.pools.refresh(tables.waitingLanes(run, from, limit));
}

export async function askPoolOf(queue: RepoQueue, job: JobId): Promise<void> {
	const place = parseJobId(job);
	if (place !== null) await askPools(queue, { run: place.run, from: place.index, limit: 1 });
}

/** How often a run is read anew that changes while it is read; then it is read in one piece. */
const readsMax = 3;

/** [W94] As it is at one moment, though others have their turn while its jobs are read. */
export async function showRun(queue: RepoQueue, id: RunId): Promise<Result<Run>> {
	for (let reads = 1; ; reads++) {
		const run = queue.run(id);
		if (run === null) return queue.unknownRun(id);
		const jobs = await jobsInSlices(queue, run, reads > readsMax ? jobsShown : queue.sliceJobs);
		if (jobs !== null) return accept(viewRun(run, jobs));
	}
}

/** Null when the run has changed meanwhile. */
async function jobsInSlices(queue: RepoQueue, run: DomainRun, limit: number): Promise<Job[] | null> {
	const items: Job[] = [];
	for (let from = 0; from < Math.min(run.jobs, jobsShown); from += limit) {
		// Before each slice but the first: a run of few jobs is read without giving way, and so at one moment anyhow.
		if (from > 0) await queue.giveWay();
		if (queue.run(run.id)?.version !== run.version) return null;
		items.push(...jobsOf(queue, { run: run.id, from, limit }));
	}
	return items;
}

/** A run right after its submission: nothing of it need be read again. */
export function showNewRun(queue: RepoQueue, { run, moves }: Decision): Run {
	// No attempt has been, and no job has a position yet that would be worth the walk along its lane.
	const jobs = moves.slice(0, jobsShown).map(({ after }) => viewJob(after, [], explain(queue, after, null)));
	return viewRun(run, jobs);
}

/** `next` is where the next slice begins; null after the last. */
export function showJobs(queue: RepoQueue, slice: JobSlice): Result<{ items: Job[]; next: number | null }> {
	const run = queue.run(slice.run);
	if (run === null) return queue.unknownRun(slice.run);
	const items = jobsOf(queue, slice);
	// A slice that begins past the end is empty, and is the last: `next` must not send its reader there for ever.
	const next = slice.from + items.length;
	return accept({ items, next: items.length > 0 && next < run.jobs ? next : null });
}

function jobsOf(queue: RepoQueue, { run, from, limit }: JobSlice): Job[] {
	const attempts = byJob(queue.tables.attempts(run, from, from + limit - 1));
	return queue.tables
		.jobs(run, from, limit)
		.map((job) => viewJob(job, attempts.get(job.id) ?? [], explain(queue, job, null)));
}

/** Jobs of one run as they were at some change, in the order of their places or not; what they wait for is as it is now. */
export function showChanged(queue: RepoQueue, jobs: readonly DomainJob[]): Job[] {
	// One read for all that have attempts, from the first to the last of them, since a change of a run seldom moves distant jobs.
	const places = jobs.flatMap(({ attempts, index }) => (attempts === 0 ? [] : [index]));
	const [first] = jobs;
	if (first === undefined) return [];
	const from = places.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
	const to = places.reduce((a, b) => Math.max(a, b), 0);
	const attempts = byJob(places.length === 0 ? [] : queue.tables.attempts(first.run, from, to));
	return jobs.map((job) => {
		// It may have gone on since: its attempts are those that it had.
		const ended = job.attempts - (job.state === "running" || job.state === "canceling" ? 1 : 0);
		const had = (attempts.get(job.id) ?? []).filter(({ number }) => number <= ended);
		return viewJob(job, had, explain(queue, job, null));
	});
}

function byJob(attempts: readonly FinishedAttempt[]): Map<string, FinishedAttempt[]> {
	return Map.groupBy(attempts, ({ job }) => job);
}

/** A single job is shown with its position, which costs as much as its lane is long. */
export function showJob(queue: RepoQueue, id: JobId): Result<Job> {
	const job = queue.job(id);
	if (job === null) {
		const unknown = queue.unknownRun(parseJobId(id)?.run ?? "");
		return unknown.refusal.code === "run-archived" ? unknown : refuse({ code: "job-unknown" });
	}
	const attempts = job.attempts === 0 ? [] : queue.tables.attempts(job.run, job.index, job.index);
	const position = job.state === "waiting" ? queue.standing.position(job.id) : null;
	return accept(viewJob(job, attempts, explain(queue, job, position)));
}

export function showAdmission(queue: RepoQueue, lease: LeaseIdentity): LogAdmission {
	// 0 where nobody configured the repository: then no lease of it is good either.
	const logBytesMax = queue.repository?.settings.logBytesMax ?? 0;
	const job = queue.job(lease.job);
	const ended = () => (job === null ? null : queue.tables.attempt(job.run, job.index, lease.attempt));
	return { ...decideAdmission(job, lease, ended), logBytesMax };
}

function explain(queue: RepoQueue, job: DomainJob, position: number | null): Waiting | null {
	if ((job.state !== "blocked" && job.state !== "waiting") || queue.repository === null) return null;
	const { settings } = queue.repository;
	const reason = explainWaiting(job, settings, queue.standing.load, {
		pool: queue.outgoing.pools.facts(job.spec),
		now: queue.now(),
	});
	return {
		code: reason.code,
		detail: reason.detail,
		position,
		since: timeText(reason.since),
		expectedStartAt: timeText(reason.expectedStartAt ?? guessStart(queue, job, { code: reason.code, position })),
	};
}

/**
 * Only where runners, or the repository's own limit, are all that is waited for; and not where fewer jobs of this repository
 * than runners run in the pool: then others' hold the rest, and nothing is known of those.
 */
function guessStart(
	queue: RepoQueue,
	{ spec }: DomainJob,
	{ code, position }: { code: Waiting["code"]; position: number | null },
): number | null {
	const { standing, outgoing, samples } = queue;
	if (position === null || (code !== "runners-busy" && code !== "repository-limit")) return null;
	const isByLimit = code === "repository-limit";
	const running = isByLimit ? standing.load.running : standing.runningIn(spec.pool);
	if (!isByLimit && running < (outgoing.pools.runnersFor(spec) ?? Number.POSITIVE_INFINITY)) return null;
	const lanes = [...standing.lanes()].filter(({ pool }) => isByLimit || pool === spec.pool);
	const known = { position, running, isAlone: lanes.length <= 1 };
	const typicalMs = samples.durations.percentile(0.5) ?? 0;
	return expectStart({ ...known, typicalMs, samples: samples.durations.size }, queue.now());
}

export function showFigures(queue: RepoQueue, settings: RepositorySettings, now: number): QueueFigures {
	// All of it is kept in memory with each move: figures are asked for by dashboards, each few seconds, and read no row.
	const { counts } = queue.standing;
	const oldest = queue.standing.oldestSince();
	const seconds = (ms: number | null) => (ms === null ? null : ms / 1_000);
	return {
		paused: settings.paused,
		pauseNote: settings.pauseNote,
		blocked: counts.blocked,
		waiting: counts.waiting,
		leased: counts.leased,
		running: counts.running,
		canceling: counts.canceling,
		oldestWaitingSeconds: seconds(oldest === null ? null : now - oldest),
		waitSecondsP50: seconds(queue.samples.waits.percentile(0.5)),
		waitSecondsP99: seconds(queue.samples.waits.percentile(0.99)),
		projectionLagSeconds: seconds(queue.outgoing.projection.lag.ms(now)),
		limits: { maxRunning: settings.maxRunning, concurrencyGroups: settings.concurrencyGroups },
	};
}
