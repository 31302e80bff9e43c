// The leases this runner holds and how many slots are free. Every acquire and heartbeat names exactly these: a lease that is
// not named is not renewed, which is how those of a runner that died go elsewhere.
import type { JobRun } from "../job/job-run.ts";
import { WakeUp } from "../wake-up.ts";

export class HeldJobs {
	readonly #capacity: number;
	readonly #jobs = new Map<string, JobRun>();
	readonly #freed = new WakeUp();
	readonly #begun = new WakeUp();
	readonly #emptied: (() => void)[] = [];
	readonly #watchers = new Set<() => void>();

	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	/** A job whose end is acknowledged holds no lease any more, though the rest of its log may still be on its way. */
	leases(): string[] {
		return this.all().flatMap((job) => (job.isReported ? [] : [job.id]));
	}

	/** Calls `watcher` whenever a job comes or goes, until the function that it returns is called. */
	onChange(watcher: () => void): () => void {
		this.#watchers.add(watcher);
		return () => this.#watchers.delete(watcher);
	}

	all(): JobRun[] {
		return [...this.#jobs.values()];
	}

	get(lease: string): JobRun | undefined {
		return this.#jobs.get(lease);
	}

	get size(): number {
		return this.#jobs.size;
	}

	/** Holds the job until it is over; one that is held already is not held twice. */
	hold(job: JobRun): void {
		if (this.#jobs.has(job.id)) return;
		this.#jobs.set(job.id, job);
		this.#begun.wake();
		this.#tell();
		void job.run().finally(() => {
			this.#jobs.delete(job.id);
			this.#tell();
			this.#freed.wake();
			if (this.#jobs.size === 0) for (const resolve of this.#emptied.splice(0)) resolve();
		});
	}

	/** For the one loop that acquires. */
	async untilFree(signal: AbortSignal): Promise<void> {
		const wake = () => this.#freed.wake();
		signal.addEventListener("abort", wake, { once: true });
		while (!signal.aborted && this.#jobs.size >= this.#capacity) await this.#freed.wait(null);
		signal.removeEventListener("abort", wake);
	}

	/** For the one loop that sends heartbeats. */
	async untilHeld(signal: AbortSignal, isDueAnyway: () => boolean): Promise<void> {
		const wake = () => this.lookAgain();
		signal.addEventListener("abort", wake, { once: true });
		while (!(signal.aborted || this.#jobs.size > 0 || isDueAnyway())) await this.#begun.wait(null);
		signal.removeEventListener("abort", wake);
	}

	/** What `isDueAnyway` says may have changed. */
	lookAgain(): void {
		this.#begun.wake();
	}

	async untilEmpty(): Promise<void> {
		if (this.#jobs.size > 0) await new Promise<void>((resolve) => this.#emptied.push(resolve));
	}

	#tell(): void {
		for (const watcher of this.#watchers) watcher();
	}
}
