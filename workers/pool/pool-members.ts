// Who is in a pool shard: its runners, the leases they hold and what repositories asked for. Kept in memory, written through
// to the tables; renewals are written rarely, since liveness must not cost a write per heartbeat.
import type { Demand, LeaseClaim, RunnerIdentity, ShardFigures } from "../../src/contracts/objects.ts";
import { sumFigures } from "../../src/contracts/pool-figures.ts";
import { timeText } from "../../src/contracts/fields.ts";
import type { LeaseId, Millis } from "../../src/domain/ids.ts";
import { leaseIdFrom } from "../../src/domain/ids.ts";
import { heartbeatSeconds, poolRunnersMax, runnerForgottenMs } from "../../src/domain/limits.ts";
import { fits, takenSlots } from "../../src/domain/pool.ts";
import type { PoolSettings, RepositoryDemand, WaitingRunner } from "../../src/domain/pool.ts";
import { accept, refuse } from "../../src/domain/refusal.ts";
import type { Result } from "../../src/domain/refusal.ts";
import type { PoolLease, PoolRunner, PoolTables } from "./pool-tables.ts";

/** A renewal is written when the stored one is this old: well under `renewSeconds`, so an eviction never makes a lease look lost. */
const renewalWrittenMs = heartbeatSeconds * 1_000;
const seenWrittenMs = 60_000;
/** A runner nobody heard of for this long is offline: two missed long polls and the coarseness of what is stored. */
const offlineMs = 90_000;

export class PoolMembers {
	readonly #tables: PoolTables;
	readonly #runners = new Map<string, PoolRunner>();
	readonly #leases = new Map<LeaseId, PoolLease>();
	readonly #demands = new Map<string, Demand>();
	/** By repository, which label sets its stored demand names. */
	readonly #stored = new Map<string, string>();
	/** Leases held, by runner and by repository. */
	readonly #byRunner = new Map<string, Set<LeaseId>>();
	readonly #byRepository = new Map<string, number>();
	/** When each was last heard of; the stored instant is coarser. */
	readonly #seen = new Map<string, Millis>();
	/** When each was handed a job last. Forgotten by a sleep, which only makes the order among equals begin anew. */
	readonly #granted = new Map<string, Millis>();
	/** How many shards share what waits, this one included, as a repository said last. */
	#shards = 1;
	/** By repository, what it held in other shards of the pool when it was heard last. */
	readonly #elsewhere = new Map<string, number>();

	constructor(tables: PoolTables) {
		this.#tables = tables;
		for (const runner of tables.runners()) this.#runners.set(runner.id, runner);
		for (const lease of tables.leases()) this.#index(lease);
		for (const [repository, demand] of tables.demands()) {
			this.#demands.set(repository, demand);
			this.#stored.set(repository, namesOf(demand));
		}
	}

