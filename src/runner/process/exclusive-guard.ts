// Ends an exclusive job in time when its runner cannot: one that stands still (stopped, starved, swapped out) does not see
// that it lost contact, while its job goes on and the server lets another runner begin. So a small process of its own is told
// of each contact, and stops the job when it hears of none. It measures by a timer, which nobody can set. Not promised:
// a machine that sleeps stops this one too, and its job may live for a moment after it wakes.
import type { ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import type { JobProcesses } from "./job-processes.ts";
import { wordsOf } from "./job-processes.ts";
import { startSupervisor } from "./supervisor.ts";

/** Contact is told no more often. */
const tellMs = 500;

export interface GuardOptions {
	/** What it ends. */
	processes: JobProcesses;
	/** For how long the job may go on if there is no further contact. */
	restMs: number;
	/** Between SIGTERM and SIGKILL. */
	graceMs: number;
}

export class ExclusiveGuard {
	readonly #child: ChildProcess;
	readonly #exited: Promise<number | null>;
	#toldAt = performance.now();

	constructor({ processes, restMs, graceMs }: GuardOptions) {
		const words = [String(wholeSeconds(restMs)), String(wholeSeconds(graceMs)), ...wordsOf(processes)];
		// In neither the job's group nor the runner's, it outlives what happens to either.
		this.#child = startSupervisor("guard", words, { talks: true });
		this.#exited = new Promise((resolve) => {
			this.#child.once("exit", (code) => resolve(code));
			this.#child.once("error", () => resolve(null));
		});
		this.#input.on("error", () => {});
	}

	/** The job may go on for `restMs`. */
	contact(restMs: number): void {
		if (restMs <= 0 || performance.now() - this.#toldAt < tellMs) return;
		this.#toldAt = performance.now();
		this.#input.write(`${wholeSeconds(restMs)}\n`);
	}

	/**
	 * Whether the job may begin something more. Only the guard knows that it has not begun to end the job: after a standstill the
	 * runner hears of a step's end before it hears anything else, and its own reckoning of time is not the guard's.
	 */
	async mayGoOn(): Promise<boolean> {
		const answer = new Promise<boolean>((resolve) => this.#input.once("data", () => resolve(true)));
		this.#input.write("ask\n");
		return Promise.race([answer, this.#exited.then(() => false)]);
	}

	/** The job is over. Whether it was stopped from here. */
	async close(): Promise<boolean> {
		this.#input.end("leave\n");
		// A job of the same user may have stopped it: it is woken, and one that does nothing even so is not waited for.
		this.#child.kill("SIGCONT");
		const timer = setTimeout(() => this.#child.kill("SIGKILL"), closeMs);
		const code = await this.#exited;
		clearTimeout(timer);
		return code === 1;
	}

	get #input(): Duplex {
		return this.#child.stdio[3] as Duplex;
	}
}

/** One that ends the job meanwhile gives what will not end 10 s, three times at most. */
const closeMs = 35_000;

/** Rather less, so that the job ends sooner; 0 would not wait at all. */
function wholeSeconds(ms: number): number {
	return Math.max(1, Math.floor(ms / 1_000));
}
