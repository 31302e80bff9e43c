// A pool's figures out of its shards'. Runners and leases are each in one shard and add up; what waits, all of them heard
// alike, so of each repository the newest version counts, and once.
import type { ShardFigures } from "./objects.ts";
import type { PoolFigures } from "../http/runner.ts";

/** `first` is shard 0's, which has the owner's settings. */
export function sumFigures(first: ShardFigures, rest: readonly ShardFigures[], now: number): PoolFigures {
	const all = [first, ...rest];
	const newest = new Map<string, ShardFigures["demands"][number]>();
	for (const demand of all.flatMap(({ demands }) => demands)) {
		const known = newest.get(demand.repository);
		if (known === undefined || demand.version > known.version) newest.set(demand.repository, demand);
	}
	const waiting = [...newest.values()].filter((demand) => demand.waiting > 0);
	const oldest = Math.min(...waiting.map(({ since }) => since));
	const { owner, pool, paused, pauseNote, draining } = first;
	return {
		...{ owner, pool, paused, pauseNote, draining },
		runners: all.flatMap(({ runners }) => runners),
		waiting: sum(waiting.map((demand) => demand.waiting)),
		running: sum(all.map(({ running }) => running)),
		idle: sum(all.map(({ idle }) => idle)),
		busy: sum(all.map(({ busy }) => busy)),
		oldestWaitingSeconds: waiting.length === 0 ? null : Math.max(0, now - oldest) / 1_000,
	};
}

function sum(values: readonly number[]): number {
	return values.reduce((total, value) => total + value, 0);
}
