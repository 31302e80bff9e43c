// The hot week of a RepoObject: a run that ended longer ago moves whole to R2, and a small tombstone stays, so that storage is
// bounded by a week's work. In bounded slices from the alarm; a crash between the put and the delete repeats the put, with the
// same content. A retry brings the run back as it was; what is archived after it replaces what was.
import type { RepositoryName } from "../../src/contracts/objects.ts";
import type { Run } from "../../src/contracts/run.ts";
import type { ArchivedRun } from "../../src/contracts/view.ts";
import { viewArchived } from "../../src/contracts/view.ts";
import type { Millis, RunId } from "../../src/domain/ids.ts";
import { runJobsMax } from "../../src/domain/limits.ts";
import { recordAt } from "../../src/domain/log.ts";
import type { RepoQueue } from "./repo-queue.ts";

/** How long a finished run stays in its object: people retry and look at what is new. */
export const hotMs = 7 * 24 * 60 * 60 * 1_000;
/** A tombstone keeps a run's id from being used again, as an old key with the same body would make it. */
const tombstoneMs = 90 * 24 * 60 * 60 * 1_000;
const everyMs = 24 * 60 * 60 * 1_000;
const againMs = 10 * 60_000;
/** Rows looked at, and runs moved, in one slice of an alarm. */
const rowsMax = 2_000;
const runsMax = 50;

export function archivedRunKey({ owner, repo }: RepositoryName, run: RunId): string {
	return `runs/${owner}/${repo}/${run}.json`;
}

/** Null where there is no such run. */
export async function readArchived(bucket: R2Bucket, name: RepositoryName, run: RunId): Promise<Run | null> {
	const archived = await load(bucket, name, run);
	return archived && viewArchived(archived);
}

/** Nobody tells the archive of a run when one of its logs is deleted: that is known by the log's days. */
async function load(bucket: R2Bucket, name: RepositoryName, run: RunId): Promise<ArchivedRun | null> {
	const object = await bucket.get(archivedRunKey(name, run));
	if (object === null) return null;
	const archived = await object.json<ArchivedRun>();
	const now = Date.now();
	const attempts = archived.attempts.map((attempt) => ({ ...attempt, log: recordAt(attempt.log, now) }));
	return { ...archived, attempts };
}

export class RunArchive {
	readonly #bucket: R2Bucket;
	/** Where the next slice begins; empty: at the first row. */
	#from: RunId = "";
	/** Null while it was not asked yet. */
	#dueAt: Millis | null = null;

	constructor(bucket: R2Bucket) {
		this.#bucket = bucket;
	}

	/** When the next slice should be worked; null for a repository without runs. */
	dueAt(queue: RepoQueue): Millis | null {
		if (queue.repository === null) return null;
		if (this.#dueAt === null && queue.tables.hasRuns()) this.#dueAt = queue.tables.archivedAt() + everyMs;
		return this.#dueAt;
	}

	/** Never throws: what fails is tried again later. */
	async work(queue: RepoQueue, now: Millis): Promise<void> {
		const dueAt = this.dueAt(queue);
		if (dueAt === null || now < dueAt) return;
		try {
			const next = await this.#slice(queue, now);
			this.#from = next ?? "";
			this.#dueAt = next === null ? now + everyMs : now;
			if (next !== null) return;
			queue.tables.saveArchivedAt(now);
			queue.tables.forgetTombstones(now - tombstoneMs);
		} catch (cause) {
			console.error(JSON.stringify({ event: "archive-failed", cause: String(cause) }));
			this.#dueAt = now + againMs;
		}
	}

	/**
	 * [W53] Brings a run back, so that it can be retried; does nothing where it is not in the archive. Should the retry be
	 * refused, the next round moves it away again.
	 */
	async recall(queue: RepoQueue, id: RunId): Promise<void> {
		const { repository } = queue;
		if (repository === null || queue.run(id) !== null || !queue.tables.isBuried(id)) return;
		const archived = await load(this.#bucket, repository, id);
		if (archived !== null) queue.unbury(archived);
	}

	async #slice(queue: RepoQueue, now: Millis): Promise<RunId | null> {
		const { repository } = queue;
		if (repository === null) return null;
		const before = now - hotMs;
		const { runs, next } = queue.tables.oldRuns({ from: this.#from, before, rowsMax, runsMax });
		for (const id of runs) {
			const run = queue.run(id);
			// Somebody may have retried it since: it is not old any more.
			if (run?.finishedAt == null || run.finishedAt >= before) continue;
			const jobs = queue.tables.jobs(id, 0, -1);
			const whole: ArchivedRun = { run, jobs, attempts: queue.tables.attempts(id, 0, runJobsMax) };
			await this.#bucket.put(archivedRunKey(repository, id), JSON.stringify(whole), {
				httpMetadata: { contentType: "application/json" },
			});
			if (queue.run(id)?.version === run.version) queue.bury(run);
		}
		return next;
	}
}
