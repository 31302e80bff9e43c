// What an issuer publishes, its description or its keys, as this isolate read it last.
import type { Millis } from "../../domain/ids.ts";

/** Keys that were taken back must be forgotten, and issuers announce new ones for longer than this. */
const freshMs = 600_000;
/** While the issuer does not answer, what it said before is believed for so long. */
const keptMs = 3_600_000;
/** Whoever invents names of keys, or signs in while the issuer is away, makes nobody ask more often than this. */
const pauseMs = 5_000;

export class KnownDocument<T> {
	readonly #read: () => Promise<T>;
	readonly #now: () => Millis;
	#known: { value: T; readAt: Millis } | null = null;
	/** When it was asked for last; of the first time, when that ended. */
	#triedAt: Millis = Number.NEGATIVE_INFINITY;
	#failure: unknown = null;

	constructor(read: () => Promise<T>, now: () => Millis) {
		this.#read = read;
		this.#now = now;
	}

	/** Throws as `read` does. Calls that come together before the first answer each ask: none may wait for another's. */
	async get(): Promise<T> {
		const known = this.#known;
		return known !== null && this.#now() - known.readAt < freshMs ? known.value : this.#renew();
	}

	/** For whoever missed something in it: read again, unless it was a moment ago. */
	getNewer(): Promise<T> {
		return this.#renew();
	}

	async #renew(): Promise<T> {
		const known = this.#known;
		const isKept = known !== null && this.#now() - known.readAt < keptMs;
		if (this.#now() - this.#triedAt < pauseMs) {
			if (isKept) return known.value;
			throw this.#failure;
		}
		if (isKept) this.#triedAt = this.#now();
		try {
			const value = await this.#read();
			this.#triedAt = this.#now();
			this.#known = { value, readAt: this.#now() };
			return value;
		} catch (failure) {
			this.#triedAt = this.#now();
			this.#failure = failure;
			if (isKept) return known.value;
			throw failure;
		}
	}
}
