// Group commit. A commit to disk takes longer than what is decided in it; so calls that come while one is under way wait for it
// and then share the next. An idle object adds no wait, a busy one commits as fast as the disk does, with more in each.
import type { Storage } from "./ports.ts";

export class Turns {
	readonly #storage: Pick<Storage, "sync">;
	#waiting: (() => void)[] = [];
	#isTurning = false;

	constructor(storage: Pick<Storage, "sync">) {
		this.#storage = storage;
	}

	/** Runs `work`, which must not wait for anything, as part of a turn; what it throws fails its own caller alone. */
	take<T>(work: () => T): Promise<T> {
		const { promise, resolve, reject } = Promise.withResolvers<T>();
		this.#waiting.push(() => {
			try {
				resolve(work());
			} catch (cause) {
				reject(cause);
			}
		});
		if (!this.#isTurning) void this.#turn();
		return promise;
	}

	async #turn(): Promise<void> {
		this.#isTurning = true;
		try {
			while (this.#waiting.length > 0) {
				for (const work of this.#waiting.splice(0)) work();
				await this.#storage.sync();
			}
		} finally {
			this.#isTurning = false;
		}
	}
}
