// The simulation as a port: a repository in memory, a clock moved by hand, chance that is handed in, pools that only listen.
import type { Demand } from "../contracts/objects.ts";
import type { Millis } from "../domain/ids.ts";
import { alarmNearestMs } from "../domain/limits.ts";
import type { QueuePort } from "./queue-port.ts";
import { SimulatedRepository } from "./repository.ts";
import { SimulatedQueue } from "./simulated-queue.ts";

export class SimulatedPort implements QueuePort {
	readonly owner: string;
	readonly queue: SimulatedQueue;
	readonly calls: SimulatedRepository;
	/** What each pool was told last: the higher version wins. */
	readonly pools = new Map<string, Demand>();
	/** What the next decision that asks for chance is given, in [0, 1). */
	random = 0.5;
	/** When the alarm went off last. */
	lastAlarmAt: Millis | null = null;
	/** Pools that may still believe what they were told before that was forgotten; each learns better with its next claim. */
	readonly misled = new Set<string>();
	#hasLostNews = false;
	#now: Millis;

	constructor(owner: string, now: Millis) {
		this.owner = owner;
		this.#now = now;
		const outside = {
			now: () => this.#now,
			random: () => this.random,
			demand: (demand: Demand) => this.hear(demand),
		};
		this.queue = new SimulatedQueue({ owner, repo: "web" }, outside);
		this.calls = new SimulatedRepository(this.queue);
	}

	/** Whether nothing that pools were to hear is under way, or was lost and not told again. */
	get isTold(): boolean {
		return !this.#hasLostNews && !this.queue.hasNews;
	}

	now(): Millis {
		return this.#now;
	}

	moveClock(byMs: number): void {
		this.#now += byMs;
	}

	async alarmAt(): Promise<Millis | null> {
		return this.queue.rows.alarmAt;
	}

	async alarm(): Promise<void> {
		const { alarmAt } = this.queue.rows;
		if (alarmAt !== null && alarmAt <= this.#now + alarmNearestMs) {
			this.lastAlarmAt = this.#now;
			this.queue.alarm();
			this.#hasLostNews = false;
		}
	}

	async tell(): Promise<void> {
		this.queue.tell();
	}

	async evict(): Promise<void> {
		this.#hasLostNews ||= this.queue.hasNews;
		this.queue.evict();
		for (const { pool, sets } of this.pools.values()) if (sets.length > 0) this.misled.add(pool);
	}

	hear(demand: Demand): void {
		const known = this.pools.get(demand.pool);
		this.misled.delete(demand.pool);
		if (known === undefined || demand.version > known.version) this.pools.set(demand.pool, demand);
	}
}
