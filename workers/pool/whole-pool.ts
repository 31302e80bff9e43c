// A pool as its owner sees it: its shards asked together. Shard 0 knows how many there are, so it is asked first.
import type { PoolCalls, ShardFigures, WholePool } from "../../src/contracts/objects/objects.ts";
import type { PoolFigures } from "../../src/contracts/http/runner.ts";
import type { PoolShardName } from "../../src/contracts/wire/object-name.ts";
import { sumFigures } from "../../src/contracts/objects/pool-figures.ts";
import { asOutage } from "../../src/contracts/wire/outage.ts";
import type { Millis } from "../../src/domain/ids.ts";
import type { Env } from "../env.ts";
import { poolCalls } from "../bindings/stubs.ts";

const poolsKept = 200;
/** By pool, the last figures of this isolate, and of when they are: shown while a shard does not answer. */
const lastFigures = new Map<string, { value: PoolFigures; asOf: Millis }>();

/** `calls`: how a shard is called, unless it is called as ever. */
export function wholePool(
	env: Env,
	{ owner, pool }: { owner: string; pool: string },
	calls = (name: PoolShardName): PoolCalls => poolCalls(env, name),
): WholePool {
	const shard = (at: number) => calls({ owner, pool, shard: at });
	/** Which shard a runner is in stands in its token alone, and the number of shards may have changed since. */
	const ask = async <T>(question: (calls: PoolCalls) => Promise<T | null>): Promise<T | null> => {
		const { shards } = await shard(0).figures();
		const answers = Array.from({ length: shards }, (_, at) => question(shard(at)));
		return (await Promise.all(answers)).find((answer) => answer !== null) ?? null;
	};
	const figures = async () => {
		const at = Date.now();
		const first = await shard(0).figures();
		const rest = Array.from({ length: first.shards - 1 }, (_, at): Promise<ShardFigures> => shard(at + 1).figures());
		const value = sumFigures(first, await Promise.all(rest), Date.now());
		if (lastFigures.size >= poolsKept) lastFigures.clear();
		lastFigures.set(`${owner}/${pool}`, { value, asOf: at });
		return value;
	};
	return {
		figures,
		async seen() {
			try {
				return { value: await figures(), asOf: null };
			} catch (cause) {
				const known = lastFigures.get(`${owner}/${pool}`);
				if (known === undefined || asOutage(cause) === null) throw cause;
				return known;
			}
		},
		async configure(patch) {
			await shard(0).configure(patch);
			return figures();
		},
		setRunner: (runner, patch) => ask((calls) => calls.setRunner(runner, patch)),
		removeRunner: (runner) => ask((calls) => calls.removeRunner(runner)),
	};
}
