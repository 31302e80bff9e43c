// The hot week of a RepoObject: a run that ended longer ago moves whole to R2, and a small tombstone stays, so that storage is
// bounded by a week's work. When its days are over too, it goes from there and from the read model. In bounded slices from the
// alarm; a crash in the middle repeats what was done, with the same effect. A retry brings the run back as it was; what is
// archived after it replaces what was.
import type { RepositoryName } from "../../../contracts/objects/objects.ts";
import type { Job, Run } from "../../../contracts/http/run.ts";
import type { ArchivedRun } from "../../../contracts/wire/view.ts";
import { viewJob, viewRun } from "../../../contracts/wire/view.ts";
import type { Millis, RunId } from "../../../domain/ids.ts";
import { sliceJobs } from "../../../domain/limits.ts";
import type { FinishedAttempt, Job as DomainJob } from "../../../domain/job/job.ts";
import type { Run as DomainRun } from "../../../domain/run/run.ts";
import { recordAt } from "../../../domain/log/log.ts";
import type { World } from "../../ports.ts";
import type { GiveWay } from "./archived-text.ts";
import { parseArchived, writeArchived } from "./archived-text.ts";
import type { RepoOutside, RunStore } from "../repo-ports.ts";
import type { RepoQueue } from "../repo-queue.ts";
import type { ConfiguredRepository } from "../repository-row.ts";

/** How long a finished run stays in its object: people retry and look at what is new. */
export const hotMs = 7 * 24 * 60 * 60 * 1_000;
const dayMs = 24 * 60 * 60 * 1_000;
/** How long a run stays in the archive at least; longer where the repository keeps its logs longer. */
const keptMs = 90 * dayMs;
/**
 * A run's id is not used again, as an old key with the same body would make it, while anything of the run may be left, and so
 * long afterwards: logs go some hours late, and what is tried again for days must not become another run.
 */
const tombstoneMs = 90 * dayMs;
/** Each round passes over all runs that are here; a run that stays a day longer costs less than a second round. */
const everyMs = dayMs;
/** After a failure: R2 that is away for a minute should not cost a day. */
const againMs = 10 * 60_000;
/** While the operator's switches hold it up: no sooner than an isolate hears of them. */
const lookMs = 30_000;
/** Rows looked at, and runs moved or deleted, in one slice of an alarm. */
const rowsMax = 2_000;
const tombstonesMax = 20_000;
const runsMax = 50;

/** Null where there is no such run. */
export async function readArchived(
	store: Pick<RunStore, "get">,
	place: { name: RepositoryName; run: RunId; now: Millis },
	giveWay: GiveWay,
): Promise<Run | null> {
	const archived = await load(store, place, giveWay);
	if (archived === null) return null;
	const byJob = Map.groupBy(archived.attempts, ({ job }) => job);
	const shown: Job[] = [];
	for (const job of archived.jobs) {
		shown.push(viewJob(job, byJob.get(job.id) ?? [], null));
		if (shown.length % sliceJobs === 0) await giveWay();
	}
	return viewRun(archived.run, shown);
}

/** No call reaches an archived run when one of its logs is deleted: by the log's days this reads that it is gone. */
async function load(
	store: Pick<RunStore, "get">,
	{ name, run, now }: { name: RepositoryName; run: RunId; now: Millis },
	giveWay: GiveWay,
): Promise<ArchivedRun | null> {
	const text = await store.get(name, run);
	if (text === null) return null;
	const archived = await parseArchived(text, giveWay);
	const attempts = archived.attempts.map((attempt) => ({ ...attempt, log: recordAt(attempt.log, now) }));
	return { ...archived, attempts };
}

/** Where a round goes on: first what is old is moved, then what has expired is deleted. */
interface Place {
	step: "move" | "delete";
	/** The next id to be looked at; empty: the first. */
	from: RunId;
}

const beginning: Place = { step: "move", from: "" };

export class RunArchive {
	readonly #world: World;
	readonly #store: RunStore;
	readonly #switches: Pick<RepoOutside, "mayArchive" | "mayProject">;
	#place = beginning;
	/** Null while it was not asked yet. */
	#dueAt: Millis | null = null;

	constructor({ world, outside }: { world: World; outside: RepoOutside }) {
		this.#world = world;
		this.#store = outside.archive;
		this.#switches = outside;
	}

