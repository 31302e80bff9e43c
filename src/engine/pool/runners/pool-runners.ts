// The runners of a pool shard: who is registered, when each was heard of, who is to go and who may not come back. Kept in
// memory, written through to the tables, and rarely for a sign of life, which must not cost a write.
import type { NotKnown, RunnerIdentity, RunnerWord } from "../../../contracts/objects/objects.ts";
import type { Millis } from "../../../domain/ids.ts";
import { ephemeralForgottenMs, idempotencyKeptMs, renewSeconds, runnerForgottenMs } from "../../../domain/limits.ts";
import { limitOf } from "../../../domain/limit/limit-table.ts";
import { accept, refuse } from "../../../domain/refusal.ts";
import type { Result } from "../../../domain/refusal.ts";
import type { PoolRunner, PoolTables } from "../pool-tables.ts";

/** Of one shard. */
const poolRunnersMax = limitOf("pool-runners");
const seenWrittenMs = 60_000;
/** A runner nobody heard of for this long is offline: two missed long polls and the coarseness of what is stored. */
const offlineMs = 90_000;
/** One whose session was closed has as long to open another as its leases have. */
const closedOfflineMs = renewSeconds * 1_000;
/** Replaced processes that are remembered of each runner: they come back within seconds or not at all. */
const replacedKept = 8;

/** Ended tokens that are remembered while the object lives: for what was on its way here when they ended. */
const endedTokensKept = 1_000;

/** How a lease ended, as far as it says something of its runner. */
export type LeaseEnd = "over" | "lapsed" | "faulted";

export class PoolRunners {
	readonly #tables: PoolTables;
	readonly #runners = new Map<string, PoolRunner>();
	/** When each was last heard of; the stored instant is coarser. */
	readonly #seen = new Map<string, Millis>();
	readonly #endedTokens = new Set<string>();

	constructor(tables: PoolTables) {
		this.#tables = tables;
		for (const runner of tables.runners()) this.#runners.set(runner.id, runner);
	}

	all(): Iterable<PoolRunner> {
		return this.#runners.values();
	}

	get(id: string): PoolRunner | null {
		return this.#runners.get(id) ?? null;
	}

