// What a shard keeps in memory: one value, read from the tables and from what is attached to the sockets. A turn changes it; when
// the turn breaks off, the whole value is dropped and read anew.
import type { ShardSettings } from "../../contracts/objects/objects.ts";
import type { Millis } from "../../domain/ids.ts";
import { Connections } from "./runners/connections.ts";
import { HeardDemand } from "./heard-demand.ts";
import { HeldLeases } from "./held-leases.ts";
import { PoolMembers } from "./runners/pool-members.ts";
import type { RunnerSockets } from "./pool-ports.ts";
import { PoolRunners } from "./runners/pool-runners.ts";
import type { Look, PoolTables, ShardRow } from "./pool-tables.ts";

export class PoolMemory {
	readonly #tables: PoolTables;
	readonly runners: PoolRunners;
	readonly leases: HeldLeases;
	readonly members: PoolMembers;
	readonly demand: HeardDemand;
	readonly connections: Connections;
	/** Does this once the turn is committed, and not at all when it breaks off. */
	readonly afterCommit: (effect: () => void) => void;
	#settings: ShardSettings;
	#shards: ShardRow;
	#look: Look;
	/** To when the alarm was set; 0: it was not, as far as this memory goes. */
	nextLookAt: Millis = 0;

	constructor(
		{ tables, sockets }: { tables: PoolTables; sockets: RunnerSockets },
		afterCommit: (effect: () => void) => void,
	) {
		this.#tables = tables;
		this.afterCommit = afterCommit;
		this.runners = new PoolRunners(tables);
		this.leases = new HeldLeases(tables);
		this.members = new PoolMembers(this.runners, this.leases);
		this.demand = new HeardDemand(tables, this.leases);
		this.connections = new Connections(sockets, afterCommit);
		this.#settings = tables.settings();
		this.#shards = tables.shards();
		this.#look = tables.look();
	}

	get settings(): ShardSettings {
		return this.#settings;
	}

	set settings(settings: ShardSettings) {
		this.#settings = settings;
		this.#tables.saveSettings(settings);
	}

	get shards(): ShardRow {
		return this.#shards;
	}

	set shards(shards: ShardRow) {
		this.#shards = shards;
		this.#tables.saveShards(shards);
	}

	get look(): Look {
		return this.#look;
	}

	set look(look: Look) {
		this.#look = look;
		this.#tables.saveLook(look);
	}
}
