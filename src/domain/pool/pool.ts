// Which repository a free runner serves next and which runner is served first, where a runner has its place, and whose leases
// have gone quiet.
import type { LeaseId, Millis } from "../ids.ts";
import {
	faultyRestMaxMs,
	faultyRestMs,
	lapseForgivenMs,
	lateLookMs,
	livenessCheckMs,
	renewSeconds,
	restartGraceMs,
	startBySeconds,
} from "../limits.ts";
import type { LabelDemand } from "../queue/queue.ts";

export interface RepositoryDemand {
	repository: string;
	sets: LabelDemand[];
	/** Leases of it that runners of this pool hold, in other shards too as far as is known. */
	running: number;
	/** Its owner's: with 2, two of its running jobs count as one. */
	weight: number;
}

/** [P1] A set fits a runner that has all its labels. */
export function fits(labels: readonly string[], has: ReadonlySet<string>): boolean {
	return labels.every((label) => has.has(label));
}

/**
 * [P2] The repository that runs least here for its weight goes first [P7], then the lower rank, then the older wait: one cannot
 * starve another.
 */
export function chooseRepository(demands: Iterable<RepositoryDemand>, has: ReadonlySet<string>): string | null {
	let best: { repository: string; order: [number, number, number] } | null = null;
	for (const { repository, sets, running, weight } of demands) {
		for (const set of sets) {
			if (set.waiting === 0 || !fits(set.labels, has)) continue;
			const order: [number, number, number] = [running / weight, set.rank, set.since];
			if (best === null || isBefore(order, best.order)) best = { repository, order };
		}
	}
	return best?.repository ?? null;
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
	const at = a.findIndex((value, index) => value !== b[index]);
	return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

/**
 * [P10] A claim takes jobs away: the pool's other shards, which heard what there was before, need not hear that from the
 * repository. A shard that asks for what is gone gets nothing and the present demand. False when anything grew, changed or
 * became more urgent.
 */
export function isOnlyLess(before: readonly LabelDemand[], after: readonly LabelDemand[]): boolean {
	return after.every(({ labels, waiting, rank, since }) => {
		const known = before.find((set) => set.labels.join(",") === labels.join(","));
		return known !== undefined && waiting <= known.waiting && rank >= known.rank && since >= known.since;
	});
}

/**
 * [P6] The shard of a newly registered runner, out of `shards`: by a hash of its id (FNV-1a), so that it is the same whoever
 * reckons it. From then on the runner's token says it, whatever becomes of the number of shards.
 */
export function shardOf(runner: string, shards: number): number {
	let hash = 0x811c9dc5;
	for (let at = 0; at < runner.length; at++) hash = Math.imul(hash ^ runner.charCodeAt(at), 0x01000193) >>> 0;
	return hash % shards;
}

/** A runner with room that waits for a job. */
export interface WaitingRunner {
	leases: number;
	capacity: number;
	/** When it was handed a job last; 0: never, as far as is known. */
	grantedAt: Millis;
	/** When it last let a grant lapse, unless a job of its came to an end since; null: it did not. */
	lapsedAt: Millis | null;
	/** Grants in a row that its machine failed. */
	faults: number;
}

/**
 * [P8] Who is served first: not one that lately never started what it was granted, nor one whose machine failed its last job
 * [P12], while another has room; then the least busy for its size, then whoever was handed a job longest ago.
 */
export function compareWaiting(a: WaitingRunner, b: WaitingRunner, now: Millis): number {
	return (
		Number(isUnreliable(a, now)) - Number(isUnreliable(b, now)) ||
		a.leases / a.capacity - b.leases / b.capacity ||
		a.grantedAt - b.grantedAt
	);
}

function isUnreliable({ lapsedAt, faults }: WaitingRunner, now: Millis): boolean {
	return faults > 0 || (lapsedAt !== null && now - lapsedAt < lapseForgivenMs);
}

/** What a pool knows of a runner beside its leases. */
export interface Fitness {
	draining: boolean;
	/** It said bye, and nothing since. */
	left?: boolean;
	/** What it says is wrong with its machine; null, or absent: nothing. */
	unwell?: string | null;
	/** Grants in a row that its machine failed, and when it did last; null: the runner said since that it is well. */
	faults?: number;
	faultedAt?: Millis | null;
}

/**
 * [P11][P13] Why a runner is given nothing, whatever room it has; null: it is given jobs. [P12] One whose machine failed a job
 * and that says nothing of itself rests, ever longer; one that says that it is well again is tried at once.
 */
export function unfitnessOf(fitness: Fitness, now: Millis): "draining" | "unwell" | null {
	if (fitness.draining || fitness.left === true) return "draining";
	if (fitness.unwell != null) return "unwell";
	const { faults = 0, faultedAt = null } = fitness;
	if (faults === 0 || faultedAt === null) return null;
	return now - faultedAt < Math.min(faultyRestMs * 2 ** (faults - 1), faultyRestMaxMs) ? "unwell" : null;
}

/** [P12] What is wrong with an unwell runner, in words. */
export function unwellReason({ unwell, faults = 0 }: Fitness): string {
	return unwell ?? `its machine failed its last ${faults === 1 ? "job" : `${faults} jobs`}`;
}

/** Runners that fit and are given nothing, and what is wrong with one of those that are unwell. */
export interface Unfit {
	draining: number;
	unwell: number;
	reason: string | null;
}

/**
 * [P9] How many of `waiting` jobs the first of `runners` is handed at once: its share, so that few jobs spread and many go in
 * batches.
 */
export function shareOf(waiting: number, runners: number): number {
	return Math.max(1, Math.ceil(waiting / Math.max(1, runners)));
}

/** What its owner says of a pool. `draining`: its runners are to finish what they hold and go. */
export interface PoolSettings {
	paused: boolean;
	pauseNote: string | null;
	draining: boolean;
}

export const poolSettingsDefault: PoolSettings = { paused: false, pauseNote: null, draining: false };

/** Why a pool hands out nothing at present. */
export interface PoolPause {
	kind: "paused" | "draining";
	note: string | null;
}

/** [B6] A pool that is paused or drains hands out nothing; what runs goes on. Null: it hands out jobs. */
export function pauseOf({ paused, pauseNote, draining }: PoolSettings): PoolPause | null {
	if (paused) return { kind: "paused", note: pauseNote };
	return draining ? { kind: "draining", note: pauseNote } : null;
}

export interface HeldLease {
	id: LeaseId;
	grantedAt: Millis;
	renewedAt: Millis;
}

/**
 * [P3] A slot is taken by each lease the runner names, and by each it does not name while it may still be on its way to it.
 * `named` null: the runner did not say, so all count.
 */
export function takenSlots(leases: Iterable<HeldLease>, named: ReadonlySet<LeaseId> | null, now: Millis): number {
	let taken = 0;
	for (const lease of leases) {
		if (named === null || named.has(lease.id) || now - lease.grantedAt < startBySeconds * 1_000) taken++;
	}
	return taken;
}

/**
 * [P4] Leases nobody renewed for `renewSeconds`. [P5] When the last look is much longer ago than it should be, the object
 * itself was away and nobody could renew: everybody gets `restartGraceMs` from now. `graceUntil` is stored, so that it
 * cannot be granted again and again by an object that keeps restarting.
 */
export function findQuiet(
	leases: Iterable<HeldLease>,
	{ lastLookAt, graceUntil, now }: { lastLookAt: Millis | null; graceUntil: Millis | null; now: Millis },
): { quiet: LeaseId[]; graceUntil: Millis | null } {
	const wasAway = lastLookAt !== null && now - lastLookAt > livenessCheckMs + lateLookMs;
	const until = wasAway ? now + restartGraceMs : graceUntil;
	if (until !== null && now < until) return { quiet: [], graceUntil: until };
	const quiet: LeaseId[] = [];
	for (const lease of leases) {
		if (now - Math.max(lease.renewedAt, lease.grantedAt) > renewSeconds * 1_000) quiet.push(lease.id);
	}
	return { quiet, graceUntil: null };
}
