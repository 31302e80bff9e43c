// Starts jobs' leaders on the runner's behalf: one small process that lives as long as the runner. Node forks itself to start a
// process, which stops its loops for 2 to 10 ms at the memory of a busy runner; this one forks in a fraction of one. When the
// runner dies, however that was, it ends what it started and then itself.
import type { ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import type { ContainmentKind, JobProcesses } from "./job-processes.ts";
import { endProcesses, startSupervisor } from "./supervisor.ts";

/** What a leader is started with, beside what its job is known by. Paths are absolute. */
export interface LeaderStart extends Omit<JobProcesses, "pid" | "startedAt"> {
	/** FIFOs: what the leader is told, what it says, and what its steps print. */
	control: string;
	status: string;
	output: string;
	/** Where steps run, and where their scripts are: `1.sh`, `2.sh` … */
	cwd: string;
	scripts: string;
	bash: string;
	/**
	 * A line of bash that starts its arguments in a sandbox or a container; empty: none. It is not in a file of the job's folder:
	 * one step could change it there, and the next would run outside.
	 */
	wrapper: string;
	/** The job's own variables, and those of what wraps a step. */
	env: { job: Record<string, string>; wrap: Record<string, string> };
}

/** It gives what will not end 10 s, three times at most, and says so. One that takes longer will not do it. */
const endMs = 35_000;

export class JobStarter {
	#child: ChildProcess | null = null;
	/** Jobs that are to end with the runner, by their leader. */
	readonly #held = new Map<number, JobProcesses>();
	/** By leader: who waits for the end of all of its job. */
	readonly #ending = new Map<number, () => void>();
	readonly #kind: ContainmentKind;

	constructor(kind: ContainmentKind) {
		this.#kind = kind;
	}

	/** Nothing is heard of it here: the leader reports by its own pipes. */
	start(start: LeaderStart): void {
		this.#child ??= this.#open();
		const { kind, cgroup, mark, control, status, output, cwd, scripts, bash, wrapper, env } = start;
		const lists = [env.job, env.wrap].flatMap((list) => {
			const pairs = Object.entries(list);
			return [pairs.length, ...pairs.flat()];
		});
		const paths = [control, status, output, cwd, scripts, bash];
		this.#say(["start", "", "", kind, cgroup, mark, ...paths, wrapper, ...lists]);
	}

	/** What was started is this: another starter must know of it, should this one be lost. */
	hold(processes: JobProcesses): void {
		this.#held.set(processes.pid, processes);
		this.#say(["held", ...fieldsOf(processes)]);
	}

	/** Nothing is left of its job, and the number may come to mean another. */
	release(pid: number): void {
		this.#held.delete(pid);
		this.#say(["over", pid]);
	}

	/** Ends all of a job whose leader cannot. Resolves when nothing is left, or what is left will not end. */
	async end(processes: JobProcesses): Promise<void> {
		const child = this.#child;
		if (child !== null) {
			const ended = new Promise<void>((resolve) => this.#ending.set(processes.pid, resolve));
			const lost = new Promise<void>((resolve) => child.once("exit", () => resolve()));
			const timer = setTimeout(() => this.#replace(child), endMs);
			this.#say(["end", ...fieldsOf(processes)]);
			await Promise.race([ended, lost]);
			clearTimeout(timer);
			this.#ending.delete(processes.pid);
		}
		if (child === null || this.#child !== child) await endProcesses(processes);
	}

	/** It did not do its part in time, as one that a job stopped: the next start opens another. */
	replace(): void {
		if (this.#child !== null) this.#replace(this.#child);
	}

	#replace(child: ChildProcess): void {
		if (this.#child === child) this.#child = null;
		child.kill("SIGKILL");
	}

	/** What was started and is not released is killed. */
	close(): void {
		(this.#child?.stdio[3] as Duplex | undefined)?.destroy();
		this.#child = null;
	}

	/** A job of the same user may have stopped it: whatever it is told, it goes on. */
	#say(fields: (string | number)[]): void {
		this.#child?.kill("SIGCONT");
		const body = Buffer.from(fields.join("\0"));
		const size = Buffer.alloc(4);
		size.writeUInt32BE(body.length);
		(this.#child?.stdio[3] as Duplex | undefined)?.write(Buffer.concat([size, body]));
	}

	#open(): ChildProcess {
		const child = startSupervisor("starter", [this.#kind], { talks: true });
		// The next start opens another; the one that was lost is not heard of in time, and says so.
		const gone = () => {
			if (this.#child === child) this.#child = null;
		};
		child.once("exit", gone);
		child.once("error", gone);
		const connection = child.stdio[3] as Duplex;
		connection.on("error", gone);
		let text = "";
		connection.on("data", (bytes: Buffer) => {
			const lines = (text + bytes.toString("latin1")).split("\n");
			text = lines.pop() ?? "";
			for (const line of lines) this.#ending.get(Number(line.replace("ended ", "")))?.();
		});
		this.#child = child;
		for (const processes of this.#held.values()) this.#say(["held", ...fieldsOf(processes)]);
		return child;
	}
}

function fieldsOf({ pid, startedAt, kind, cgroup, mark }: JobProcesses): (string | number)[] {
	return [pid, startedAt, kind, cgroup, mark];
}
