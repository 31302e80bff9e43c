// What the shards of one pool have to do with each other. Shard 0 keeps how many there are, which repositories ask for, and the
// owner's settings, which the others get from it. Runners, leases and their liveness are each shard's own.
import type { ShardEntry, ShardSettings } from "../../contracts/objects/objects.ts";
import { Outage } from "../../contracts/wire/outage.ts";
import type { PoolShardName } from "../../contracts/wire/object-name.ts";
import type { PoolMemory } from "./pool-memory.ts";
import type { PoolOutside } from "./pool-ports.ts";
import type { PoolTurns } from "./pool-turns.ts";

export class PoolShards {
	readonly #outside: PoolOutside;
	readonly #name: PoolShardName;
	readonly #turns: PoolTurns;
	#spreading: Promise<void> | null = null;

	constructor({ outside, name }: { outside: PoolOutside; name: PoolShardName }, turns: PoolTurns) {
		this.#outside = outside;
		this.#name = name;
		this.#turns = turns;
	}

	/** As far as this shard knows; what shard 0 says counts. */
	get count(): number {
		return Math.max(this.#turns.memory.shards.count, this.#name.shard + 1);
	}

	/**
	 * Before its first runner: repositories send no demand to a shard that shard 0 does not know of. Null when it has entered
	 * before.
	 */
	async enter(): Promise<ShardEntry | null> {
		if (this.#name.shard === 0 || this.#turns.memory.shards.entered) return null;
		return this.#outside.shard({ ...this.#name, shard: 0 }).join(this.#name.shard);
	}

	/** Of shard 0: from here on every repository hears that there is one more shard. */
	join(memory: PoolMemory, shard: number): ShardEntry {
		if (shard >= memory.shards.count) memory.shards = { ...memory.shards, count: shard + 1 };
		return { settings: memory.settings, demands: [...memory.demand.heard()] };
	}

	/** Tells all other shards, and remembers that it did. Throws an `Outage` when one did not answer. */
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
	spreadAgain(): void {
		const { settings, shards } = this.#turns.memory;
		if (this.#spreading !== null || shards.spread >= settings.version) return;
		this.spread(settings).catch(() => undefined);
	}

	async #spread(settings: ShardSettings): Promise<void> {
		const others = Array.from({ length: this.count - 1 }, (_, at) => at + 1);
		const answers = await Promise.allSettled(
			others.map((shard) => this.#outside.shard({ ...this.#name, shard }).obey(settings)),
		);
		const failed = answers.find((result) => result.status === "rejected");
		if (failed) throw new Outage("a part of the pool could not be told", { cause: failed.reason });
		this.#turns.take((memory) => {
			memory.shards = { ...memory.shards, spread: settings.version };
		});
	}
}
