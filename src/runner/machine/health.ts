// Whether this runner may be given jobs. After a fault of the machine it is unwell: it says so to the server, and looks at itself
// again, ever more rarely, until nothing is wrong. What no look can find (a hook that fails) the next job finds: so each fault
// makes the wait before that longer, until a job comes through. Not so a fault that a job may have made: jobs that do so each time
// must not put a pool out of service.
import { jitteredMs } from "../../client/retryable.ts";
import type { EventLog } from "../event-log.ts";

/** The first look comes after half of this to all of it, the last ones every one or two minutes: a disk that was cleared waits no longer. */
export const healthBackoff = { initialMs: 5_000, maxMs: 120_000 };
const reasonMax = 300;

export interface HealthOptions {
	/** What is wrong with the machine; null: nothing that can be seen. */
	look: () => Promise<string | null>;
	eventLog: EventLog;
	/** In [0, 1). */
	random: () => number;
	backoff?: { initialMs: number; maxMs: number } | undefined;
}

export class Health {
	readonly #options: HealthOptions;
	readonly #watchers = new Set<() => void>();
	#unwell: string | null = null;
	/** Faults and looks in a row that found something. */
	#faults = 0;
	#timer: NodeJS.Timeout | undefined;
	#isClosed = false;

	constructor(options: HealthOptions) {
		this.#options = options;
	}

	/** What a heartbeat told the server last. */
	said: string | null = null;

	/** What is wrong; null: it is well. */
	get unwell(): string | null {
		return this.#unwell;
	}

	/** Calls `watcher` whenever it becomes well or unwell, or unwell for another reason, until the returned function is called. */
	onChange(watcher: () => void): () => void {
		this.#watchers.add(watcher);
		return () => this.#watchers.delete(watcher);
	}

	/** What is wrong at this moment. */
	look(): Promise<string | null> {
		return this.#options.look();
	}

	/** The first look, before the first job. */
	async begin(): Promise<void> {
		const found = await this.#options.look();
		if (found !== null) this.failed(found);
	}

	/**
	 * The machine could not run a job, or was found to be unable to. Jobs that fail while it is unwell are no news. What `began`,
	 * its repository or its steps, may have brought the fault about: such ones do not add up.
	 */
	failed(reason: string, { began } = { began: false }): void {
		if (this.#unwell !== null || this.#isClosed) return;
		this.#faults = began ? Math.max(1, this.#faults) : this.#faults + 1;
		this.#become(reason);
		this.#later();
	}

	/** A job was run, whatever it came to. */
	cameThrough(): void {
		if (this.#unwell === null) this.#faults = 0;
	}

	close(): void {
		this.#isClosed = true;
		clearTimeout(this.#timer);
	}

	#later(): void {
		const { initialMs, maxMs } = this.#options.backoff ?? healthBackoff;
		const wholeMs = jitteredMs(this.#faults, { initialMs, maxMs, random: () => 1 });
		// Equal jitter: machines that broke together do not come back as one, and none comes back at once.
		this.#timer = setTimeout(() => void this.#lookAgain(), (wholeMs / 2) * (1 + this.#options.random()));
	}

	async #lookAgain(): Promise<void> {
		const found = await this.#options.look();
		if (this.#isClosed) return;
		if (found === null) return this.#become(null);
		this.#faults++;
		this.#become(found);
		this.#later();
	}

	#become(unwell: string | null): void {
		const bounded = unwell?.slice(0, reasonMax) ?? null;
		if (bounded === this.#unwell) return;
		this.#unwell = bounded;
		if (bounded === null) this.#options.eventLog("runner-well");
		else this.#options.eventLog("runner-unwell", { reason: bounded });
		for (const watcher of [...this.#watchers]) watcher();
	}
}
