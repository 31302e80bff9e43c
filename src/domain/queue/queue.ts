// Who goes next in a repository. Waiting jobs stand in lanes, one per (pool, labels, concurrency group), each sorted by a
// rank that never changes; so choosing looks at the head of each lane, however long the queue is.
import type { Millis, RunId } from "../ids.ts";
import type { Job } from "../job/job.ts";
import type { RepositorySettings } from "../job/submission.ts";
import { groupLimit } from "../job/submission.ts";

export interface Lane {
	pool: string;
	labels: string[];
	group: string | null;
	/** Jobs in it that may be claimed now (those backing off are not in it). */
	waiting: number;
	/** The one that goes next: its place, its rank with its party's handicap, and since when it waits. */
	head: { run: RunId; index: number; rank: number; since: Millis };
}

/** What holds a slot: leased, running, canceling. */
export interface Load {
	running: number;
	groups: Map<string, number>;
}

export function laneKey(job: Pick<Job, "spec">): string {
	const { pool, labels, concurrencyGroup } = job.spec;
	return JSON.stringify([pool, labels, concurrencyGroup]);
}

export function parseLaneKey(key: string): Pick<Lane, "pool" | "labels" | "group"> {
	const [pool, labels, group] = JSON.parse(key);
	return { pool, labels, group };
}

/** [Q2] How many more jobs of a lane may run under the present limits: a changed limit or a pause acts on what already waits. */
export function room(lane: Pick<Lane, "group">, settings: RepositorySettings, load: Load): number {
	if (settings.paused) return 0;
	const inRepository = settings.maxRunning - load.running;
	if (lane.group === null) return Math.max(0, inRepository);
	return Math.max(0, Math.min(inRepository, groupLimit(settings, lane.group) - (load.groups.get(lane.group) ?? 0)));
}

/** [Q3] The lane whose head goes next to a runner of `pool` that has `labels`: the lowest rank among those with room. `lanes` are as that runner sees them. */
export function chooseLane(
	lanes: Iterable<Lane>,
	{ pool, labels }: { pool: string; labels: ReadonlySet<string> },
	settings: RepositorySettings,
	load: Load,
): Lane | null {
	let best: Lane | null = null;
	for (const lane of lanes) {
		if (lane.pool !== pool || room(lane, settings, load) === 0) continue;
		if (!lane.labels.every((label) => labels.has(label))) continue;
		if (best !== null && best.head.rank <= lane.head.rank) continue;
		best = lane;
	}
	return best;
}

export interface LabelDemand {
	labels: string[];
	waiting: number;
	rank: number;
	since: Millis;
}

/** [Q4] What a pool hears: for each label set, how many jobs could start now if runners were free. */
export function demandOf(lanes: Iterable<Lane>, pool: string, settings: RepositorySettings, load: Load): LabelDemand[] {
	const sets = new Map<string, LabelDemand>();
	for (const lane of lanes) {
		if (lane.pool !== pool) continue;
		const { rank, since } = lane.head;
		const waiting = Math.min(lane.waiting, room(lane, settings, load));
		if (waiting === 0) continue;
		const key = lane.labels.join(",");
		const set = sets.get(key);
		if (set) {
			// Lanes of one label set share what the repository has left.
			set.waiting = Math.min(set.waiting + waiting, settings.maxRunning - load.running);
			set.rank = Math.min(set.rank, rank);
			set.since = Math.min(set.since, since);
		} else sets.set(key, { labels: lane.labels, waiting, rank, since });
	}
	return [...sets.values()];
}
