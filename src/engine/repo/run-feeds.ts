// What a RepoObject tells the FeedObjects of runs that somebody watches: every change in its order, the jobs whole, as soon as
// it is durable. A hint beside the queue `events`, by which a feed hears of a version that it missed. Whether a run is watched
// is kept in memory; where that is not known, since the object woke in between, its feed is asked, once.
import type { RepositoryName } from "../../contracts/objects.ts";
import type { RunNews } from "../../contracts/run-events.ts";
import { watchJob } from "../../contracts/run-events.ts";
import type { Job } from "../../contracts/run.ts";
import { viewRun } from "../../contracts/view.ts";
import type { Millis, RunId } from "../../domain/ids.ts";
import type { Job as DomainJob } from "../../domain/job.ts";
import type { Run } from "../../domain/run.ts";
import type { World } from "../ports.ts";
import type { RepoOutside } from "./repo-ports.ts";

/** Runs remembered here; beyond it all are asked about anew. */
const runsKept = 5_000;
/** Jobs told in one call: an RPC takes 32 MiB, and a job that was tried often has a hundred kilobytes. */
const partLength = 8_000_000;
const partJobs = 500;

interface Change {
	at: Millis;
	run: Run;
	since: number;
	jobs: DomainJob[];
}

export interface FeedSource {
	repository(): RepositoryName | null;
	/** As `GET …/jobs/{job}` shows them, each in the state it has here. */
	show(jobs: readonly DomainJob[]): Job[];
}

export class RunFeeds {
	readonly #world: World;
	readonly #outside: RepoOutside;
	readonly #source: FeedSource;
	/** By run, until when somebody watches; null: nobody does, until somebody says so. */
	readonly #watched = new Map<RunId, Millis | null>();
	readonly #untold = new Map<RunId, Change[]>();
	readonly #telling = new Set<RunId>();

	constructor({ world, outside }: { world: World; outside: RepoOutside }, source: FeedSource) {
		this.#world = world;
		this.#outside = outside;
		this.#source = source;
	}

	watch(run: RunId, until: Millis | null): void {
		if (this.#watched.size >= runsKept) this.#watched.clear();
		this.#watched.set(run, until);
	}

	/** Null: it is not known. */
	isWatched(run: RunId): boolean | null {
		const until = this.#watched.get(run);
		if (until === undefined) return null;
		if (until === null) return false;
		return until > this.#world.now() ? true : null;
	}

	/** Once it is committed. `since`: the run's version before. */
	change(run: Run, since: number, jobs: DomainJob[]): void {
		if (this.isWatched(run.id) === false) return;
		const change = { at: this.#world.now(), run, since, jobs };
		const untold = this.#untold.get(run.id);
		if (untold) untold.push(change);
		else this.#untold.set(run.id, [change]);
		if (!this.#telling.has(run.id)) void this.#tell(run.id);
	}

	/** One call at a time for each run, so that a change never overtakes another. Never throws: what is lost the feed looks for. */
	async #tell(run: RunId): Promise<void> {
		this.#telling.add(run);
		// What the caller does until its own end is told with it.
		await Promise.resolve();
		for (let changes = this.#take(run); changes !== undefined; changes = this.#take(run)) {
			try {
				await this.#tellChanges(run, changes);
			} catch (cause) {
				this.#world.report({ event: "feed-untold", run, cause: String(cause) });
			}
		}
		this.#telling.delete(run);
	}

	#take(run: RunId): Change[] | undefined {
		const changes = this.#untold.get(run);
		this.#untold.delete(run);
		return changes;
	}

	async #tellChanges(run: RunId, changes: readonly Change[]): Promise<void> {
		const repository = this.#source.repository();
		if (repository === null) return;
		const feed = this.#outside.feed({ ...repository, run });
		if (this.isWatched(run) === null) this.#learn(run, await feed.heard(0));
		if (!this.isWatched(run)) return;
		for (const part of this.#parts(changes)) await feed.changed(part);
	}

	/** Whoever began to watch while the answer was on its way has the last word. */
	#learn(run: RunId, until: Millis | null): void {
		if (this.isWatched(run) === null) this.watch(run, until);
	}

	/** Each is one call's. */
	*#parts(changes: readonly Change[]): Iterable<RunNews[]> {
		let news: RunNews[] = [];
		let length = 0;
		for (const { at, run, since, jobs } of changes) {
			const bare = viewRun(run);
			for (let from = 0; from < jobs.length || from === 0; from += partJobs) {
				const shown = this.#source.show(jobs.slice(from, from + partJobs)).map(watchJob);
				length += JSON.stringify(shown).length;
				if (news.length > 0 && length > partLength) {
					yield news;
					news = [];
					length = 0;
				}
				news.push({ at, run: bare, since, jobs: shown, isPart: from + partJobs < jobs.length });
			}
		}
		if (news.length > 0) yield news;
	}
}
