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
const inOwner = "in the owner's object: exact; while that does not answer, not at all";
const inIsolate =
	"on one machine by the server: exact, and anew after a restart; on Cloudflare by the platform's binding in each of its locations: approximate, and never too strict";

export const limitTable = {
	"token-calls": {
		of: "token",
		unit: "calls a minute",
		fallback: 6_000,
		settable: { for: "owner", max: 1_000_000 },
		windowMs: minuteMs,
		counted: inIsolate,
		why: "a hundred a second for as long as one likes, and all of a minute's at once: a storm of webhooks passes, a loop without a pause does not",
		met: "nothing of the call was done: send it again after `Retry-After`",
	},
	"token-dear-calls": {
		of: "token",
		unit: "calls a minute",
		fallback: 1_200,
		settable: { for: "owner", max: 1_000_000 },
		windowMs: minuteMs,
		counted: inIsolate,
		why: "lists, logs, searches and bulk acts take the time of a dozen submissions; twenty a second of them are half of a small machine",
		met: "nothing of the call was done: send it again after `Retry-After`, or follow an event stream in place of asking again",
	},
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
	"address-calls": {
		of: "address",
		unit: "calls a minute",
		fallback: 1_200,
		settable: null,
		windowMs: minuteMs,
		counted: inIsolate,
		why: "only calls without a good token are counted, since behind one address may sit a thousand people; a guess has no chance at any speed, and a flood of them takes time from others",
		met: "a token that this server has not seen lately is not looked at: wait for `Retry-After`; known tokens, runners and leases are served",
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
	repositories: {
		of: "owner",
		unit: "repositories",
		fallback: 5_000,
		settable: { for: "owner", max: 1_000_000 },
		windowMs: null,
		counted: inOwner,
		why: "each is an object for good, and a rebuild of the owner goes through all of them",
		met: "a new one is refused, and a known one is set all the same: ask the operator for more",
	},
	pools: {
		of: "owner",
		unit: "pools",
		fallback: 500,
		settable: { for: "owner", max: 10_000 },
		windowMs: null,
		counted: inOwner,
		why: "a list of pools asks each of them",
		met: "a new one is refused, and a known one is set all the same: use labels in place of pools",
	},
	runners: {
		of: "owner",
		unit: "runners",
		fallback: 20_000,
		settable: { for: "owner", max: 200_000 },
		windowMs: null,
		counted:
			"in the owner's object, which asks the pools who is still there before it refuses: one more is never taken while that answers, and the place of a runner whose one job is over is free within a minute",
		why: "each is a row of the owner's, and a look at who is still there goes through all of them",
		met: "a new one is refused, and one that registers again under its key is taken: remove those that are gone for good, or come again once one-job runners have ended",
	},
	"owner-secrets": {
		of: "owner",
		unit: "secrets",
		fallback: 500,
		settable: { for: "owner", max: 10_000 },
		windowMs: null,
		counted: "in the owner's object: exact",
		why: "a list shows all names, and a rotation goes through all of them",
		met: "a new one is refused, and a known one is set all the same: delete one that no job names",
	},
	tokens: {
		of: "owner",
		unit: "tokens",
		fallback: 5_000,
		settable: { for: "owner", max: 100_000 },
		windowMs: null,
		counted: inOwner,
		why: "those that are neither revoked nor past their expiry: an owner who has more has lost sight of them",
		met: "a new one is refused: revoke one that nobody uses, or let tokens for one job expire sooner",
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

/** Rates that are counted before a call is read: by the server itself, or by the platform. */
export type CallRateName = "token-calls" | "token-dear-calls" | "address-calls";

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
