// Whether a shard hands out jobs, as the pool's owner says: paused, or draining, which its runners are told too. Said to shard 0,
// which tells repositories and the other shards.
import type { ShardSettings } from "../../contracts/objects/objects.ts";
import type { PoolPatch } from "../../contracts/http/runner.ts";
import { drainOverCloseCode } from "../../contracts/wire/sockets/close-code.ts";
import type { Session } from "../../contracts/wire/sockets/runner-socket.ts";
import { readRepoObjectName } from "../../contracts/wire/object-name.ts";
import type { Millis } from "../../domain/ids.ts";
import { pauseOf } from "../../domain/pool/pool.ts";
import type { PoolPause } from "../../domain/pool/pool.ts";
import type { PoolLiveness } from "./runners/pool-liveness.ts";
import type { PoolMemory } from "./pool-memory.ts";
import type { PoolOutside, RunnerSocket } from "./pool-ports.ts";
import type { PoolTurns } from "./pool-turns.ts";

/** Repositories that hear of a pause at once; the others hear of it with their next demand, half a minute later at most. */
const notifiedMax = 100;

export class ShardPause {
	readonly #outside: PoolOutside;
	readonly #turns: PoolTurns;
	readonly #liveness: PoolLiveness;

	constructor(outside: PoolOutside, turns: PoolTurns, liveness: PoolLiveness) {
		this.#outside = outside;
		this.#turns = turns;
		this.#liveness = liveness;
	}

	/** Null: jobs are handed out. */
	get present(): PoolPause | null {
		return pauseOf(this.#turns.memory.settings);
	}

	/** Of shard 0: new settings, in the order in which they were said. */
	change(pool: string, patch: PoolPatch): void {
		this.#turns.take((memory, now) => {
			const { paused, pauseNote, draining, version } = memory.settings;
			const said = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
			this.#adopt(memory, now, { paused, pauseNote, draining, ...said, version: Math.max(version + 1, now) });
			const pause = pauseOf(memory.settings);
			for (const { repository } of [...memory.demand.present()].slice(0, notifiedMax)) {
				memory.afterCommit(() => {
					this.#outside
						.repo(readRepoObjectName(repository))
						.hearPause({ pool, pause })
						.catch(() => undefined);
				});
			}
		});
	}

	/** Of the other shards: what shard 0 says, unless it is older than what is known. */
	obey(memory: PoolMemory, now: Millis, settings: ShardSettings): void {
		if (settings.version > memory.settings.version) this.#adopt(memory, now, settings);
	}

	#adopt(memory: PoolMemory, now: Millis, settings: ShardSettings): void {
		const before = memory.settings;
		memory.settings = settings;
		if (settings.draining === before.draining) return;
		for (const [socket, session] of [...memory.connections.sessions()]) {
			if (settings.draining) greet(memory, socket, session);
			else if (memory.runners.get(session.runner.id)?.draining !== true) this.#end(memory, now, { socket, session });
		}
	}

	/** One runner is to go, or stays after all: it hears so as it hears the pool's wish. One that is not known is passed over. */
	drainRunner(id: string, draining: boolean): void {
		this.#turns.take((memory, now) => {
			const runner = memory.runners.get(id);
			if (runner === null || runner.draining === draining) return;
			memory.runners.save({ ...runner, draining });
			for (const [socket, session] of [...memory.connections.sessions()]) {
				if (session.runner.id !== id) continue;
				if (draining) greet(memory, socket, session);
				else if (!memory.settings.draining) this.#end(memory, now, { socket, session });
			}
		});
	}

	#end(memory: PoolMemory, now: Millis, { socket, session }: { socket: RunnerSocket; session: Session }): void {
		// A wish to drain ends with the session that heard it: its runner comes back and names its leases.
		memory.connections.close(socket, drainOverCloseCode, "work is wanted again");
		this.#liveness.detach(memory, session.runner.id, now);
	}
}

/** Whether a runner is to finish what it holds and go. */
export function isDraining({ settings, runners }: PoolMemory, runner: string): boolean {
	return settings.draining || runners.get(runner)?.draining === true;
}

/** A session that begins, or is there, while the pool or its runner drains. */
export function greet(memory: PoolMemory, socket: RunnerSocket, { runner }: Session): void {
	if (isDraining(memory, runner.id)) memory.connections.send(socket, { type: "drain" });
}
