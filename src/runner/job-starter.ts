// Starts jobs' shells on the runner's behalf: one small bash that lives as long as the runner. Node forks itself to start a
// process, which stops its loops for 2 to 10 ms at the memory of a busy runner; this one forks in a fraction of one. Job
// control (`set -m`) gives each child a process group of its own, on Linux and macOS alike. When the runner dies, so does it.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";

/** The environment begins empty: a job sees what its own file exports, and nothing of the runner's. */
const script = `set -m
while IFS= read -r file <&3; do
	( . "$file" ) 3>&- </dev/null >/dev/null 2>&1 &
	disown
done`;

export class JobStarter {
	#child: ChildProcess | null = null;

	/** Runs the bash file at `path` in a process group of its own. Nothing is heard of it here: it reports by its own pipes. */
	start(path: string): void {
		this.#child ??= this.#open();
		(this.#child.stdio[3] as Duplex).write(`${path}\n`);
	}

	/** What was started goes on. */
	close(): void {
		(this.#child?.stdio[3] as Duplex | undefined)?.destroy();
		this.#child = null;
	}

	#open(): ChildProcess {
		const child = spawn("bash", ["--noprofile", "--norc", "-c", script], {
			env: { PATH: process.env.PATH },
			detached: true,
			stdio: ["ignore", "ignore", "ignore", "pipe"],
		});
		// The next start opens another; the one that was lost is not heard of in time, and says so.
		const gone = () => {
			if (this.#child === child) this.#child = null;
		};
		child.once("exit", gone);
		child.once("error", gone);
		child.stdio[3]?.on("error", gone);
		return child;
	}
}
