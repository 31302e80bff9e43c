// Commands by chance, made from what is known outside: most of them sensible, some late, stale, doubled or nonsense.
import type { RepositoryRequest } from "../contracts/http/repository.ts";
import type { Millis } from "../domain/ids.ts";
import { runIdFrom } from "../domain/ids.ts";
import type { FinishReport } from "../domain/job/job.ts";
import type { RetryRequest } from "../domain/job/retry.ts";
import type { JobRequest } from "../domain/job/submission.ts";
import type { SeededRandom } from "../testing/random.ts";
import type { Command } from "./command.ts";
import { isIdempotent } from "./command.ts";
import type { Known, KnownLease } from "./known.ts";
import { isPoolCommand, runnerIds } from "./pool-command.ts";
import type { PoolCommand } from "./pool-command.ts";
import { simulatedShards } from "./world/simulated-pool.ts";

export interface Step {
	command: Command | PoolCommand;
	/** What the rules get for chance, in [0, 1). */
	random: number;
	/** Whether it comes a second time, and whether everything in memory is lost in between. */
	again: "no" | "at once" | "after eviction";
}

const pools = ["default", "default", "default", "other"];
const labelSets = [[], [], [], ["gpu"], ["gpu", "linux"]];
const refs = ["refs/heads/main", "refs/heads/next"];
const actors = ["ann", "ben"];
const secondMs = 1_000;

/** How often each kind is tried, of all together. */
const weights: Record<Command["do"], number> = {
	submit: 4,
	add: 1,
	claim: 16,
	start: 18,
	finish: 14,
	expire: 8,
	"cancel-run": 1,
	"cancel-job": 2,
	"retry-run": 2,
	"retry-job": 4,
	"cancel-matching": 1,
	"retry-matching": 1,
	priority: 2,
	configure: 3,
	clock: 18,
	alarm: 4,
	tell: 6,
	evict: 5,
	"sleep-shard": 3,
	look: 5,
	"archive-fails": 1,
};

const poolWeights: Record<PoolCommand["do"], number> = {
	"runner-comes": 12,
	"runner-asks": 4,
	"runner-freezes": 2,
	"runner-thaws": 3,
	"runner-leaves": 1,
	"runner-drops": 3,
	"runner-drains": 2,
	"runner-is-unwell": 2,
	"pool-settings": 2,
	"shard-dies": 2,
	"one-arrives": 12,
};
const poolKinds = Object.keys(poolWeights) as PoolCommand["do"][];

function isPoolKind(kind: Step["command"]["do"]): kind is PoolCommand["do"] {
	return kind in poolWeights;
}

/** Alarms are seldom late, runners seldom let a grant lapse, and an archive that fails is used before it works again. */
const followers: Partial<Record<Step["command"]["do"], Command["do"]>> = {
	clock: "alarm",
	claim: "start",
	start: "start",
	"archive-fails": "clock",
};

/** The alarm has taken runs away, or has ended them all: one is wanted back, or another week passes. */
const afterWeeks = ["retry-run", "retry-job", "clock"] as const;

/** `weeks`: what comes after an alarm that comes weeks after the last one; null: it does not. */
function nextAfter(last: Step["command"]["do"] | null, weeks: Command["do"] | null): Command["do"] | null {
	if (last === "alarm" && weeks !== null) return weeks;
	return last === null ? null : (followers[last] ?? null);
}

/** Longer than anything stays hot, and than anything may be blocked. */
const weeksMs = [8, 30].map((days) => days * 86_400 * secondMs);

/** No jump after so long: at the end of its days in the archive a run goes for good, and here what was accepted is kept. */
const jumpsWithinMs = 45 * 86_400 * secondMs;

export type Chance = (known: Known, now: Millis) => Step;

/**
 * Each seed has its own temper: some things happen often in it and others hardly ever, so that rare chains are tried too.
 * `weeks`: now and then the clock jumps over the hot week. `shards`: pools have two, which sleep and are asked what waits.
 */
