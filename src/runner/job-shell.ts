// A job's processes: one small shell that leads the job's process group and starts each step in it when told to. Node starts
// that one process per job and no more, because it starts children the slower the bigger it is; and since steps share the
// group, what a step leaves in the background lives until the job ends, and not a moment longer.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Duplex } from "node:stream";
import { signalGroup } from "./process-identity.ts";

/**
 * Line in: a step's number, and the commit once it is known. Line out: its exit status. The trap keeps this shell alive when
 * the group gets SIGTERM; unlike an ignored signal, it is not inherited by the steps. Its own stderr is nowhere, so that its
 * remarks ("Terminated") are not taken for the job's. When the runner dies, the pipe ends and the group goes with it.
 */
const script = `trap : TERM INT HUP QUIT
while IFS=' ' read -r step commit <&3; do
	[ "$step" = leave ] && exit 0
	[ -z "$commit" ] || export SPILLWAY_COMMIT="$commit"
	bash -e -o pipefail "$1/$step.sh" 2>&1 3>&-
	echo "$?" >&3
done
kill -KILL 0`;

/** How often a group that was asked to stop is looked at. */
const leftPollMs = 50;

/** `signal` is set when the shell itself was killed, as by a job that kills its own group. */
export type StepEnd = { exitCode: number; signal: null } | { exitCode: null; signal: NodeJS.Signals | null };

export interface JobShellOptions {
	/** Where the steps run, and where their scripts are: `1.sh`, `2.sh` … */
	cwd: string;
	scripts: string;
	env: Record<string, string>;
	outputFd: number;
}

export class JobShell {
	readonly pid: number;
	readonly #child: ChildProcess;
	readonly #control: Duplex;
	readonly #exited: Promise<NodeJS.Signals | null>;
	#heard = "";
	#onStatus: (status: number) => void = () => {};
	#stopsAt: number | null = null;
	#killTimer: NodeJS.Timeout | undefined;

	private constructor(child: ChildProcess, pid: number) {
		this.#child = child;
		this.pid = pid;
		this.#control = child.stdio[3] as Duplex;
		this.#exited = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
		this.#control.on("error", () => {});
		this.#control.on("data", (chunk: Buffer) => this.#hear(chunk.toString("latin1")));
	}

	/** Throws when the process cannot be started: no such folder, too large an environment, too many processes. */
	static async open({ cwd, scripts, env, outputFd }: JobShellOptions): Promise<JobShell> {
		const child = spawn("/bin/sh", ["-c", script, "spillway-job", scripts], {
			cwd,
			env,
			detached: true,
			stdio: ["ignore", outputFd, "ignore", "pipe"],
		});
		if (child.pid === undefined) {
			throw await new Promise<Error>((resolve) => child.once("error", resolve));
		}
		return new JobShell(child, child.pid);
	}

	/** One step at a time. */
	async run(step: number, commit: string | null): Promise<StepEnd> {
		const status = new Promise<StepEnd>((resolve) => {
			this.#onStatus = (exitCode) => resolve({ exitCode, signal: null });
		});
		this.#control.write(`${step} ${commit ?? ""}\n`);
		return Promise.race([status, this.#exited.then((signal): StepEnd => ({ exitCode: null, signal }))]);
	}

	/** SIGTERM to all of the job, and SIGKILL when the grace is over. The first call counts; `graceMs` 0 kills at once. */
	stop(graceMs: number): void {
		if (this.#stopsAt !== null) return;
		this.#stopsAt = Date.now() + graceMs;
		if (graceMs > 0) signalGroup(this.pid, "SIGTERM");
		this.#killTimer = setTimeout(() => this.#kill(), graceMs);
	}

	/** Nothing of the group is left when it returns. After `stop`, what still cleans up has the rest of its grace. */
	async close(): Promise<void> {
		if (this.#stopsAt !== null && this.#isRunning()) {
			this.#control.write("leave\n");
			await this.#exited;
			while (Date.now() < this.#stopsAt && signalGroup(this.pid, 0)) {
				await new Promise((resolve) => setTimeout(resolve, leftPollMs));
			}
		}
		clearTimeout(this.#killTimer);
		this.#kill();
		await this.#exited;
		this.#control.destroy();
	}

	#isRunning(): boolean {
		return this.#child.exitCode === null && this.#child.signalCode === null;
	}

	#kill(): void {
		signalGroup(this.pid, "SIGKILL");
	}

	#hear(text: string): void {
		this.#heard += text;
		for (let end = this.#heard.indexOf("\n"); end >= 0; end = this.#heard.indexOf("\n")) {
			const line = this.#heard.slice(0, end);
			this.#heard = this.#heard.slice(end + 1);
			this.#onStatus(Number(line));
		}
	}
}
