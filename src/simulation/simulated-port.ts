// The simulation as a port: a repository in memory, a clock moved by hand, chance that is handed in, pools that only listen.
import type { Demand } from "../contracts/objects.ts";
import type { Millis } from "../domain/ids.ts";
import { alarmNearestMs } from "../domain/limits.ts";
import type { QueuePort } from "./queue-port.ts";
import { SimulatedRepository } from "./repository.ts";

export class SimulatedPort implements QueuePort {
	readonly owner: string;
	readonly calls: SimulatedRepository;
	/** What each pool was told last: the higher version wins. */
	readonly pools = new Map<string, Demand>();
	/** What the next decision that asks for chance is given, in [0, 1). */
	random = 0.5;
	#now: Millis;

	constructor(owner: string, now: Millis) {
		this.owner = owner;
		this.#now = now;
		this.calls = new SimulatedRepository(owner, {
			now: () => this.#now,
			random: () => this.random,
			demand: (demand) => this.hear(demand),
		});
	}

	now(): Millis {
		return this.#now;
	}

	moveClock(byMs: number): void {
		this.#now += byMs;
	}

	async alarmAt(): Promise<Millis | null> {
		return this.calls.rows.alarmAt;
	}

	async alarm(): Promise<void> {
		const { alarmAt } = this.calls.rows;
		if (alarmAt !== null && alarmAt <= this.#now + alarmNearestMs) this.calls.alarm();
	}

	async evict(): Promise<void> {
		this.calls.evict();
	}

	hear(demand: Demand): void {
		const known = this.pools.get(demand.pool);
		if (known === undefined || demand.version > known.version) this.pools.set(demand.pool, demand);
	}
}