export function chanceOf(random: SeededRandom, around: { weeks: boolean; shards: boolean; runners?: boolean }): Chance {
	const { weeks, shards, runners = false } = around;
	const all = (Object.keys(weights) as Command["do"][]).filter(
		(kind) => (shards || (kind !== "sleep-shard" && kind !== "look")) && (weeks || kind !== "archive-fails"),
	);
	const queueKinds = all.filter((kind) => !runners || (kind !== "claim" && kind !== "expire"));
	const weighed = [
		...queueKinds.map((kind) => ({ kind, weight: weights[kind] })),
		...(runners ? poolKinds.map((kind) => ({ kind, weight: poolWeights[kind] })) : []),
	];
	const kinds = weighed.flatMap(({ kind, weight }) =>
		Array<Step["command"]["do"]>(Math.ceil(weight * random.pick([0.5, 1, 1, 3]))).fill(kind),
	);
	let last: Step["command"]["do"] | null = null;
	let lastJumpAt = Number.POSITIVE_INFINITY;
	let hasJumped = false;
	return (known, now) => {
		lastJumpAt = Math.min(lastJumpAt, now + jumpsWithinMs);
		const follows = nextAfter(last, hasJumped ? random.pick(afterWeeks) : null);
		const isNext = follows !== null && random.chance(0.7);
		const kind = known.runs.size === 0 ? "submit" : isNext ? follows : random.pick(kinds);
		const command: Step["command"] =
			weeks &&
			kind === "clock" &&
			now < lastJumpAt &&
			(last === "archive-fails" || (last === "alarm" && hasJumped) || random.chance(0.02))
				? { do: "clock", byMs: random.pick(weeksMs) }
				: isPoolKind(kind)
					? somePoolCommand(kind, random)
					: someCommand(kind, random, { known, now, runners });
		if (last === "alarm") hasJumped = false;
		if (command.do === "clock" && weeksMs.includes(command.byMs)) hasJumped = true;
		last = command.do;
		const again =
			!isPoolCommand(command) && isIdempotent(command)
				? random.pick(["no", "no", "no", "no", "at once", "after eviction"] as const)
				: "no";
		return { command, random: random(), again };
	};
}

function someCommand(
	kind: Command["do"],
	random: SeededRandom,
	{ known, now, runners }: { known: Known; now: Millis; runners: boolean },
): Command {
	const run = () => random.pick([...known.runs.keys()]);
	const job = () => random.pick(known.jobs);
	switch (kind) {
		case "submit":
			return someSubmission(random, known, now);
		case "add":
			return { do: kind, run: run(), key: someKey(random), jobs: someJobs(random, now, `x${random.below(1_000)}-`) };
		case "start":
		case "finish":
		case "expire": {
			const lease = someLease(random, known, kind !== "start");
			if (lease === null)
				return someCommand(random.pick([runners ? "tell" : "claim", "clock", "clock", "retry-job"] as const), random, {
					...{ known, now, runners },
				});
			if (kind === "expire")
				return { do: kind, leases: [lease.identity], quietMs: random.pick([0, 30_000, 30_000] as const) };
			if (kind === "start") return { do: kind, lease: lease.identity };
			return { do: kind, lease: lease.identity, report: someReport(random) };
		}
		case "claim":
			return { do: kind, ...someRunner(random) };
		case "cancel-run":
			return { do: kind, run: run() };
		case "cancel-job":
			return { do: kind, job: job(), force: random.chance(0.25) };
		case "retry-run":
			return { do: kind, run: run(), only: random.pick(["failed", "all"] as const), key: someKey(random) };
		case "retry-job":
			return { do: kind, job: job(), key: someKey(random) };
		case "cancel-matching": {
			const state = someOf(random, ["blocked", "waiting", "leased", "running"] as const);
			return { do: kind, state, label: perhapsNull(random, "gpu"), ref: perhapsNull(random, random.pick(refs)) };
		}
		case "retry-matching": {
			const outcome = someOf(random, [
				"passed",
				"failed",
				"canceled",
				"timed-out",
				"lost",
				"refused",
				"expired",
			] as const);
			const filter = { label: perhapsNull(random, "gpu"), ref: perhapsNull(random, random.pick(refs)) };
			return { do: kind, outcome, ...filter, key: someKey(random) };
		}
		case "priority":
			return { do: kind, job: job(), priority: random.below(21) - 10 };
		case "configure":
			return { do: kind, request: someSettings(random) };
		case "clock":
			return { do: kind, byMs: someWhile(random) };
		case "alarm":
		case "tell":
		case "evict":
			return { do: kind };
		case "archive-fails":
			return { do: kind, how: random.pick(["refused", "answer-lost"] as const) };
		case "sleep-shard":
			return { do: kind, pool: random.pick(pools), shard: random.below(simulatedShards) };
		case "look":
			return { do: kind, pool: random.pick(pools) };
	}
}

