// Which repository a free runner serves next, and whose leases have gone quiet.
import type { LeaseId, Millis } from "./ids.ts";
import { lateLookMs, livenessCheckMs, renewSeconds, restartGraceMs, startBySeconds } from "./limits.ts";
import type { LabelDemand } from "./queue.ts";

export interface RepositoryDemand {
	repository: string;
	sets: LabelDemand[];
	/** Leases of it that runners of this pool hold. */
	running: number;
}

/** [P1] A set fits a runner that has all its labels. */
export function fits(labels: readonly string[], has: ReadonlySet<string>): boolean {
	return labels.every((label) => has.has(label));
}

/** [P2] The repository that runs least here goes first, then the lower rank, then the older wait: one cannot starve another. */
export function chooseRepository(demands: Iterable<RepositoryDemand>, has: ReadonlySet<string>): string | null {
	let best: { repository: string; order: [number, number, number] } | null = null;
	for (const { repository, sets, running } of demands) {
		for (const set of sets) {
			if (set.waiting === 0 || !fits(set.labels, has)) continue;
			const order: [number, number, number] = [running, set.rank, set.since];
			if (best === null || isBefore(order, best.order)) best = { repository, order };
		}
	}
	return best?.repository ?? null;
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
	const at = a.findIndex((value, index) => value !== b[index]);
	return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
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
