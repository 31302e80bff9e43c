// A process that is started again whenever it is gone, as a supervisor of the system does it; killed and frozen by the driver.
// Only process ids that this program started are ever signaled.
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "../../scripts/child.ts";
import type { Guard } from "../guarded.ts";

/** Between the end of one and the start of the next, when nobody said how long. */
const awayMsDefault = 200;
const startAgainMs = 1_000;
/** In a row: a disk that is full for some seconds is waited for, and what cannot start at all ends the chaos. */
const failuresMax = 30;

export interface KeptOptions<T> {
	name: string;
	/** Starts one; `ready` rejects when it does not come up. */
	start: () => { child: Child; ready: Promise<T> };
	/** What it prints to standard error goes there. */
	logFile: string;
	/** Ends its group when nobody else can any more. */
	guard: Guard;
}

export class KeptProcess<T> {
	readonly name: string;
	/** How often it was started, for whoever wants to know that it is another. */
	starts = 0;
	readonly #options: KeptOptions<T>;
	#now: { child: Child; ready: T } | null = null;
	/** Of the one that was started last. */
	#group: number | null = null;
	#failures = 0;
	#failure = "";
	#taken = 0;
	#lastTaken: Promise<void> = Promise.resolve();
	#isClosing = false;
	#awayMs = awayMsDefault;
	#waiting: (() => void)[] = [];
	readonly #kept: Promise<void>;

	constructor(options: KeptOptions<T>) {
		this.name = options.name;
		this.#options = options;
		this.#kept = this.#keep();
	}

	/** Its own process id, which is its group's. Null while it is away. */
	get pid(): number | null {
		return this.#now?.child.isRunning ? (this.#now.child.process.pid ?? null) : null;
	}

	/** Resolves when it is up; at once when it is. */
	async up(): Promise<T> {
		while (this.#now === null) {
			if (this.#failures >= failuresMax) throw new Error(`${this.name} does not start: ${this.#failure}`);
			if (this.#isClosing) throw new Error(`${this.name} is being stopped`);
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		}
		return this.#now.ready;
	}

	/** SIGKILL or SIGTERM, to it alone or its whole group; it comes back after `awayMs`. Resolves when it is up again. */
	async end({ signal, awayMs, group = false }: { signal: "SIGKILL" | "SIGTERM"; awayMs: number; group?: boolean }) {
		await this.up();
		const { pid, starts } = this;
		this.#awayMs = awayMs;
		if (pid !== null) send(group ? -pid : pid, signal);
		while (this.starts === starts) await sleep(20);
		await this.up();
	}

	/** Frozen for so long, or until the signal. Whatever happened meanwhile, what is left of it goes on. */
	async freeze(ms: number, { group = false, until }: { group?: boolean; until?: AbortSignal } = {}): Promise<void> {
		await this.up();
		const { pid } = this;
		if (pid === null) return;
		send(group ? -pid : pid, "SIGSTOP");
		await sleep(ms, undefined, until ? { signal: until } : {}).catch(() => {});
		// The group of one that died meanwhile may be another's by now.
		if (this.pid === pid) send(group ? -pid : pid, "SIGCONT");
	}

	/** Whether something befalls it now. */
	get isTaken(): boolean {
		return this.#taken > 0;
	}

	/** One thing befalls it at a time: `work` waits for what came before. */
	async taken<T>(work: () => Promise<T>): Promise<T> {
		this.#taken++;
		const before = this.#lastTaken;
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#lastTaken = promise;
		await before;
		try {
			return await work();
		} finally {
			this.#taken--;
			resolve();
		}
	}

	/** Ends it and what it started, and starts it no more. */
	async close(): Promise<void> {
		this.#isClosing = true;
		if (this.#group !== null) send(-this.#group, "SIGCONT");
		await this.#now?.child.stop();
		await this.#kept;
		// A server that was killed leaves its runtime in its group, until the next one starts.
		if (this.#group !== null) send(-this.#group, "SIGKILL");
		this.#guard(null);
	}

	/** A later group takes the place of the one before, of which nothing is left then. */
	#guard(group: number | null): void {
		if (group !== null) this.#options.guard.add(`group ${group}`);
		if (this.#group !== null) this.#options.guard.remove(`group ${this.#group}`);
		this.#group = group;
	}

	async #keep(): Promise<void> {
		while (!this.#isClosing) {
			const { child, ready } = this.#options.start();
			this.#guard(child.process.pid ?? null);
			try {
				this.#now = { child, ready: await ready };
			} catch (cause) {
				await child.stop();
				this.#failure = String(cause);
				this.#write(`could not be started: ${this.#failure}\n`);
				if (++this.#failures >= failuresMax) break;
				await sleep(startAgainMs);
				continue;
			}
			this.#failures = 0;
			this.starts++;
			child.process.stderr?.on("data", (text: string) => this.#write(text));
			for (const wake of this.#waiting.splice(0)) wake();
			if (this.#isClosing) await child.stop();
			await child.end();
			this.#write(`ended with ${child.process.exitCode ?? child.process.signalCode}\n`);
			this.#now = null;
			const awayMs = this.#awayMs;
			this.#awayMs = awayMsDefault;
			if (!this.#isClosing) await sleep(awayMs);
		}
		for (const wake of this.#waiting.splice(0)) wake();
	}

	#write(text: string): void {
		appendFileSync(this.#options.logFile, text);
	}
}

/** To a process or a group that may be gone meanwhile. */
export function send(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch (cause) {
		if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
	}
}