	register(identity: RunnerIdentity, now: Millis): Result<null> {
		this.forgetGone(now);
		if (this.#runners.size >= poolRunnersMax) return refuse({ code: "pool-full", max: poolRunnersMax });
		this.#save({ ...asNew(identity), seenAt: now });
		return accept(null);
	}

	/** A runner that its token vouches for is taken in again if it was forgotten. */
	see(identity: RunnerIdentity, now: Millis): PoolRunner {
		const known = this.#runners.get(identity.id);
		if (!known || now - known.seenAt > seenWrittenMs) {
			this.#save({ ...asNew(identity), ...known, seenAt: now });
		}
		this.#seen.set(identity.id, now);
		return this.known(identity);
	}

	/** The runner as it is known, without being seen. */
	known(identity: RunnerIdentity): PoolRunner {
		return this.#runners.get(identity.id) ?? asNew(identity);
	}

	/** Whether another instance of the runner spoke before: what that one held died with it. */
	noteInstance(identity: RunnerIdentity, instanceId: string): boolean {
		const runner = this.see(identity, Date.now());
		if (runner.instanceId === instanceId) return false;
		this.#save({ ...runner, instanceId, lapsedAt: null });
		return runner.instanceId !== null;
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
		if (runner.spent) return 0;
		const capacity = runner.ephemeral ? 1 : runner.capacity;
		return capacity - takenSlots(this.leasesOf(runner.id), named === null ? null : new Set(named), now);
	}

	/** A runner with `capacity` as whoever chooses among those who wait sees it. */
	standingOf({ id }: RunnerIdentity, capacity: number): WaitingRunner {
		const leases = this.#byRunner.get(id)?.size ?? 0;
		const lapsedAt = this.#runners.get(id)?.lapsedAt ?? null;
		return { leases, capacity, grantedAt: this.#granted.get(id) ?? 0, lapsedAt };
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

	/** `lapsedAt`: when it was never started. */
	end(id: LeaseId, lapsedAt: Millis | null = null): void {
		const lease = this.#leases.get(id);
		if (!lease) return;
		this.#leases.delete(id);
		this.#tables.dropLease(id);
		this.#byRunner.get(lease.runner)?.delete(id);
		const repository = `${lease.claim.owner}/${lease.claim.repo}`;
		this.#byRepository.set(repository, Math.max(0, (this.#byRepository.get(repository) ?? 0) - 1));
		const runner = this.#runners.get(lease.runner);
		if (runner?.ephemeral) this.#save({ ...runner, lapsedAt, spent: true });
		else if (runner && runner.lapsedAt !== lapsedAt) this.#save({ ...runner, lapsedAt });
	}

	/** The lease, when this is news. */
	cancel(id: LeaseId): PoolLease | null {
		const lease = this.#leases.get(id);
		if (!lease || lease.canceling) return null;
		this.#change(lease, { canceling: true });
		return lease;
	}

	/**
	 * False when a newer version is known. What must survive sleep is that somebody waits, and with which labels: figures and
	 * an end of the demand are not written, since a claim finds out and brings the present ones.
	 */
	hear(demand: Demand): boolean {
		const repository = `${demand.owner}/${demand.repo}`;
		const known = this.#demands.get(repository);
		if (known && known.version >= demand.version) return false;
		this.#demands.set(repository, demand);
		this.#shards = demand.shards ?? this.#shards;
		const here = this.#byRepository.get(repository) ?? 0;
		this.#elsewhere.set(repository, Math.max(0, (demand.running ?? 0) - here));
		const names = namesOf(demand);
		if (demand.sets.length > 0 && this.#stored.get(repository) !== names) {
			this.#stored.set(repository, names);
			this.#tables.saveDemand(repository, demand);
		}
		return true;
	}

	/** Whether anybody asks for anything. */
	hasDemand(): boolean {
		for (const { sets } of this.#demands.values()) if (sets.length > 0) return true;
		return false;
	}

	/** Of the jobs that could start now if runners were free, this shard's part. */
	get waiting(): number {
		let waiting = 0;
		for (const { sets } of this.#demands.values()) for (const set of sets) waiting += set.waiting;
		return waiting / this.#shards;
	}

	*demands(): Iterable<RepositoryDemand> {
		for (const [repository, { sets, weight = 1 }] of this.#demands) {
			if (sets.length === 0) continue;
			const running = (this.#byRepository.get(repository) ?? 0) + (this.#elsewhere.get(repository) ?? 0);
			yield { repository, sets, running, weight };
		}
	}

	/** As they were told. */
	told(): Iterable<Demand> {
		return this.#demands.values();
	}

	liveRunners(labels: readonly string[], now: Millis): number {
		let live = 0;
		for (const runner of this.#runners.values()) {
			if (!this.#isLive(runner, now)) continue;
			if (labels.length === 0 || fits(labels, new Set(runner.labels))) live++;
		}
		return live;
	}

	forgetGone(now: Millis): void {
		for (const { id, seenAt } of this.#runners.values()) {
			const gone = now - Math.max(seenAt, this.#seen.get(id) ?? 0) > runnerForgottenMs;
			if (!gone || (this.#byRunner.get(id)?.size ?? 0) > 0) continue;
			this.#runners.delete(id);
			this.#seen.delete(id);
			this.#granted.delete(id);
			this.#tables.dropRunner(id);
		}
	}

	figures(
		name: { owner: string; pool: string },
		{ settings, shards, now }: { settings: PoolSettings; shards: number; now: Millis },
	): ShardFigures {
		const runners = [...this.#runners.values()].map((runner) => {
			const leases = this.#byRunner.get(runner.id)?.size ?? 0;
			const state = this.#isLive(runner, now) ? stateOf(leases, settings) : "offline";
			const lastSeenAt = timeText(Math.max(runner.seenAt, this.#seen.get(runner.id) ?? 0));
			const { id, name, labels, capacity } = runner;
			return { id, name, labels, state, capacity, leases, lastSeenAt } as const;
		});
		const demands = [...this.#demands].map(([repository, { version, sets }]) => ({
			...{ repository, version },
			waiting: sets.reduce((sum, set) => sum + set.waiting, 0),
			since: Math.min(now, ...sets.map((set) => set.since)),
		}));
		const idle = runners.filter(({ state }) => state === "idle").length;
		const busy = runners.filter(({ state }) => state === "busy").length;
		const { paused, pauseNote, draining } = settings;
		const own = { ...name, paused, pauseNote, draining, runners, running: this.#leases.size, idle, busy };
		const facts = { ...own, shards, demands, waiting: 0, oldestWaitingSeconds: null };
		return { ...facts, ...sumFigures(facts, [], now) };
	}

	#isLive({ id, seenAt, spent }: PoolRunner, now: Millis): boolean {
		return !spent && now - Math.max(seenAt, this.#seen.get(id) ?? 0) < offlineMs;
	}

	#change(lease: PoolLease, patch: Partial<PoolLease>): void {
		Object.assign(lease, patch);
		this.#tables.saveLease(lease);
	}

	#save(runner: PoolRunner): void {
		this.#runners.set(runner.id, runner);
		this.#tables.saveRunner(runner);
	}

	#index(lease: PoolLease): void {
		this.#leases.set(lease.id, lease);
		const held = this.#byRunner.get(lease.runner) ?? new Set();
		this.#byRunner.set(lease.runner, held.add(lease.id));
		const repository = `${lease.claim.owner}/${lease.claim.repo}`;
		this.#byRepository.set(repository, (this.#byRepository.get(repository) ?? 0) + 1);
	}
}

/** A runner of a draining pool is neither idle nor busy to whoever wants to know where there is room. */
function stateOf(leases: number, { draining }: PoolSettings): "draining" | "busy" | "idle" {
	if (draining) return "draining";
	return leases > 0 ? "busy" : "idle";
}

function asNew(identity: RunnerIdentity): PoolRunner {
	return { ...identity, seenAt: 0, spent: false, instanceId: null, lapsedAt: null };
}

function namesOf({ sets }: Demand): string {
	return JSON.stringify(sets.map(({ labels }) => labels).sort());
}
