// A shard's runners with the leases that they hold: who has room, whose lease is over, and how all of it is shown.
import { timeText } from "../../../contracts/wire/time-text.ts";
import type { RunnerIdentity } from "../../../contracts/objects/objects.ts";
import type { RunnerFigures } from "../../../contracts/http/runner.ts";
import type { LeaseId, Millis } from "../../../domain/ids.ts";
import { fits, takenSlots, unfitnessOf, unwellReason } from "../../../domain/pool/pool.ts";
import type { PoolSettings, Unfit, WaitingRunner } from "../../../domain/pool/pool.ts";
import type { HeldLeases } from "../held-leases.ts";
import type { LeaseEnd, PoolRunners } from "./pool-runners.ts";
import type { PoolRunner } from "../pool-tables.ts";

export class PoolMembers {
	readonly #runners: PoolRunners;
	readonly #leases: HeldLeases;
	/** When each was handed a job last. Forgotten by a sleep, which only makes the order among equals begin anew. */
	readonly #granted = new Map<string, Millis>();

	constructor(runners: PoolRunners, leases: HeldLeases) {
		this.#runners = runners;
		this.#leases = leases;
	}

	freeSlots(runner: PoolRunner, named: readonly LeaseId[] | null, now: Millis): number {
		if (unfitnessOf(runner, now) !== null) return 0;
		return slotsOf(runner) - takenSlots(this.#leases.of(runner.id), named === null ? null : new Set(named), now);
	}

	/** A runner as whoever chooses among those who wait sees it; null when it is to be given nothing. */
	standingOf({ id }: RunnerIdentity, now: Millis): WaitingRunner | null {
		const runner = this.#runners.get(id);
		if (runner === null || unfitnessOf(runner, now) !== null) return null;
		const { lapsedAt, faults = 0 } = runner;
		const grantedAt = this.#granted.get(id) ?? 0;
		return { leases: this.#leases.countOf(id), capacity: slotsOf(runner), grantedAt, lapsedAt, faults };
	}

	wasGranted(runner: string, now: Millis): void {
		this.#granted.set(runner, now);
	}

	/** The runner that was forgotten with its one job, if it was. */
	end(id: LeaseId, how: LeaseEnd, now: Millis): PoolRunner | null {
		const lease = this.#leases.drop(id);
		const runner = lease && this.#runners.get(lease.runner);
		if (!runner) return null;
		if (runner.ephemeral) {
			this.#runners.spend(runner, now);
			return runner;
		}
		this.#runners.learn(runner, how, { grantedAt: lease.grantedAt, now });
		return null;
	}

	/** Of those that fit: who is given jobs, and who is there and is given none. One that left is there while it holds something. */
	liveRunners(labels: readonly string[], now: Millis): Unfit & { live: number } {
		const found: Unfit & { live: number } = { live: 0, draining: 0, unwell: 0, reason: null };
		for (const runner of this.#runners.all()) {
			if (!this.#isHere(runner, now)) continue;
			if (labels.length > 0 && !fits(labels, new Set(runner.labels))) continue;
			const unfitness = unfitnessOf(runner, now);
			found[unfitness ?? "live"]++;
			if (unfitness === "unwell") found.reason ??= unwellReason(runner);
		}
		return found;
	}

	#isHere(runner: PoolRunner, now: Millis): boolean {
		if (!this.#runners.isLive(runner, now)) return false;
		return runner.left !== true || this.#leases.countOf(runner.id) > 0;
	}

	/** [P13] A runner takes nothing new; it goes when what it holds is over. */
	leaves(id: string, now: Millis): void {
		const runner = this.#runners.get(id);
		if (runner) this.#runners.leaves(runner, this.#leases.countOf(id) === 0, now);
	}

	forgetGone(now: Millis): void {
		this.#runners.forgetGone(now, (id) => this.#leases.countOf(id) === 0);
		for (const id of this.#granted.keys()) if (this.#runners.get(id) === null) this.#granted.delete(id);
	}

	figures(settings: PoolSettings, now: Millis): RunnerFigures[] {
		return [...this.#runners.all()].map((runner) => this.#shown(runner, settings, now));
	}

	shown(id: string, settings: PoolSettings, now: Millis): RunnerFigures | null {
		const runner = this.#runners.get(id);
		return runner && this.#shown(runner, settings, now);
	}

	#shown(runner: PoolRunner, settings: PoolSettings, now: Millis): RunnerFigures {
		const { id, name, labels, ephemeral, capacity } = runner;
		const leases = this.#leases.countOf(id);
		const unfitness = settings.draining ? "draining" : unfitnessOf(runner, now);
		const state = this.#isHere(runner, now) ? (unfitness ?? (leases > 0 ? "busy" : "idle")) : "offline";
		const reason = state === "unwell" ? unwellReason(runner) : null;
		const lastSeenAt = timeText(this.#runners.seenAt(runner));
		return { id, name, labels, state, reason, capacity: ephemeral ? 1 : capacity, leases, lastSeenAt };
	}
}

/** An ephemeral runner has one job, whatever it says; one whose machine failed its last job is tried with one [P12]. */
function slotsOf({ ephemeral, capacity, faults = 0 }: PoolRunner): number {
	return ephemeral || faults > 0 ? 1 : capacity;
}
