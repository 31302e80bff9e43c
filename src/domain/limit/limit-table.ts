// Each limit that a caller can reach: its name, which is also the code of its refusal, its unit, its number and why it is that. What
// a request or an answer may hold at most stands in `../limits.ts`: no use of others comes near those bounds or goes away from them.

/** Whose use is counted. `log`, `run`: of each by itself, within the repository that its setting belongs to. */
export type LimitOf = "token" | "address" | "repository" | "log" | "run" | "owner" | "pool";

export interface LimitRow {
	of: LimitOf;
	unit: string;
	/** Where the operator has set nothing. */
	fallback: number;
	/** The most that the operator may set, for a repository or for an owner; null: it is the same for everybody. */
	settable: { for: "repository" | "owner"; max: number } | null;
	/** Of a rate, in which time the whole of it comes back; null: it is a number of things, and one that goes makes room. */
	windowMs: number | null;
	/** Where it is counted, and how exactly. */
	counted: string;
	why: string;
	/** What a caller meets, and may do. */
	met: string;
}

const minuteMs = 60_000;
const inRepository = "in the repository's object: exact, whoever asks at once";

export const limitTable = {
	concurrent: {
		of: "token",
		unit: "dear calls at once",
		fallback: 4,
		settable: null,
		windowMs: null,
		counted: "in each isolate: on one machine that is the server",
		why: "a search, a tail or a bulk act takes the thread that all share for as long as it works",
		met: "nothing of the call was done: send it again once another has ended",
	},
	"waiting-jobs": {
		of: "repository",
		unit: "jobs",
		fallback: 50_000,
		settable: { for: "repository", max: 200_000 },
		windowMs: null,
		counted: inRepository,
		why: "blocked and waiting ones: an object that wakes reads them all, and 50,000 take a second, half of what a submission waits before it is spilled",
		met: "no run, no added job and no retry is taken that would pass it: cancel what nobody needs, or send it again when jobs have begun. A run that was spilled and comes to a full repository ends as `refused`, and says so; a retry runs it later",
	},
	"runs-per-minute": {
		of: "repository",
		unit: "runs a minute",
		fallback: 3_000,
		settable: { for: "repository", max: 1_000_000 },
		windowMs: minuteMs,
		counted: inRepository,
		why: "fifty a second for as long as one likes, and a minute's at once: twice what the largest repository sends in a burst",
		met: "nothing was accepted: send it again after `Retry-After`. Runs that were spilled are counted and not refused",
	},
	"label-sets": {
		of: "repository",
		unit: "sets",
		fallback: 2_000,
		settable: { for: "repository", max: 20_000 },
		windowMs: null,
		counted: inRepository,
		why: "each pool, set of labels and concurrency group of an unfinished job is a line of its own, and each job that starts looks at all of them",
		met: "no run and no added job is taken that would pass it: name fewer different labels and groups, or wait until some have ended",
	},
	secrets: {
		of: "repository",
		unit: "secrets",
		fallback: 500,
		settable: { for: "repository", max: 10_000 },
		windowMs: null,
		counted: inRepository,
		why: "each claim opens those that its job names, and a list shows all names",
		met: "a new one is refused, and a known one is set all the same: delete one that no job names",
	},
	"log-viewers": {
		of: "log",
		unit: "viewers",
		fallback: 5_000,
		settable: null,
		windowMs: null,
		counted: "in the log's object: exact",
		why: "a message to all of them takes the log's object 200 ms",
		met: "the view is refused: come again after `Retry-After`; by `Range` the log is read all the same",
	},
	"run-watchers": {
		of: "run",
		unit: "watchers",
		fallback: 1_000,
		settable: null,
		windowMs: null,
		counted: "in the run's feed: exact",
		why: "each change of the run is sent to all of them",
		met: "the stream is refused: come again after `Retry-After`; the run itself is read all the same",
	},
	"pool-runners": {
		of: "pool",
		unit: "runners",
		fallback: 10_000,
		settable: null,
		windowMs: null,
		counted: "in each shard of the pool: exact there",
		why: "a claim compares the free ones, and an object holds some ten thousand sockets",
		met: "a new one is refused: remove one that is gone for good, spread the pool over more shards, or use another pool",
	},
} as const satisfies Record<string, LimitRow>;

export type LimitName = keyof typeof limitTable;

/** Those that may be set for one repository, or for one owner. */
export type SettableOf<For extends "repository" | "owner"> = {
	[Name in LimitName]: (typeof limitTable)[Name]["settable"] extends { for: For } ? Name : never;
}[LimitName];

export const limitNames = Object.keys(limitTable) as LimitName[];

/** What was set; for what is absent the table's own number holds. */
export type LimitSettings = Partial<Record<LimitName, number>>;

export function limitRow(name: LimitName): LimitRow {
	return limitTable[name];
}

export function limitOf(name: LimitName, set: LimitSettings = {}): number {
	return set[name] ?? limitTable[name].fallback;
}

/** What is null goes back to the table's number; `replace`: so does what is not named. */
export function changeLimits(
	before: LimitSettings,
	change: { [Name in LimitName]?: number | null | undefined },
	{ replace }: { replace: boolean },
): LimitSettings {
	const all = Object.entries({ ...(replace ? {} : before), ...change });
	return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined)) as LimitSettings;
}
