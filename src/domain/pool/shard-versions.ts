// Which version of a repository's demand each shard of its pools has heard last: shards that have the present one are not called.
import type { VersionedDemand } from "./demand-book.ts";
import { isOnlyLess } from "./pool.ts";

export class ShardVersions {
	/** By `pool/shard`. */
	readonly #versions = new Map<string, number>();

	heard(pool: string, shard: number, version: number): void {
		this.#versions.set(`${pool}/${shard}`, version);
	}

	/** Shards from one number to another that have not heard this version. */
	behind(pool: string, version: number, { from, to }: { from: number; to: number }): number[] {
		const shards = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
		return shards.filter((shard) => this.#versions.get(`${pool}/${shard}`) !== version);
	}

	/**
	 * The shard that claimed reads what is left in the answer. The others, if they knew what there was before, need not hear
	 * that there is less now [P10]: a call to each for every job would be the load that shards are there to share.
	 */
	claimed(
		{ pool, shard, shards }: { pool: string; shard: number; shards: number },
		before: VersionedDemand,
		after: VersionedDemand,
	): void {
		const isLess = isOnlyLess(before.sets, after.sets);
		for (let other = 0; other < shards; other++) {
			const knewBefore = this.#versions.get(`${pool}/${other}`) === before.version;
			if (other === shard || (isLess && knewBefore)) this.heard(pool, other, after.version);
		}
	}
}
