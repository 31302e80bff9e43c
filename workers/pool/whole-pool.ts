// A pool as its owner sees it: its shards asked together. Shard 0 knows how many there are, so it is asked first.
import type { PoolCalls, ShardFigures, WholePool } from "../../src/contracts/objects/objects.ts";
import { sumFigures } from "../../src/contracts/objects/pool-figures.ts";
import type { Env } from "../env.ts";
import { poolCalls } from "../bindings/stubs.ts";

export function wholePool(env: Env, { owner, pool }: { owner: string; pool: string }): WholePool {
	const shard = (at: number) => poolCalls(env, { owner, pool, shard: at });
	/** Which shard a runner is in stands in its token alone, and the number of shards may have changed since. */
	const ask = async <T>(question: (calls: PoolCalls) => Promise<T | null>): Promise<T | null> => {
		const { shards } = await shard(0).figures();
		const answers = Array.from({ length: shards }, (_, at) => question(shard(at)));
		return (await Promise.all(answers)).find((answer) => answer !== null) ?? null;
	};
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
		setRunner: (runner, patch) => ask((calls) => calls.setRunner(runner, patch)),
		removeRunner: (runner) => ask((calls) => calls.removeRunner(runner)),
	};
}
