// Group commit. A commit to disk takes longer than what is decided in it; so calls that come while one is under way wait for it
// and then share the next. An idle object adds no wait, a busy one commits as fast as the disk does, with more in each. Work that
// gives way to other objects has a turn of its own.
import type { Storage } from "./ports.ts";

interface Waiting {
	/** Whether it shares a commit with those beside it. */
	isShort: boolean;
	/** Never throws. */
	work(): void | Promise<void>;
}

export class Turns {
	readonly #storage: Pick<Storage, "sync">;
	#waiting: Waiting[] = [];
	#isTurning = false;

	constructor(storage: Pick<Storage, "sync">) {
		this.#storage = storage;
	}

	/** Runs `work`, which must not wait for anything, as part of a turn; what it throws fails its own caller alone. */
	take<T>(work: () => T): Promise<T> {
		const { promise, resolve, reject } = Promise.withResolvers<T>();
		const isolated = () => {
			try {
				resolve(work());
			} catch (cause) {
				reject(cause);
			}
		};
		this.#add({ isShort: true, work: isolated });
		return promise;
	}

	/** Runs `work`, which commits by itself, after those before it and before those after it. */
	takeLong<T>(work: () => Promise<T>): Promise<T> {
		const { promise, resolve, reject } = Promise.withResolvers<T>();
		this.#add({ isShort: false, work: () => work().then(resolve, reject) });
		return promise;
	}

	#add(waiting: Waiting): void {
		this.#waiting.push(waiting);
		if (!this.#isTurning) void this.#turn();
	}

	async #turn(): Promise<void> {
		this.#isTurning = true;
		try {
			while (this.#waiting.length > 0) {
				const long = this.#waiting.findIndex(({ isShort }) => !isShort);
				const short = this.#waiting.splice(0, long < 0 ? this.#waiting.length : long);
				for (const { work } of short) void work();
				if (short.length > 0) await this.#storage.sync();
				else await this.#waiting.shift()?.work();
			}
		} finally {
			this.#isTurning = false;
		}
	}
}