function somePoolCommand(kind: PoolCommand["do"], random: SeededRandom): PoolCommand {
	const pool = random.pick(pools);
	const which = { pool, runner: random.pick(runnerIds) };
	switch (kind) {
		case "runner-comes":
			return { do: kind, ...which, isNewProcess: random.chance(0.2) };
		case "runner-drops":
			return { do: kind, ...which, isTold: random.chance(0.5) };
		case "runner-drains":
			return { do: kind, ...which, draining: random.chance(0.5) };
		case "runner-is-unwell":
			return { do: kind, ...which, unwell: random.chance(0.5) };
		case "pool-settings":
			return { do: kind, pool, patch: { paused: random.chance(0.3), draining: random.chance(0.3) } };
		case "shard-dies":
			return {
				do: kind,
				pool,
				shard: random.below(simulatedShards),
				sockets: random.pick(["kept", "kept", "dropped"]),
			};
		case "one-arrives":
			return { do: kind, at: random.below(20) };
		default:
			return { do: kind, ...which };
	}
}

/** Mostly one that its runner still holds and has, or has not, started; else any, however long it is over. */
function someLease(random: SeededRandom, { leases }: Known, isStarted: boolean): KnownLease | null {
	const read = leases.filter(({ isUnread }) => isUnread !== true);
	const fitting = read.filter((lease) => !lease.isOver && lease.isStarted === isStarted);
	if (fitting.length > 0 && random.chance(0.9)) return random.pick(fitting);
	return read.length === 0 || random.chance(0.7) ? null : random.pick(read);
}

function someSubmission(random: SeededRandom, known: Known, now: Millis): Command {
	const earlier = known.keys.length > 0 && random.chance(0.15) ? random.pick(known.keys) : null;
	// The same key for the same, or for something else.
	if (earlier?.do === "submit" && random.chance(0.5)) return earlier;
	const run = runIdFrom(Uint8Array.from({ length: 15 }, () => random.below(256)));
	const key = earlier !== null && "key" in earlier ? earlier.key : someKey(random);
	const jobs = someJobs(random, now, "");
	return {
		do: "submit",
		run,
		key,
		jobs,
		ref: random.pick(refs),
		actor: random.pick(actors),
		supersedes: random.chance(0.1),
	};
}

function someKey(random: SeededRandom): string | null {
	return random.chance(0.5) ? `key-${random.below(1e9)}` : null;
}

function someJobs(random: SeededRandom, now: Millis, prefix: string): JobRequest[] {
	const keys = Array.from({ length: 1 + random.below(4) }, (_, at) => `${prefix}${at}`);
	// Jobs that are added may need those of the submission.
	const known = prefix === "" ? [] : ["0", "1"];
	return keys.map((key, at) => {
		const before = [...known, ...keys.slice(0, at)];
		const needs = before.filter(() => random.chance(0.3));
		if (random.chance(0.01)) needs.push(random.pick([...keys, "nobody"]));
		return { ...someJob(random, now), key, needs };
	});
}