	/** When the next slice should be worked; null for a repository without runs. */
	dueAt(queue: RepoQueue): Millis | null {
		if (queue.repository === null) return null;
		if (this.#dueAt === null && queue.tombstones.hasWork()) this.#dueAt = queue.tombstones.archivedAt() + everyMs;
		return this.#dueAt;
	}

	/** Never throws: what fails is tried again later, from the beginning, so that runs are moved whatever deletes fail. */
	async work(queue: RepoQueue, now: Millis): Promise<void> {
		const { repository } = queue;
		const dueAt = this.dueAt(queue);
		if (repository === null || dueAt === null || now < dueAt) return;
		// [M10] [M11] What is deleted goes from the read model too.
		if (!this.#switches.mayArchive() || !this.#switches.mayProject()) {
			this.#dueAt = now + lookMs;
			return;
		}
		try {
			const next = await this.#slice(queue, repository, now);
			this.#place = next ?? beginning;
			this.#dueAt = next === null ? now + everyMs : now;
			if (next !== null) return;
			queue.tombstones.saveArchivedAt(now);
			queue.tombstones.forget(now - tombstoneMs);
			queue.numbers.forget();
		} catch (cause) {
			this.#world.report({ event: "archive-failed", cause: String(cause) });
			this.#place = beginning;
			this.#dueAt = now + againMs;
		}
	}

	/**
	 * [W53] A run that is to be brought back, so that it can be retried; null where it is not in the archive. Should the retry
	 * be refused, the next round moves it away again.
	 */
	async find(queue: RepoQueue, id: RunId): Promise<ArchivedRun | null> {
		const { repository } = queue;
		const now = this.#world.now();
		if (repository === null || queue.run(id) !== null || !queue.tombstones.isArchived(id, now)) return null;
		return load(this.#store, { name: repository, run: id, now }, () => queue.giveWay());
	}

	/** What `find` found is here again, unless a call that came meanwhile brought it back already. In slices, as `transactInSlices`. */
	async restore(queue: RepoQueue, archived: ArchivedRun): Promise<void> {
		await this.#world.storage.transaction(async () => {
			if (!queue.tombstones.isArchived(archived.run.id, this.#world.now())) return;
			for (const _ of queue.tombstones.restore(archived, queue.sliceJobs)) await queue.giveWay();
		});
		queue.arm(this.#world.now());
	}

	/** Null when all is done that was due. */
	async #slice(queue: RepoQueue, repository: ConfiguredRepository, now: Millis): Promise<Place | null> {
		let { step, from } = this.#place;
		if (step === "move") {
			const next = await this.#move(queue, repository, { from, now });
			if (next !== null) return { step, from: next };
			[step, from] = ["delete", ""];
		}
		const next = await this.#delete(queue, repository, { from, now });
		return next === null ? null : { step, from: next };
	}

	async #move(
		queue: RepoQueue,
		repository: ConfiguredRepository,
		{ from, now }: { from: RunId; now: Millis },
	): Promise<RunId | null> {
		const before = now - hotMs;
		const { runs, next } = queue.tombstones.old({ from, rowsMax, runsMax }, before);
		for (const id of runs) {
			const run = queue.run(id);
			// Somebody may have retried it since: it is not old any more.
			if (run?.finishedAt == null || run.finishedAt >= before || !queue.tombstones.isSettled(id)) continue;
			const whole: ArchivedRun = { run, ...(await readWhole(queue, run)) };
			await this.#store.put(repository, id, await writeArchived(whole, () => queue.giveWay()));
			// A retry may have changed the run meanwhile: then the copy there is old, and a later round replaces it.
			if (queue.run(id)?.version === run.version) queue.bury(run, expiryOf(whole, repository, now));
		}
		return next;
	}

	/** The tombstone last: it is by this that the rest is found. */
	async #delete(
		queue: RepoQueue,
		repository: ConfiguredRepository,
		{ from, now }: { from: RunId; now: Millis },
	): Promise<RunId | null> {
		const { runs, next } = queue.tombstones.expired({ from, rowsMax: tombstonesMax, runsMax }, now);
		if (runs.length === 0) return next;
		await this.#store.delete(repository, runs);
		queue.tombstones.empty(runs, now);
		return next;
	}
}

async function readWhole(
	queue: RepoQueue,
	{ id, jobs: count }: DomainRun,
): Promise<Pick<ArchivedRun, "jobs" | "attempts">> {
	const jobs: DomainJob[] = [];
	const attempts: FinishedAttempt[] = [];
	for (let from = 0; from < count; from += queue.sliceJobs) {
		jobs.push(...queue.tables.jobs(id, from, queue.sliceJobs));
		attempts.push(...queue.tables.attempts(id, from, from + queue.sliceJobs - 1));
		await queue.giveWay();
	}
	return { jobs, attempts };
}

/** A run outlives its logs, also one that ended under other settings. */
function expiryOf({ run, attempts }: ArchivedRun, { settings }: ConfiguredRepository, now: Millis): Millis {
	const own = Math.max((run.finishedAt ?? 0) + settings.retentionDays * dayMs, now + keptMs);
	return attempts.reduce((latest, { log }) => Math.max(latest, log.expiresAt ?? 0), own);
}
