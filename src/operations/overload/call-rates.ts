// How many calls came of a token, or from an address, of late. Counted before anything of a call is read or done. The port has two
// makers: buckets of this process, for one machine, and the platform's own counters, which each of its locations has for itself.
import type { Millis } from "../../domain/ids.ts";
import { limitRow } from "../../domain/limit/limit-table.ts";
import type { CallRateName } from "../../domain/limit/limit-table.ts";
import { msUntil, takeFrom } from "../../domain/limit/token-bucket.ts";
import type { RateBucket } from "../../domain/limit/token-bucket.ts";
import type { LimitReached } from "../../domain/refusal.ts";

export interface RateCounter {
	/** Null: it is counted, and there was room for it. Else how long until there may be. */
	take(limit: CallRateName, key: string, call: { max: number; now: Millis }): Promise<number | null>;
}

/** A token or an address that was not heard of for longer than this many others begins anew. */
const keysMax = 20_000;

/** The buckets of one process: exact, as long as it lives. */
export class LocalRates implements RateCounter {
	readonly #buckets = new Map<string, RateBucket>();

	async take(limit: CallRateName, key: string, { max, now }: { max: number; now: Millis }): Promise<number | null> {
		const rate = { max, windowMs: limitRow(limit).windowMs ?? 0 };
		const name = `${limit} ${key}`;
		const known = this.#buckets.get(name) ?? null;
		const left = takeFrom(known, rate, { now });
		if (left === null) return msUntil(known, rate, { now }) ?? rate.windowMs;
		// The one that was used last stands last: at the bound the first goes, which a flood never is.
		this.#buckets.delete(name);
		const [first] = this.#buckets.keys();
		if (this.#buckets.size >= keysMax && first !== undefined) this.#buckets.delete(first);
		this.#buckets.set(name, left);
		return null;
	}
}

/** What the door asks: the counters, and what this process remembers of those who are past their limit. */
export class CallRates {
	readonly #counter: RateCounter;
	/** Until when nothing more is counted of them. */
	readonly #spentUntil = new Map<string, Millis>();

	constructor(counter: RateCounter) {
		this.#counter = counter;
	}

	async take(limit: CallRateName, key: string, call: { max: number; now: Millis }): Promise<LimitReached | null> {
		const spent = this.spent(limit, key, call);
		if (spent !== null) return spent;
		const waitMs = await this.#counter.take(limit, key, call);
		if (waitMs === null) return null;
		if (this.#spentUntil.size >= keysMax) this.#spentUntil.clear();
		this.#spentUntil.set(`${limit} ${key}`, call.now + waitMs);
		return { code: "limit-reached", limit, max: call.max, retryAfterMs: waitMs };
	}

	/** Known without counting, and at the price of one look. */
	spent(limit: CallRateName, key: string, { max, now }: { max: number; now: Millis }): LimitReached | null {
		const name = `${limit} ${key}`;
		const until = this.#spentUntil.get(name);
		if (until === undefined) return null;
		const leftMs = until - now;
		// A clock that was set back would keep it for as long.
		if (leftMs > 0 && leftMs <= (limitRow(limit).windowMs ?? 0)) {
			return { code: "limit-reached", limit, max, retryAfterMs: leftMs };
		}
		this.#spentUntil.delete(name);
		return null;
	}
}
