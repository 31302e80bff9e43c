// Ends an exclusive job in time when its runner cannot: one that stands still (stopped, starved, swapped out) does not see
// that it lost contact, while its job goes on and the server lets another runner begin. So a small process of its own is told
// of each contact, and stops the job when it hears of none. It measures by a timer, which nobody can set. Not promised:
// a machine that sleeps stops this one too, and its job may live for a moment after it wakes.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Writable } from "node:stream";

/** Lines in: whole seconds for which the job may go on; older shells know no parts of one. The pipe's end is the runner's death. */
const script = `rest=$2
while read -r -t "$rest" rest; do
	[ "$rest" = leave ] && exit 0
done
kill -TERM -- "-$1"
while read -r -t "$3" rest; do
	[ "$rest" = leave ] && exit 1
done
kill -KILL -- "-$1"
exit 1`;

/** Contact is told no more often. */
const tellMs = 500;

export interface GuardOptions {
	/** The leader of the job's process group. */
	pid: number;
	/** For how long the job may go on if there is no further contact. */
	restMs: number;
	/** Between SIGTERM and SIGKILL. */
	graceMs: number;
}

export class ExclusiveGuard {
	readonly #child: ChildProcess;
	readonly #exited: Promise<number | null>;
	#toldAt = performance.now();

	constructor({ pid, restMs, graceMs }: GuardOptions) {
		const words = [pid, wholeSeconds(restMs), wholeSeconds(graceMs)].map(String);
		this.#child = spawn("bash", ["--noprofile", "--norc", "-c", script, "spillway-guard", ...words], {
			env: { PATH: process.env.PATH },
			// Neither the job's group nor the runner's: it outlives what happens to either.
			detached: true,
			stdio: ["pipe", "ignore", "ignore"],
		});
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

	/** The job is over. Whether it was stopped from here. */
	async close(): Promise<boolean> {
		this.#input.end("leave\n");
		return (await this.#exited) === 1;
	}

	get #input(): Writable {
		return this.#child.stdin as Writable;
	}
}

/** Rather less, so that the job ends sooner; 0 would not wait at all. */
function wholeSeconds(ms: number): number {
	return Math.max(1, Math.floor(ms / 1_000));
}