	/**
	 * `key` is where the id begins if the request had an idempotency key, and the rest of it is the request: so the same request
	 * finds itself, and another one with that key finds that it is not the first.
	 */
	register(identity: RunnerIdentity, key: string | null, now: Millis): Result<{ replayed: boolean }> {
		const { id } = identity;
		if (this.#runners.has(id) || this.#tables.isRemoved(id)) return accept({ replayed: true });
		if (key !== null && this.#hasKey(key)) return refuse({ code: "idempotency-key-reused" });
		if (this.#runners.size >= poolRunnersMax) return refuse({ code: "pool-full", max: poolRunnersMax });
		this.save({ ...asNew(identity), key, seenAt: now });
		return accept({ replayed: false });
	}

	/**
	 * A runner that its token vouches for is taken in again if it was forgotten after a long silence; not one whose one job was
	 * had, nor one that was removed.
	 */
	see(identity: RunnerIdentity, now: Millis): PoolRunner | NotKnown {
		const { id } = identity;
		const known = this.#runners.get(id);
		if (!known && identity.ephemeral) return "runner-unknown";
		if (!known && this.#tables.isRemoved(id)) return "runner-removed";
		if (!known || now - known.seenAt > seenWrittenMs) this.save({ ...asNew(identity), ...known, seenAt: now });
		// Signs of life come by several ways, and an older one may be heard of later.
		this.#seen.set(id, Math.max(now, this.#seen.get(id) ?? 0));
		return this.#runners.get(id) ?? asNew(identity);
	}

	/** [P11][P13] What a runner says of itself. One that was unwell and says nothing of it any more is to be tried again. */
	speaks(runner: PoolRunner, { unwell: trouble, leaving = false }: RunnerWord): PoolRunner {
		const { unwell: before = null, left = false } = runner;
		const unwell = trouble ?? null;
		if (before === unwell && left === leaving) return runner;
		const isRecovered = before !== null && unwell === null;
		const word = { unwell, left: leaving, ...(isRecovered ? { faultedAt: null } : {}) };
		const said = { ...runner, ...word };
		this.save(said);
		return said;
	}

	/** [P13] It takes nothing new. True when it is thereby forgotten: its one job was to come, and it has none. */
	leaves(runner: PoolRunner, holdsNothing: boolean, now: Millis): boolean {
		if (runner.ephemeral && holdsNothing) {
			this.spend(runner, now);
			return true;
		}
		if (runner.left !== true) this.save({ ...runner, left: true });
		return false;
	}

	/** [P8][P12] What the end of a lease says of its runner. Jobs that it held at once when its machine failed are one fault. */
	learn(runner: PoolRunner, how: LeaseEnd, { grantedAt, now }: { grantedAt: Millis; now: Millis }): void {
		const { faults = 0, faultedAt = null } = runner;
		const isNews = grantedAt >= (runner.lastFaultAt ?? 0);
		switch (how) {
			case "lapsed":
				this.save({ ...runner, lapsedAt: now });
				return;
			case "faulted":
				if (isNews) this.save({ ...runner, lapsedAt: null, faults: faults + 1, faultedAt: now, lastFaultAt: now });
				return;
			case "over":
				if (runner.lapsedAt === null && (faults === 0 || !isNews)) return;
				this.save({ ...runner, lapsedAt: null, ...(isNews ? { faults: 0, faultedAt: null } : { faults, faultedAt }) });
		}
	}

	/** Its last session is closed. Stored, so that no sleep makes it seem seen earlier, or there for longer. */
	closed(id: string, now: Millis): void {
		const runner = this.#runners.get(id);
		if (runner) this.save({ ...runner, seenAt: Math.max(this.seenAt(runner), now), closedAt: now });
	}

	seenAt({ id, seenAt }: PoolRunner): Millis {
		return Math.max(seenAt, this.#seen.get(id) ?? 0);
	}

	isLive(runner: PoolRunner, now: Millis): boolean {
		const seenAt = this.seenAt(runner);
		return now - seenAt < ((runner.closedAt ?? 0) >= seenAt ? closedOfflineMs : offlineMs);
	}

	/**
	 * What a process says of the runner that it is. `newer`: another one spoke before, and what that one held died with it.
	 * `replaced`: a newer one spoke before; this one did not hear of it, and must not take over again.
	 */
	hello(runner: PoolRunner, said: { instanceId: string; capacity: number }): "first" | "same" | "newer" | "replaced" {
		const { instanceId, capacity } = said;
		const { instanceId: before, replaced = [] } = runner;
		if (replaced.includes(instanceId)) return "replaced";
		if (before === instanceId) {
			if (runner.capacity !== capacity) this.save({ ...runner, capacity });
			return "same";
		}
		const gone = before === null ? replaced : [...replaced, before].slice(-replacedKept);
		this.save({ ...runner, instanceId, capacity, replaced: gone, lapsedAt: null, faultedAt: null });
		return before === null ? "first" : "newer";
	}

	save(runner: PoolRunner): void {
		this.#runners.set(runner.id, runner);
		this.#tables.saveRunner(runner);
	}

	/**
	 * Its token works no more; whether it is news, or null when no such runner was ever here. A removal is kept for good, for its
	 * token has no end. It is a row of some fifty bytes that no list in memory holds, so no number of others pushes it out.
	 */
	remove(id: string, now: Millis): boolean | null {
		if (this.#tables.isRemoved(id)) return false;
		if (!this.#runners.has(id)) return null;
		this.forget(id);
		this.#tables.saveRemoved({ id, at: now, ephemeral: false });
		return true;
	}

	/** The runners that these tokens registered, forgotten: what they send is refused before it comes here. */
	endTokens(tokens: readonly string[]): PoolRunner[] {
		for (const token of tokens) {
			const [oldest] = this.#endedTokens;
			if (this.#endedTokens.size >= endedTokensKept && oldest !== undefined) this.#endedTokens.delete(oldest);
			this.#endedTokens.add(token);
		}
		const putOut = [...this.#runners.values()].filter((runner) => this.isPutOut(runner));
		for (const { id } of putOut) this.forget(id);
		return putOut;
	}

	/** Of a connection that was let in just before its token ended, and comes just after. */
	isPutOut({ registeredBy = null }: RunnerIdentity): boolean {
		return registeredBy !== null && this.#endedTokens.has(registeredBy);
	}

	/** The one job of an ephemeral runner is over. With a key it is remembered, so that the key makes no second one. */
	spend({ id, key }: PoolRunner, now: Millis): void {
		this.forget(id);
		if (key !== null) this.#tables.saveRemoved({ id, at: now, ephemeral: true });
	}

	forget(id: string): void {
		this.#runners.delete(id);
		this.#seen.delete(id);
		this.#tables.dropRunner(id);
	}

	/** Whom nobody heard of for long; `mayForget` says no to one that holds something. Who is connected must have been seen. */
	forgetGone(now: Millis, mayForget: (id: string) => boolean): void {
		for (const runner of this.#runners.values()) {
			const keptMs = runner.ephemeral ? ephemeralForgottenMs : runnerForgottenMs;
			if (now - this.seenAt(runner) > keptMs && mayForget(runner.id)) this.forget(runner.id);
		}
		this.#tables.dropSpent(now - idempotencyKeptMs);
	}

	#hasKey(key: string): boolean {
		for (const id of this.#runners.keys()) if (id.startsWith(key)) return true;
		return this.#tables.hasRemovedWith(key);
	}
}

function asNew(identity: RunnerIdentity): PoolRunner {
	return { ...identity, seenAt: 0, draining: false, key: null, instanceId: null, replaced: [], lapsedAt: null };
}
