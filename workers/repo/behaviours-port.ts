// The real RepoObject as a port: its clock moved by hand, its alarm set off when its time has come, its memory taken away.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import type { Millis } from "../../src/domain/ids.ts";
import { alarmNearestMs } from "../../src/domain/limits.ts";
import type { QueueCalls, QueuePort } from "../../src/simulation/world/queue-port.ts";
import type { Repo } from "./queue-fixture.ts";
import { aRepository, repoOf } from "./queue-fixture.ts";

/** Far enough ahead of the real clock that the runtime never sets off an alarm by itself. */
const aheadMs = 400 * 86_400_000;

export class ObjectPort implements QueuePort {
	readonly #repo: Repo;
	#now: Millis;

	private constructor(repo: Repo, now: Millis) {
		this.#repo = repo;
		this.#now = now;
	}

	/** `vi.useRealTimers()` ends what this begins. `now` is far ahead too. */
	static async open(place?: { owner: string; now: Millis }): Promise<ObjectPort> {
		const now = place?.now ?? Math.floor(Date.now() / 1_000) * 1_000 + aheadMs;
		vi.useFakeTimers({ toFake: ["Date"], now });
		return new ObjectPort(await aRepository({}, place?.owner), now);
	}

	get owner(): string {
		return this.#repo.owner;
	}

	/** A new stub each time: one is broken after its object was evicted. */
	get calls(): QueueCalls {
		return repoOf(this.#repo) as unknown as QueueCalls;
	}

	now(): Millis {
		return this.#now;
	}

	moveClock(byMs: number): void {
		this.#now += byMs;
		vi.setSystemTime(this.#now);
	}

	async alarmAt(): Promise<Millis | null> {
		return runInDurableObject(repoOf(this.#repo), (_, { storage }) => storage.getAlarm());
	}

	async alarm(): Promise<void> {
		const at = await this.alarmAt();
		if (at !== null && at <= this.#now + alarmNearestMs) await runDurableObjectAlarm(repoOf(this.#repo));
	}

	async tell(): Promise<void> {}

	async hear(): Promise<void> {}

	/** The real pools sleep and are asked in tests of their own. */
	sleepShard(): void {}

	/** The runtime's archive fails in tests of its own. */
	failNextPut(): void {}

	async waitingIn(): Promise<number> {
		return 0;
	}

	async evict(): Promise<void> {
		await evictDurableObject(repoOf(this.#repo));
	}
}
