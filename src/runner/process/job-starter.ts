// Starts jobs' shells on the runner's behalf: one small bash that lives as long as the runner. Node forks itself to start a
// process, which stops its loops for 2 to 10 ms at the memory of a busy runner; this one forks in a fraction of one. Job
// control (`set -m`) gives each child a process group of its own, on Linux and macOS alike. When the runner dies, however that
// was, it ends what it started and then itself.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";

/**
 * Lines in: `start <file>`, `held <pid>` (another starter began it), `over <pid>`. The environment begins empty: a job sees
 * what its own file exports, and nothing of the runner's.
 */
const script = `set -m
while IFS=' ' read -r what subject <&3; do
	case $what in
	start)
		( . "$subject" ) 3>&- </dev/null >/dev/null 2>&1 &
		held[$!]=1
		disown
		;;
	held) held[$subject]=1 ;;
	over) unset "held[$subject]" ;;
	esac
done
for pid in "\${!held[@]}"; do kill -KILL -- "-$pid"; done`;

export class JobStarter {
	#child: ChildProcess | null = null;
	/** Leaders of the groups that are to end with the runner. */
	readonly #held = new Set<number>();

	/** Runs the bash file at `path` in a process group of its own. Nothing is heard of it here: it reports by its own pipes. */
	start(path: string): void {
		this.#child ??= this.#open();
		this.#say(`start ${path}`);
	}

	/** What was started is this process: another starter must know of it, should this one be lost. */
	hold(pid: number): void {
		this.#held.add(pid);
	}

	/** Nothing is left of its group, and the number may come to mean another. */
	release(pid: number): void {
		this.#held.delete(pid);
		this.#say(`over ${pid}`);
	}

	/** What was started and is not released is killed. */
	close(): void {
		(this.#child?.stdio[3] as Duplex | undefined)?.destroy();
		this.#child = null;
	}

	#say(line: string): void {
		(this.#child?.stdio[3] as Duplex | undefined)?.write(`${line}\n`);
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
		const input = child.stdio[3] as Duplex;
		input.on("error", gone);
		for (const pid of this.#held) input.write(`held ${pid}\n`);
		return child;
	}
}
