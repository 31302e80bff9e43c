// Whether a pool hands out jobs, as its owner says: paused, or draining, which its runners are told too. Kept in mind, written
// through to the tables.
import type { PoolPatch } from "../src/contracts/runner.ts";
import { pauseOf } from "../src/domain/pool.ts";
import type { PoolPause as Pause, PoolSettings } from "../src/domain/pool.ts";
import type { Env } from "./env.ts";
import type { PoolLiveness } from "./pool-liveness.ts";
import type { PoolMembers } from "./pool-members.ts";
import type { PoolSockets, Session } from "./pool-sockets.ts";
import type { PoolTables } from "./pool-tables.ts";
import { repoCalls } from "./stubs.ts";

/** A wish to drain ends with the session that heard it, so this ends the session; its runner comes back and names its leases. */
const drainOverCloseCode = 1_012;
/** Repositories that are told at once; the others hear of it with their next demand, half a minute later at most. */
const toldMax = 100;

export class PoolPause {
	readonly #tables: PoolTables;
	readonly #members: PoolMembers;
	readonly #sockets: PoolSockets;
	readonly #liveness: PoolLiveness;
	#settings: PoolSettings;

	constructor(parts: { tables: PoolTables; members: PoolMembers; sockets: PoolSockets; liveness: PoolLiveness }) {
		this.#tables = parts.tables;
		this.#members = parts.members;
		this.#sockets = parts.sockets;
		this.#liveness = parts.liveness;
		this.#settings = parts.tables.settings();
	}

	get settings(): PoolSettings {
		return this.#settings;
	}

	/** Null: jobs are handed out. */
	get present(): Pause | null {
		return pauseOf(this.#settings);
	}

	change(env: Env, pool: string, patch: PoolPatch): void {
		const before = this.#settings;
		const { paused = before.paused, pauseNote = before.pauseNote, draining = before.draining } = patch;
		this.#settings = { paused, pauseNote, draining };
		this.#tables.saveSettings(this.#settings);
		if (draining !== before.draining) {
			for (const [socket, session] of [...this.#sockets.sessions()]) {
				if (draining) this.greet(socket);
				else this.#end(socket, session);
			}
		}
		for (const { repository } of [...this.#members.demands()].slice(0, toldMax)) {
			const [owner = "", repo = ""] = repository.split("/");
			void repoCalls(env, { owner, repo })
				.hearPause({ pool, pause: this.present })
				.catch(() => undefined);
		}
	}

	#end(socket: WebSocket, { runner }: Session): void {
		this.#sockets.close(socket, drainOverCloseCode, "the pool drains no longer");
		this.#liveness.detach(runner.id);
	}

	/** A session that begins, or is there, while the pool drains. */
	greet(socket: WebSocket): void {
		if (this.#settings.draining) this.#sockets.send(socket, { type: "drain" });
	}
}
