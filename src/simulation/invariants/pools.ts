// What pools and repositories believe of each other, once all that is under way has arrived. [P20] [P21]
import { leaseStateOf } from "../../domain/run/decide.ts";
import { fits } from "../../domain/pool/pool.ts";
import type { Facts, Stored } from "../facts.ts";
import { startable } from "../facts.ts";
import type { SimulatedPort } from "../world/simulated-port.ts";

/** A lease is held once: by one shard of its pool, and by the runner that the repository granted it to. */
export function holdsEachLeaseOnce({ after, port }: Facts): string | null {
	const holders = new Map<string, number>();
	for (const pool of port.pools.values()) {
		for (const { id, shard, identity } of pool.leases) {
			if (holders.has(id)) return `lease ${id} is held by shards ${holders.get(id)} and ${shard}`;
			holders.set(id, shard);
			if (identity.shard !== shard || identity.pool !== pool.pool)
				return `lease ${id} is held by a shard that it is not of`;
			const job = after.jobs.get(identity.job);
			if (job === undefined || job.epoch < identity.epoch) return `a pool holds lease ${id}, which nobody granted`;
		}
	}
	return null;
}

/** A lease that is over is held by no pool as soon as all that is new was told. */
export function holdsWhatLives({ after, port }: Facts): string | null {
	if (!port.isTold || !port.hasLostNoEnds) return null;
	for (const pool of port.pools.values()) {
		for (const { id, identity } of pool.leases) {
			if (leaseStateOf(after.jobs.get(identity.job) ?? null, identity) === "lost")
				return `lease ${id} is over, and a pool holds it`;
		}
	}
	return null;
}

/** A job that could start and was not handed out, though a runner that fits it has room. */
export function findLeftWaiting(port: SimulatedPort, stored: Stored): string | null {
	for (const job of startable(stored)) {
		const pool = port.pools.get(job.spec.pool);
		for (const { engine } of pool?.shards ?? []) {
			const { runners, members } = engine.memory;
			const free = [...runners.all()].find(
				(runner) =>
					pool?.runners.find(({ identity }) => identity.id === runner.id)?.isWilling === true &&
					// One whose machine failed is tried again with the next demand, half a minute later at most.
					(runner.faults ?? 0) === 0 &&
					job.avoids !== runner.id &&
					fits(job.spec.labels, new Set(runner.labels)) &&
					members.freeSlots(runner, null, port.now()) > 0,
			);
			if (free) return `[P21] job ${job.id} could start, runner ${free.id} has room, and it is not handed out`;
		}
	}
	return null;
}
