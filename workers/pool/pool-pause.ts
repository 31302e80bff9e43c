// Whether a pool hands out jobs, as its owner says: paused, or draining, which its runners are told too. Kept in mind, written
// through to the tables. Said to shard 0, which tells repositories and the other shards.
import type { ShardSettings } from "../../src/contracts/objects/objects.ts";
import type { PoolPatch } from "../../src/contracts/http/runner.ts";
import { drainOverCloseCode } from "../../src/contracts/wire/close-code.ts";
import { pauseOf } from "../../src/domain/pool/pool.ts";
import type { PoolPause as Pause } from "../../src/domain/pool/pool.ts";
import type { Env } from "../env.ts";
import type { PoolLiveness } from "./pool-liveness.ts";
import type { PoolMembers } from "./pool-members.ts";
import type { PoolRunners } from "./pool-runners.ts";
import type { PoolSockets, Session } from "./pool-sockets.ts";
import type { PoolTables } from "./pool-tables.ts";
import { repoCalls } from "../stubs.ts";

/** Repositories that are told at once; the others hear of it with their next demand, half a minute later at most. */
const toldMax = 100;

export class PoolPause {
	readonly #tables: PoolTables;
	readonly #runners: PoolRunners;
	readonly #members: PoolMembers;
	readonly #sockets: PoolSockets;
	readonly #liveness: PoolLiveness;
	#settings: ShardSettings;

	constructor(parts: {
		tables: PoolTables;
		runners: PoolRunners;
		members: PoolMembers;
		sockets: PoolSockets;
		liveness: PoolLiveness;
	}) {
		this.#tables = parts.tables;
		this.#runners = parts.runners;
		this.#members = parts.members;
		this.#sockets = parts.sockets;
		this.#liveness = parts.liveness;
		this.#settings = parts.tables.settings();
	}

	get settings(): ShardSettings {
		return this.#settings;
	}

	/** Null: jobs are handed out. */
	get present(): Pause | null {
		return pauseOf(this.#settings);
	}

	/** Of shard 0: new settings, in the order in which they were said. */
	change(env: Env, pool: string, patch: PoolPatch): void {
		const { paused, pauseNote, draining, version } = this.#settings;
		const said = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
		this.#take({ paused, pauseNote, draining, ...said, version: Math.max(version + 1, Date.now()) });
		for (const { repository } of [...this.#members.demands()].slice(0, toldMax)) {
			const [owner = "", repo = ""] = repository.split("/");
			void repoCalls(env, { owner, repo })
				.hearPause({ pool, pause: this.present })
				.catch(() => undefined);
		}
	}

	/** Of the other shards: what shard 0 says, unless it is older than what is known. */
	obey(settings: ShardSettings): void {
		if (settings.version > this.#settings.version) this.#take(settings);
	}

	#take(settings: ShardSettings): void {
		const before = this.#settings;
		this.#settings = settings;
		this.#tables.saveSettings(settings);
		if (settings.draining === before.draining) return;
		for (const [socket, session] of [...this.#sockets.sessions()]) {
			if (settings.draining) this.greet(socket, session);
			else if (this.#runners.get(session.runner.id)?.draining !== true) this.#end(socket, session);
		}
	}

	/** One runner is to go, or stays after all: told to it as the pool's wish is. False when it is not known. */
	drainRunner(id: string, draining: boolean): boolean {
		const runner = this.#runners.get(id);
		if (runner === null) return false;
		if (runner.draining === draining) return true;
		this.#runners.save({ ...runner, draining });
		for (const [socket, session] of [...this.#sockets.sessions()]) {
			if (session.runner.id !== id) continue;
			if (draining) this.greet(socket, session);
			else if (!this.#settings.draining) this.#end(socket, session);
		}
		return true;
	}

	#end(socket: WebSocket, { runner }: Session): void {
		// A wish to drain ends with the session that heard it: its runner comes back and names its leases.
		this.#sockets.close(socket, drainOverCloseCode, "work is wanted again");
		this.#liveness.detach(runner.id);
	}

	/** Whether a runner is to finish what it holds and go. */
	isDraining(runner: string): boolean {
		return this.#settings.draining || this.#runners.get(runner)?.draining === true;
	}

	/** A session that begins, or is there, while the pool or its runner drains. */
	greet(socket: WebSocket, { runner }: Session): void {
		if (this.isDraining(runner.id)) this.#sockets.send(socket, { type: "drain" });
	}
}
