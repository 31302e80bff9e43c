// What repositories want of a shard, as it heard them last: kept in memory, written through to the tables.
import type { Demand } from "../../contracts/objects/objects.ts";
import { DemandBook } from "../../domain/pool/demand-book.ts";
import type { DemandRow, DoubtfulDemand } from "../../domain/pool/demand-book.ts";
import type { Millis } from "../../domain/ids.ts";
import type { RepositoryDemand } from "../../domain/pool/pool.ts";
import type { HeldLeases } from "./held-leases.ts";
import type { PoolTables } from "./pool-tables.ts";

export class HeardDemand {
	readonly #tables: PoolTables;
	readonly #leases: HeldLeases;
	readonly #book = new DemandBook<Demand>();
	/** How many shards share what waits, this one included, as a repository said last. */
	#shards = 1;
	/** By repository, what it held in other shards of the pool when it was heard last. */
	readonly #elsewhere = new Map<string, number>();

	constructor(tables: PoolTables, leases: HeldLeases) {
		this.#tables = tables;
		this.#leases = leases;
		for (const [repository, demand] of tables.demands()) this.#book.recall(repository, demand);
	}

	/** Passed over when a newer version is known. `heardAt` null: another shard of the pool says so, which may be wrong. */
	hear(demand: Demand, heardAt: Millis | null): void {
		const repository = `${demand.owner}/${demand.repo}`;
		const row = this.#book.hear(repository, demand, heardAt);
		if (row !== null) this.#keep(repository, demand, row);
	}

	/** What the repository answered when it was asked; null: nobody knows it any more. */
	learn(repository: string, demand: Demand | null, now: Millis): void {
		const known = this.#book.versionOf(repository);
		const row = this.#book.learn(repository, demand, now);
		if (row === "drop") this.#tables.dropDemand(repository);
		else if (demand !== null && demand.version > known) this.#keep(repository, demand, row);
	}

	#keep(repository: string, demand: Demand, row: DemandRow): void {
		this.#shards = demand.shards ?? this.#shards;
		this.#elsewhere.set(repository, Math.max(0, (demand.running ?? 0) - this.#leases.runningOf(repository)));
		if (row === "save") this.#tables.saveDemand(repository, demand);
	}

	/** Of which repositories it must be asked whether they still want something. */
	doubtful(now: Millis): DoubtfulDemand[] {
		return this.#book.doubtful(now);
	}

	/** The version of what is known of a repository; 0: nothing is. */
	versionOf(repository: string): number {
		return this.#book.versionOf(repository);
	}

	/** Whether anybody asks for anything. */
	get isAny(): boolean {
		for (const [, { sets }] of this.#book.all()) if (sets.length > 0) return true;
		return false;
	}

	/** Of the jobs that could start now if runners were free, this shard's part. */
	get waiting(): number {
		let waiting = 0;
		for (const [, { sets }] of this.#book.all()) for (const set of sets) waiting += set.waiting;
		return waiting / this.#shards;
	}

	/** Of repositories that ask for something. */
	*present(): Iterable<RepositoryDemand> {
		for (const [repository, { sets, weight = 1 }] of this.#book.all()) {
			if (sets.length === 0) continue;
			const running = this.#leases.runningOf(repository) + (this.#elsewhere.get(repository) ?? 0);
			yield { repository, sets, running, weight };
		}
	}

	/** As it came, also of repositories that ask for nothing any more. */
	*heard(): Iterable<Demand> {
		for (const [, demand] of this.#book.all()) yield demand;
	}

	figures(now: Millis) {
		return this.#book.figures(now);
	}
}
