// What a pool shard knows: the leases that its runners hold and what repositories asked for. Kept in memory, written through to
// the tables; renewals are written rarely, since liveness must not cost a write per heartbeat.
import type { Demand, LeaseClaim, RunnerIdentity, ShardFigures } from "../../src/contracts/objects/objects.ts";
import { sumFigures } from "../../src/contracts/objects/pool-figures.ts";
import { timeText } from "../../src/contracts/wire/time-text.ts";
import type { RunnerFigures } from "../../src/contracts/http/runner.ts";
import { DemandBook } from "../../src/domain/pool/demand-book.ts";
import type { DemandRow, DoubtfulDemand } from "../../src/domain/pool/demand-book.ts";
import type { LeaseId, Millis } from "../../src/domain/ids.ts";
import { leaseIdFrom } from "../../src/domain/ids.ts";
import { heartbeatSeconds } from "../../src/domain/limits.ts";
import { fits, takenSlots, unfitnessOf, unwellReason } from "../../src/domain/pool/pool.ts";
import type { PoolSettings, RepositoryDemand, Unfit, WaitingRunner } from "../../src/domain/pool/pool.ts";
import type { LeaseEnd, PoolRunners } from "./pool-runners.ts";
import type { PoolLease, PoolRunner, PoolTables } from "./pool-tables.ts";

/** A renewal is written when the stored one is this old: well under `renewSeconds`, so an eviction never makes a lease look lost. */
const renewalWrittenMs = heartbeatSeconds * 1_000;

export class PoolMembers {
	readonly #tables: PoolTables;
	readonly #runners: PoolRunners;
	readonly #leases = new Map<LeaseId, PoolLease>();
	readonly #demands = new DemandBook<Demand>();
	/** Leases held, by runner and by repository. */
	readonly #byRunner = new Map<string, Set<LeaseId>>();
	readonly #byRepository = new Map<string, number>();
	/** When each was handed a job last. Forgotten by a sleep, which only makes the order among equals begin anew. */
	readonly #granted = new Map<string, Millis>();
	/** How many shards share what waits, this one included, as a repository said last. */
	#shards = 1;
	/** By repository, what it held in other shards of the pool when it was heard last. */
	readonly #elsewhere = new Map<string, number>();

	constructor(tables: PoolTables, runners: PoolRunners) {
		this.#tables = tables;
		this.#runners = runners;
		for (const lease of tables.leases()) this.#index(lease);
		for (const [repository, demand] of tables.demands()) this.#demands.recall(repository, demand);
	}

	/** Renews those that are the runner's own; of the others nothing is said. */
	renew(runner: string | null, ids: Iterable<LeaseId>, now: Millis): void {
		for (const id of ids) {
			const lease = this.#leases.get(id);
			if (!lease || (runner !== null && lease.runner !== runner)) continue;
			if (now - lease.renewedAt < renewalWrittenMs) continue;
			this.#change(lease, { renewedAt: now });
		}
	}

	/** A session's sign of life, for all leases held over it: kept in mind only, since the platform remembers pings. */
	touch(runner: string, at: Millis): void {
		for (const lease of this.leasesOf(runner)) if (lease.session) lease.renewedAt = Math.max(lease.renewedAt, at);
	}

	/** The runner holds this over a session from now on. */
	attach(lease: PoolLease): void {
		if (!lease.session) this.#change(lease, { session: true });
	}

	/** Its session is gone: the lease has until `renewSeconds` after `renewedAt` to be named again. */
	detach(lease: PoolLease, renewedAt: Millis): void {
		this.#change(lease, { session: false, renewedAt });
	}

	freeSlots(runner: PoolRunner, named: readonly LeaseId[] | null, now: Millis): number {
		if (unfitnessOf(runner, now) !== null) return 0;
		return slotsOf(runner) - takenSlots(this.leasesOf(runner.id), named === null ? null : new Set(named), now);
	}

