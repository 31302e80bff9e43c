// The leases that a shard's runners hold. Renewals are written rarely, since liveness must not cost a write per heartbeat.
import type { LeaseIdentity } from "../../contracts/objects/objects.ts";
import type { LeaseId, Millis } from "../../domain/ids.ts";
import { leaseIdFrom } from "../../domain/ids.ts";
import { heartbeatSeconds } from "../../domain/limits.ts";
import type { PoolLease, PoolTables } from "./pool-tables.ts";

/** A renewal is written when the stored one is this old: well under `renewSeconds`, so an eviction never makes a lease look lost. */
const renewalWrittenMs = heartbeatSeconds * 1_000;

export class HeldLeases {
	readonly #tables: PoolTables;
	readonly #leases = new Map<LeaseId, PoolLease>();
	readonly #byRunner = new Map<string, Set<LeaseId>>();
	readonly #byRepository = new Map<string, number>();

	constructor(tables: PoolTables) {
		this.#tables = tables;
		for (const lease of tables.leases()) this.#index(lease);
	}

	all(): Iterable<PoolLease> {
		return this.#leases.values();
	}

	get count(): number {
		return this.#leases.size;
	}

	get(id: LeaseId): PoolLease | null {
		return this.#leases.get(id) ?? null;
	}

	of(runner: string): PoolLease[] {
		return [...(this.#byRunner.get(runner) ?? [])].flatMap((id) => this.#leases.get(id) ?? []);
	}

	countOf(runner: string): number {
		return this.#byRunner.get(runner)?.size ?? 0;
	}

	/** How many slots a repository holds here. */
	runningOf(repository: string): number {
		return this.#byRepository.get(repository) ?? 0;
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
		for (const lease of this.of(runner)) if (lease.session) lease.renewedAt = Math.max(lease.renewedAt, at);
	}

	/** The runner holds this over a session from now on. */
	attach(lease: PoolLease): void {
		if (!lease.session) this.#change(lease, { session: true });
	}

	/** Its session is gone: the lease has until `renewSeconds` after `renewedAt` to be named again. */
	detach(lease: PoolLease, renewedAt: Millis): void {
		this.#change(lease, { session: false, renewedAt });
	}

	hold(runner: string, identity: LeaseIdentity, { now, session }: { now: Millis; session: boolean }): void {
		const id = leaseIdFrom(identity.job, identity.epoch);
		const lease = { id, runner, grantedAt: now, renewedAt: now, canceling: false, session, identity };
		this.#tables.saveLease(lease);
		this.#index(lease);
	}

	/** The lease, when it was held until now. */
	drop(id: LeaseId): PoolLease | null {
		const lease = this.#leases.get(id);
		if (!lease) return null;
		this.#leases.delete(id);
		this.#tables.dropLease(id);
		this.#byRunner.get(lease.runner)?.delete(id);
		const repository = repositoryOf(lease);
		this.#byRepository.set(repository, Math.max(0, this.runningOf(repository) - 1));
		return lease;
	}

	/** The lease, when this is news. */
	cancel(id: LeaseId): PoolLease | null {
		const lease = this.#leases.get(id);
		if (!lease || lease.canceling) return null;
		this.#change(lease, { canceling: true });
		return lease;
	}

	#change(lease: PoolLease, patch: Partial<PoolLease>): void {
		Object.assign(lease, patch);
		this.#tables.saveLease(lease);
	}

	#index(lease: PoolLease): void {
		this.#leases.set(lease.id, lease);
		const held = this.#byRunner.get(lease.runner) ?? new Set();
		this.#byRunner.set(lease.runner, held.add(lease.id));
		const repository = repositoryOf(lease);
		this.#byRepository.set(repository, this.runningOf(repository) + 1);
	}
}

export function repositoryOf({ identity }: PoolLease): string {
	return `${identity.owner}/${identity.repo}`;
}
