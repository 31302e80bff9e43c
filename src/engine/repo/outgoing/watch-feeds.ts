// What a RepoObject tells the FeedObjects of runs that somebody watches: every change in its order, the jobs whole, as soon as
// it is durable. A hint beside the queue `events`, by which a feed hears of a version that it missed. Which runs are watched, and
// until when, the feeds say; it is stored, so that no feed's object comes to be by being asked.
import type { RepositoryName } from "../../../contracts/objects/objects.ts";
import type { RunUpdate } from "../../../contracts/objects/feed.ts";
import { watchedJobOf } from "../../../contracts/objects/feed.ts";
import type { Job } from "../../../contracts/http/run.ts";
import { viewRun } from "../../../contracts/wire/view.ts";
import type { Millis, RunId } from "../../../domain/ids.ts";
import type { Job as DomainJob } from "../../../domain/job/job.ts";
import type { Run } from "../../../domain/run/run.ts";
import type { World } from "../../ports.ts";
import type { RepoOutside } from "../repo-ports.ts";
import type { WatchedRuns } from "./watched-runs.ts";

/** Watched runs remembered here; beyond it the ones that end first are forgotten, until their feeds say so again. */
const runsKept = 5_000;
/** Feeds called at once: each that sleeps must wake, and on one machine opens its file for it. */
const feedsAtOnce = 50;
/** Jobs in one call: an RPC takes 32 MiB, and a job that was tried often has a hundred kilobytes. */
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
	watched: WatchedRuns;
	/** As `GET …/jobs/{job}` shows them, each in the state it has here. */
	show(jobs: readonly DomainJob[]): Job[];
}

export class WatchFeeds {
	readonly #world: World;
	readonly #outside: RepoOutside;
	readonly #source: FeedSource;
	/** By run, until when somebody watches. Null: not read yet. */
	#watched: Map<RunId, Millis> | null = null;
	readonly #unsent = new Map<RunId, Change[]>();
	readonly #telling = new Set<RunId>();

	constructor({ world, outside }: { world: World; outside: RepoOutside }, source: FeedSource) {
		this.#world = world;
		this.#outside = outside;
		this.#source = source;
	}

	/** Said by the run's feed, and again before it ends. */
	watch(run: RunId, until: Millis): void {
		if (this.#source.repository() === null) return;
		const watched = this.#read();
		if (watched.size >= runsKept && !watched.has(run)) this.#forget(watched);
		watched.set(run, until);
		this.#source.watched.save(run, until);
	}

	isWatched(run: RunId): boolean {
		if (this.#source.repository() === null) return false;
		return (this.#read().get(run) ?? 0) > this.#world.now();
	}

	#read(): Map<RunId, Millis> {
		if (this.#watched !== null) return this.#watched;
		const watched = new Map(this.#source.watched.all().map(({ run, until }): [RunId, Millis] => [run, until]));
		const now = this.#world.now();
		this.#drop(
			watched,
			[...watched].filter(([, until]) => until <= now),
		);
		this.#watched = watched;
		return watched;
	}

	/** Those that are over; if there are none, the tenth that is over first. */
	#forget(watched: Map<RunId, Millis>): void {
		const now = this.#world.now();
		const over = [...watched].filter(([, until]) => until <= now);
		const first = [...watched].sort(([, a], [, b]) => a - b).slice(0, runsKept / 10);
		this.#drop(watched, over.length > 0 ? over : first);
	}

	#drop(watched: Map<RunId, Millis>, entries: readonly [RunId, Millis][]): void {
		if (entries.length === 0) return;
		for (const [run] of entries) watched.delete(run);
		this.#source.watched.drop(entries.map(([run]) => run));
	}

	/** Once it is committed. `since`: the run's version before. */
	change(run: Run, since: number, jobs: DomainJob[]): void {
		if (!this.isWatched(run.id)) return;
		const change = { at: this.#world.now(), run, since, jobs };
		const unsent = this.#unsent.get(run.id);
		if (unsent) unsent.push(change);
		else this.#unsent.set(run.id, [change]);
		// Beyond the bound a run waits its turn: each that is done begins the next.
		if (!this.#telling.has(run.id) && this.#telling.size < feedsAtOnce) void this.#tell(run.id);
	}

	/** One call at a time for each run, so that a change never overtakes another. Never throws: what is lost the feed looks for. */
	async #tell(run: RunId): Promise<void> {
		this.#telling.add(run);
		// What the caller does until its own end goes with it.
		await Promise.resolve();
		for (let changes = this.#take(run); changes !== undefined; changes = this.#take(run)) {
			try {
				await this.#tellChanges(run, changes);
			} catch (cause) {
				this.#world.report({ event: "feed-untold", run, cause: String(cause) });
			}
		}
		this.#telling.delete(run);
		const next = [...this.#unsent.keys()].find((other) => !this.#telling.has(other));
		if (next !== undefined) void this.#tell(next);
	}

	#take(run: RunId): Change[] | undefined {
		const changes = this.#unsent.get(run);
		this.#unsent.delete(run);
		return changes;
	}

	async #tellChanges(run: RunId, changes: readonly Change[]): Promise<void> {
		const repository = this.#source.repository();
		if (repository === null) return;
		const feed = this.#outside.feed({ ...repository, run });
		if (!this.isWatched(run)) return;
		for (const part of this.#parts(changes)) await feed.changed(part);
	}

	/** Each is one call's. */
	*#parts(changes: readonly Change[]): Iterable<RunUpdate[]> {
		let news: RunUpdate[] = [];
		let length = 0;
		for (const { at, run, since, jobs } of changes) {
			const bare = viewRun(run);
			for (let from = 0; from < jobs.length || from === 0; from += partJobs) {
				const shown = this.#source.show(jobs.slice(from, from + partJobs)).map(watchedJobOf);
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