	/** A runner as whoever chooses among those who wait sees it; null when it is to be given nothing. */
	standingOf({ id }: RunnerIdentity, now: Millis): WaitingRunner | null {
		const runner = this.#runners.get(id);
		if (runner === null || unfitnessOf(runner, now) !== null) return null;
		const leases = this.#byRunner.get(id)?.size ?? 0;
		const { lapsedAt, faults = 0 } = runner;
		return { leases, capacity: slotsOf(runner), grantedAt: this.#granted.get(id) ?? 0, lapsedAt, faults };
	}

	leasesOf(runner: string): PoolLease[] {
		return [...(this.#byRunner.get(runner) ?? [])].flatMap((id) => this.#leases.get(id) ?? []);
	}

	leaseOf(runner: string, id: LeaseId): PoolLease | null {
		const lease = this.#leases.get(id);
		return lease?.runner === runner ? lease : null;
	}

	lease(id: LeaseId): PoolLease | null {
		return this.#leases.get(id) ?? null;
	}

	get leaseCount(): number {
		return this.#leases.size;
	}

	leases(): Iterable<PoolLease> {
		return this.#leases.values();
	}

	hold(runner: string, claim: LeaseClaim, { now, session }: { now: Millis; session: boolean }): PoolLease {
		const id = leaseIdFrom(claim.job, claim.epoch);
		const lease = { id, runner, grantedAt: now, renewedAt: now, canceling: false, session, claim };
		this.#tables.saveLease(lease);
		this.#index(lease);
		this.#granted.set(runner, now);
		return lease;
	}

	/** The runner that was forgotten with its one job, if it was. */
	end(id: LeaseId, how: LeaseEnd = "over"): PoolRunner | null {
		const lease = this.#leases.get(id);
		if (!lease) return null;
		this.#leases.delete(id);
		this.#tables.dropLease(id);
		this.#byRunner.get(lease.runner)?.delete(id);
		const repository = `${lease.claim.owner}/${lease.claim.repo}`;
		this.#byRepository.set(repository, Math.max(0, (this.#byRepository.get(repository) ?? 0) - 1));
		const runner = this.#runners.get(lease.runner);
		if (runner?.ephemeral) {
			this.#runners.spend(runner, Date.now());
			return runner;
		}
		if (runner) this.#runners.learn(runner, how, lease.grantedAt);
		return null;
	}

	/** The lease, when this is news. */
	cancel(id: LeaseId): PoolLease | null {
		const lease = this.#leases.get(id);
		if (!lease || lease.canceling) return null;
		this.#change(lease, { canceling: true });
		return lease;
	}

	/** Passed over when a newer version is known. `heardAt` null: another shard of the pool says so, which may be wrong. */
	hear(demand: Demand, heardAt: Millis | null): void {
		const repository = `${demand.owner}/${demand.repo}`;
		const row = this.#demands.hear(repository, demand, heardAt);
		if (row !== null) this.#keep(repository, demand, row);
	}

	/** What the repository answered when it was asked; null: nobody knows it any more. */
	learn(repository: string, demand: Demand | null, now: Millis): void {
		const known = this.#demands.versionOf(repository);
		const row = this.#demands.learn(repository, demand, now);
		if (row === "drop") this.#tables.dropDemand(repository);
		else if (demand !== null && demand.version > known) this.#keep(repository, demand, row);
	}

	#keep(repository: string, demand: Demand, row: DemandRow): void {
		this.#shards = demand.shards ?? this.#shards;
		const here = this.#byRepository.get(repository) ?? 0;
		this.#elsewhere.set(repository, Math.max(0, (demand.running ?? 0) - here));
		if (row === "save") this.#tables.saveDemand(repository, demand);
	}

	/** Of which repositories it must be asked whether they still want something. */
	doubtful(now: Millis): DoubtfulDemand[] {
		return this.#demands.doubtful(now);
	}

	/** The version of what is known of a repository; 0: nothing is. */
	demandVersion(repository: string): number {
		return this.#demands.versionOf(repository);
	}

	/** Whether anybody asks for anything. */
	hasDemand(): boolean {
		for (const [, { sets }] of this.#demands.all()) if (sets.length > 0) return true;
		return false;
	}

	/** Of the jobs that could start now if runners were free, this shard's part. */
	get waiting(): number {
		let waiting = 0;
		for (const [, { sets }] of this.#demands.all()) for (const set of sets) waiting += set.waiting;
		return waiting / this.#shards;
	}

	*demands(): Iterable<RepositoryDemand> {
		for (const [repository, { sets, weight = 1 }] of this.#demands.all()) {
			if (sets.length === 0) continue;
			const running = (this.#byRepository.get(repository) ?? 0) + (this.#elsewhere.get(repository) ?? 0);
			yield { repository, sets, running, weight };
		}
	}

	/** As they were told. */
	*told(): Iterable<Demand> {
		for (const [, demand] of this.#demands.all()) yield demand;
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
		return runner.left !== true || (this.#byRunner.get(runner.id)?.size ?? 0) > 0;
	}

	/** [P13] A runner takes nothing new; it goes when what it holds is over. */
	leaves(id: string, now: Millis): void {
		const runner = this.#runners.get(id);
		if (runner) this.#runners.leaves(runner, (this.#byRunner.get(id)?.size ?? 0) === 0, now);
	}

	forgetGone(now: Millis): void {
		this.#runners.forgetGone(now, (id) => (this.#byRunner.get(id)?.size ?? 0) === 0);
		for (const id of this.#granted.keys()) if (this.#runners.get(id) === null) this.#granted.delete(id);
	}

	figures(
		name: { owner: string; pool: string },
		{ settings, shards, now }: { settings: PoolSettings; shards: number; now: Millis },
	): ShardFigures {
		const runners = [...this.#runners.all()].map((runner) => this.#shown(runner, settings, now));
		const demands = this.#demands.figures(now);
		const idle = runners.filter(({ state }) => state === "idle").length;
		const busy = runners.filter(({ state }) => state === "busy").length;
		const { paused, pauseNote, draining } = settings;
		const own = { ...name, paused, pauseNote, draining, runners, running: this.#leases.size, idle, busy };
		const facts = { ...own, shards, demands, waiting: 0, oldestWaitingSeconds: null };
		return { ...facts, ...sumFigures(facts, [], now) };
	}

	shown(id: string, settings: PoolSettings, now: Millis): RunnerFigures | null {
		const runner = this.#runners.get(id);
		return runner && this.#shown(runner, settings, now);
	}

	#shown(runner: PoolRunner, settings: PoolSettings, now: Millis): RunnerFigures {
		const { id, name, labels, ephemeral, capacity } = runner;
		const leases = this.#byRunner.get(id)?.size ?? 0;
		const unfitness = settings.draining ? "draining" : unfitnessOf(runner, now);
		const state = this.#isHere(runner, now) ? (unfitness ?? (leases > 0 ? "busy" : "idle")) : "offline";
		const reason = state === "unwell" ? unwellReason(runner) : null;
		const lastSeenAt = timeText(this.#runners.seenAt(runner));
		return { id, name, labels, state, reason, capacity: ephemeral ? 1 : capacity, leases, lastSeenAt };
	}

	#change(lease: PoolLease, patch: Partial<PoolLease>): void {
		Object.assign(lease, patch);
		this.#tables.saveLease(lease);
	}

	#index(lease: PoolLease): void {
		this.#leases.set(lease.id, lease);
		const held = this.#byRunner.get(lease.runner) ?? new Set();
		this.#byRunner.set(lease.runner, held.add(lease.id));
		const repository = `${lease.claim.owner}/${lease.claim.repo}`;
		this.#byRepository.set(repository, (this.#byRepository.get(repository) ?? 0) + 1);
	}
}

/** An ephemeral runner has one job, whatever it says; one whose machine failed its last job is tried with one [P12]. */
function slotsOf({ ephemeral, capacity, faults = 0 }: PoolRunner): number {
	return ephemeral || faults > 0 ? 1 : capacity;
}
