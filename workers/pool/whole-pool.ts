// A pool as its owner sees it: its shards asked together. Shard 0 knows how many there are, so it is asked first.
import type { ShardFigures, WholePool } from "../../src/contracts/objects.ts";
import { sumFigures } from "../../src/contracts/pool-figures.ts";
import type { Env } from "../env.ts";
import { poolCalls } from "../stubs.ts";

export function wholePool(env: Env, { owner, pool }: { owner: string; pool: string }): WholePool {
	const shard = (at: number) => poolCalls(env, { owner, pool, shard: at });
	const figures = async () => {
		const first = await shard(0).figures();
		const rest = Array.from({ length: first.shards - 1 }, (_, at): Promise<ShardFigures> => shard(at + 1).figures());
		return sumFigures(first, await Promise.all(rest), Date.now());
	};
	return {
		figures,
		async configure(patch) {
			await shard(0).configure(patch);
			return figures();
		},
	};
}
