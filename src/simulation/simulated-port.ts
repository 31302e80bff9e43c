// The simulation as a port: a repository in memory, a clock moved by hand, chance that is handed in, pools that listen and ask back.
import type { Demand } from "../contracts/objects.ts";
import type { Millis } from "../domain/ids.ts";
import { alarmNearestMs } from "../domain/limits.ts";
import type { QueuePort } from "./queue-port.ts";
import { SimulatedPool } from "./simulated-pool.ts";
import { SimulatedRepository } from "./repository.ts";
import { SimulatedQueue } from "./simulated-queue.ts";

export class SimulatedPort implements QueuePort {
	readonly owner: string;
	readonly queue: SimulatedQueue;
	readonly calls: SimulatedRepository;
	/** Each that was ever told something. */
	readonly pools = new Map<string, SimulatedPool>();
	/** What the next decision that asks for chance is given, in [0, 1). */
	random = 0.5;
	/** When the alarm went off last. */
	lastAlarmAt: Millis | null = null;
	/** Pools that may still believe what they were told before that was forgotten; each learns better when it claims or is asked. */
	readonly misled = new Set<string>();
	/** Pools of which a shard slept and was told nothing since: it knows that something waited, and not how much. */
	readonly slept = new Set<string>();
	#hasLostNews = false;
	#now: Millis;

	constructor(owner: string, now: Millis) {
		this.owner = owner;
		this.#now = now;
		const outside = {
			now: () => this.#now,
			random: () => this.random,
			demand: (demand: Demand, shard: number) => this.hear(demand, shard),
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
		for (const { pool, believed } of this.pools.values()) if (believed?.sets.length) this.misled.add(pool);
	}

	hear(demand: Demand, shard: number): void {
		this.misled.delete(demand.pool);
		this.slept.delete(demand.pool);
		this.#pool(demand.pool).hear(shard, demand, this.#now);
	}

	sleepShard({ pool, shard }: { pool: string; shard: number }): void {
		this.#pool(pool).sleep(shard);
		this.slept.add(pool);
	}

	waitingIn(pool: string): number {
		return this.#pool(pool).waiting(this.#now, (call) => this.queue.answerDemand(call));
	}

	#pool(name: string): SimulatedPool {
		const known = this.pools.get(name) ?? new SimulatedPool(name);
		this.pools.set(name, known);
		return known;
	}
}
