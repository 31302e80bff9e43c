// What the shards of one pool have to do with each other. Shard 0 keeps how many there are, which repositories ask for, and the
// owner's settings, which the others get from it. Runners, leases and their liveness are each shard's own.
import type { Demand, ShardEntry, ShardSettings } from "../../src/contracts/objects/objects.ts";
import type { Env } from "../env.ts";
import type { PoolTables, ShardRow } from "./pool-tables.ts";
import { Outage } from "../../src/contracts/wire/outage.ts";
import { poolCalls } from "../stubs.ts";

export interface PoolName {
	owner: string;
	pool: string;
	shard: number;
}

export class PoolShards {
	readonly #env: Env;
	readonly #tables: PoolTables;
	readonly name: PoolName;
	#row: ShardRow;
	#spreading: Promise<void> | null = null;

	/** `name` is the object's: `owner/pool/shard`. */
	constructor(env: Env, tables: PoolTables, name: string) {
		this.#env = env;
		this.#tables = tables;
		this.#row = tables.shards();
		const [owner = "", pool = "", shard = "0"] = name.split("/");
		this.name = { owner, pool, shard: Number(shard) };
	}

	/** As far as this shard knows; what shard 0 says counts. */
	get count(): number {
		return Math.max(this.#row.count, this.name.shard + 1);
	}

	/** Before its first runner: a shard that shard 0 does not know of is told of no work. Null when it has entered before. */
	async enter(): Promise<ShardEntry | null> {
		if (this.name.shard === 0 || this.#row.entered) return null;
		return poolCalls(this.#env, { ...this.name, shard: 0 }).join(this.name.shard);
	}

	entered(): void {
		this.#save({ entered: true });
	}

	/** Of shard 0: from here on every repository hears that there is one more shard. */
	join(shard: number, settings: ShardSettings, demands: Iterable<Demand>): ShardEntry {
		if (shard >= this.#row.count) this.#save({ count: shard + 1 });
		return { settings, demands: [...demands] };
	}

	/** Tells all other shards, and remembers that it did. Throws an `Outage` when one could not be told. */
	spread(settings: ShardSettings): Promise<void> {
		const done = (this.#spreading ?? Promise.resolve())
			.catch(() => undefined)
			.then(() => this.#spread(settings))
			.finally(() => {
				if (this.#spreading === done) this.#spreading = null;
			});
		this.#spreading = done;
		return done;
	}

	/** What an earlier try left undone is done when somebody asks for work: before that it matters to nobody. */
	spreadAgain(settings: ShardSettings): void {
		if (this.#spreading !== null || this.#row.spread >= settings.version) return;
		this.spread(settings).catch(() => undefined);
	}

	async #spread(settings: ShardSettings): Promise<void> {
		const others = Array.from({ length: this.count - 1 }, (_, at) => at + 1);
		const told = await Promise.allSettled(
			others.map((shard) => poolCalls(this.#env, { ...this.name, shard }).obey(settings)),
		);
		const failed = told.find((result) => result.status === "rejected");
		if (failed) throw new Outage("a part of the pool could not be told", { cause: failed.reason });
		this.#save({ spread: settings.version });
	}

	#save(patch: Partial<ShardRow>): void {
		this.#row = { ...this.#row, ...patch };
		this.#tables.saveShards(this.#row);
	}
}
