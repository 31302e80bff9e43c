// The backstop for a lease that its pool forgot, or whose pool's alarm is gone: now and then the sweep asks each pool whether it
// still has the leases of what runs here. Only what has started is asked for: what has not lapses by itself.
import type { LeaseIdentity } from "../../contracts/objects/objects.ts";
import { jobIdFrom } from "../../domain/ids.ts";
import type { Millis } from "../../domain/ids.ts";
import type { RepoOutside } from "./repo-ports.ts";
import type { RepoQueue } from "./repo-queue.ts";

/** A sweep comes each minute; a lease that nobody looks after may go on for some minutes, and each question costs a request. */
const askEveryMs = 120_000;

export class RepoLeases {
	readonly #outside: RepoOutside;
	/** In memory alone: an object that woke asks at once, and that is when a lease may have been forgotten. */
	#askedAt: Millis = 0;

	constructor(outside: RepoOutside) {
		this.#outside = outside;
	}

	/** Those that their pools do not have. Empty when it was asked lately; a pool that does not answer is asked another time. */
	async findForgotten(queue: RepoQueue, now: Millis): Promise<LeaseIdentity[]> {
		const { repository } = queue;
		if (repository === null || now - this.#askedAt < askEveryMs) return [];
		this.#askedAt = now;
		const { owner, repo } = repository;
		const held = queue.tables.heldJobs().map(({ run, index, attempt, epoch, lease }) => {
			const { id, pool, shard } = lease;
			const identity = { owner, repo, pool, shard, job: jobIdFrom(run, index), attempt: attempt.number, epoch };
			return { id, identity };
		});
		// A lease is kept by the shard of its runner, and by no other.
		const groups = [...Map.groupBy(held, ({ identity }) => `${identity.pool} ${identity.shard}`).values()];
		const asked = groups.map(async (leases) => {
			const [first] = leases;
			if (!first) return [];
			const known = new Set(await this.#outside.pool(first.identity).holds(leases.map(({ id }) => id)));
			return leases.flatMap(({ id, identity }) => (known.has(id) ? [] : [identity]));
		});
		// Only a pool that answered has forgotten anything: to take silence for "no" would end jobs that run.
		const answers = await Promise.allSettled(asked);
		return answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
	}
}