function someJob(random: SeededRandom, now: Millis): Omit<JobRequest, "key"> {
	const group = random.chance(0.25) ? random.pick(["deploy", "db"]) : null;
	return {
		run: "true",
		when: random.pick(["success", "success", "success", "failure", "always"] as const),
		allowFailure: random.chance(0.2),
		pool: random.pick(pools),
		labels: random.pick(labelSets),
		priority: random.pick([0, 0, 0, 5, -3]),
		timeoutSeconds: random.pick([1, 60, 3_600, 3_600]),
		queueTimeoutSeconds: random.pick([5, 60, 3_600, 86_400, 86_400, 86_400]),
		concurrencyGroup: group,
		exclusive: perhaps(random, [true, false]),
		onLost: perhaps(random, ["retry", "fail"] as const),
		retry: random.chance(0.6) ? someRetry(random) : undefined,
		notBefore: random.chance(0.2) ? now + random.pick([1, 60, 3_600, 10_000]) * secondMs : undefined,
	};
}

function someRetry(random: SeededRandom): RetryRequest {
	const backoff = {
		initialSeconds: random.pick([0, 1, 30]),
		factor: random.pick([1, 2, 10]),
		maxSeconds: random.pick([1, 60, 3_600]),
		jitter: random.pick(["none", "equal", "full"] as const),
	};
	const on = random.chance(0.3) ? [{ exitCodes: [75], maxAttempts: 2 }, { outcome: "refused" as const }] : undefined;
	return { maxAttempts: 1 + random.below(4), maxLosses: random.pick([1, 3, 3, 5] as const), on, backoff };
}

/** At least one. */
function someOf<T>(random: SeededRandom, from: readonly T[]): T[] {
	const some = from.filter(() => random.chance(0.5));
	return some.length === 0 ? [random.pick(from)] : some;
}

function perhapsNull<T>(random: SeededRandom, value: T): T | null {
	return random.chance(0.4) ? value : null;
}

function perhaps<T>(random: SeededRandom, from: readonly T[]): T | undefined {
	return random.chance(0.5) ? random.pick(from) : undefined;
}

function someSettings(random: SeededRandom): RepositoryRequest {
	const groups = [{}, { deploy: { limit: 2 } }, { deploy: { limit: 0 }, db: { limit: 3 } }];
	return {
		maxRunning: random.pick([0, 1, 2, 5, 50, 50]),
		paused: random.chance(0.1),
		draining: random.chance(0.1),
		concurrencyGroups: random.pick(groups),
		retryBudget: { perHour: random.pick([0, 1, 60]), ratio: random.pick([0, 0.5]) },
		fairness: {
			by: random.pick(["ref", "actor"] as const),
			perRunningSeconds: random.pick([0, 60]),
			weights: random.pick([{}, { "refs/heads/main": 3, ann: 0.5 }]),
		},
		defaults: { retry: { maxAttempts: 1 + random.below(2) } },
	};
}

function someRunner(random: SeededRandom) {
	const id = random.pick(["rn1", "rn2", "rn3"]);
	return {
		runner: { id, name: id },
		pool: random.pick(pools),
		shard: random.pick([0, 0, 1]),
		labels: random.pick([[], ["linux"], ["gpu", "linux", "x64"], ["gpu", "linux", "x64"]]),
		free: random.pick([1, 1, 2, 40]),
	};
}

function someReport(random: SeededRandom): FinishReport {
	const outcome = random.pick([
		"passed",
		"passed",
		"failed",
		"failed",
		"failed",
		"timed-out",
		"canceled",
		"refused",
	] as const);
	return {
		outcome,
		exitCode: random.pick([null, 0, 1, 75]),
		signal: random.pick([null, null, "SIGKILL"]),
		reason: random.pick([null, "so it was"]),
		steps: [],
		logLength: 0,
		logSha256: null,
		retryAfterSeconds: random.pick([null, null, null, 2, 100_000]),
		platformFault: random.pick([null, null, null, null, "drained", "cut-off", "machine-fault"] as const),
	};
}

/** Milliseconds: from nothing over the times that the rules know to some hours. */
function someWhile(random: SeededRandom): number {
	if (random.chance(0.2)) return random.pick([0, 1, 20, 500]);
	if (random.chance(0.1)) return random.pick([300, 3_600, 10_000]) * secondMs;
	return random.pick([1, 1, 2, 2, 5, 12, 15, 20, 30, 60, 61]) * secondMs;
}
