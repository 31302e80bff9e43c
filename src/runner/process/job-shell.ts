// A job's processes as its runner sees them: one leader that starts each step when told to. What a step leaves in the
// background lives until the job ends, and not a moment longer. The job's variables enter with a step's own program: neither
// the leader nor what wraps a step has them.
import { closeSync, constants, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { JobFault } from "../job/job-fault.ts";
import { programPath } from "../machine/programs.ts";
import type { Containment } from "./containment.ts";
import { containJob } from "./containment.ts";
import { variablePattern } from "../../domain/text/names.ts";
import type { Fifos } from "./fifos.ts";
import type { JobProcesses } from "./job-processes.ts";
import type { JobStarter, LeaderStart } from "./job-starter.ts";
import { identify } from "./process-identity.ts";

/** What macOS takes for arguments and environment together, less some room; Linux takes twice as much. */
const envBytesMax = 1_000_000;
/** A leader that is slower to start than this will not start. */
const startMs = 10_000;
/** A leader that was told to end its job and does not say within this long that it did is ended from outside. */
const endMs = 12_000;

/** `signal` is set when the leader itself was killed, as by a job that kills its own group. */
export type StepEnd = { exitCode: number; signal: null } | { exitCode: null; signal: NodeJS.Signals };

export interface JobShellOptions extends Pick<LeaderStart, "cwd" | "scripts" | "wrapper" | "env" | "output"> {
	starter: JobStarter;
	fifos: Fifos;
	containment: Containment;
	/** Called when not all of the job could be ended. */
	onLeft: () => void;
}

export class JobShell {
	#processes: JobProcesses;
	readonly #controlFd: number;
	readonly #status: Socket;
	readonly #starter: JobStarter;
	readonly #onLeft: () => void;
	readonly #exited: Promise<NodeJS.Signals>;
	#isOver = false;
	#heard = "";
	#onLine: (line: string) => void = () => {};
	#stopsAt: number | null = null;
	#killTimer: NodeJS.Timeout | undefined;

	private constructor({ starter, onLeft }: JobShellOptions, start: LeaderStart) {
		this.#starter = starter;
		this.#onLeft = onLeft;
		this.#processes = { ...start, pid: 0, startedAt: "" };
		// For reading too, so that opening does not wait for the leader.
		this.#controlFd = openSync(start.control, constants.O_RDWR | constants.O_NONBLOCK);
		const fd = openSync(start.status, constants.O_RDONLY | constants.O_NONBLOCK);
		this.#status = new Socket({ fd, readable: true, writable: false });
		this.#status.on("data", (chunk: Buffer) => this.#hear(chunk.toString("utf8")));
		this.#status.on("error", () => {});
		this.#exited = new Promise((resolve) => {
			// It traps every signal that can be, so this is the one that ended it.
			this.#status.once("close", () => resolve("SIGKILL"));
		});
	}

	/** By what all of it can be ended from outside. */
	get processes(): JobProcesses {
		return this.#processes;
	}

	/** Throws when the process cannot be started: no such folder, too large an environment, too many processes. */
	static async open(options: JobShellOptions): Promise<JobShell> {
		const { fifos, starter, cwd, scripts, wrapper, env, output } = options;
		checkEnv(env.job);
		const [control, status] = [await fifos.take(), await fifos.take()];
		const known = containJob(options.containment);
		const job = { ...env.job, SPILLWAY_PROCESS_MARK: known.mark };
		const wrap = { ...env.wrap, SPILLWAY_PROCESS_MARK: known.mark };
		const bash = programPath("bash");
		const paths = { control, status, output, cwd, scripts };
		const start = { ...known, ...paths, bash, wrapper, env: { job, wrap } };
		const shell = new JobShell(options, start);
		// Without a writer the status would seem to be at its end.
		const keptFd = openSync(status, constants.O_WRONLY);
		try {
			const first = shell.#line(startMs);
			starter.start(start);
			await shell.#become(await first);
			return shell;
		} catch (error) {
			dropCgroup(known.cgroup);
			shell.#release();
			throw error;
		} finally {
			closeSync(keptFd);
			for (const path of [control, status]) rmSync(path, { force: true });
		}
	}

	/** One step at a time. Throws when the runner cannot do its part. */
	async run(step: number, commit: string | null): Promise<StepEnd> {
		const line = this.#line(null);
		this.#say(`run ${step} ${commit ?? ""}`);
		const end = await Promise.race([line, this.#exited]);
		if (end.startsWith("fault ")) throw new Error(end.slice("fault ".length));
		return /^\d+$/.test(end) ? { exitCode: Number(end), signal: null } : { exitCode: null, signal: "SIGKILL" };
	}

	/** SIGTERM to all of the job, and SIGKILL when the grace is over. The first call counts; `graceMs` 0 kills at once. */
	stop(graceMs: number): void {
		if (this.#stopsAt !== null) return;
		this.#stopsAt = performance.now() + graceMs;
		if (graceMs > 0) this.#say("term");
		this.#killTimer = setTimeout(() => this.#kill(), graceMs);
	}

	/** Nothing of the job is left when it returns. After `stop`, what still cleans up has the rest of its grace. */
	async close(): Promise<void> {
		const restMs = this.#stopsAt === null ? 0 : Math.max(0, Math.ceil(this.#stopsAt - performance.now()));
		clearTimeout(this.#killTimer);
		this.#say(`leave ${restMs}`);
		await this.#untilOver(restMs + endMs);
		this.#starter.release(this.#processes.pid);
		this.#release();
	}

	async #become(line: string): Promise<void> {
		if (line === "") {
			this.#starter.replace();
			throw new Error(`its leader did not start within ${startMs / 1_000} s`);
		}
		if (line.startsWith("fault ")) throw new Error(line.slice("fault ".length));
		const identity = await identify(Number(line));
		const { kind, cgroup, mark } = this.#processes;
		this.#processes = { kind, cgroup, mark, pid: Number(line), startedAt: identity?.startedAt ?? "" };
		this.#starter.hold(this.#processes);
	}

	#kill(): void {
		this.#say("kill");
		// One that the job stopped or killed cannot.
		this.#killTimer = setTimeout(() => void this.#starter.end(this.#processes).catch(() => {}), endMs);
	}

	/** A leader that says nothing in time, or died without saying that all is over, is ended with its job from outside. */
	async #untilOver(ms: number): Promise<void> {
		for (let line = ""; !/^(over|left)$/.test(line); ) {
			line = await Promise.race([this.#line(ms), this.#exited]);
			this.#onLine("");
			if (line === "left") this.#onLeft();
			if (line === "" || line === "SIGKILL") return this.#starter.end(this.#processes);
		}
	}

	#release(): void {
		this.#isOver = true;
		clearTimeout(this.#killTimer);
		this.#status.destroy();
		closeSync(this.#controlFd);
	}

	#say(line: string): void {
		if (!this.#isOver) writeSync(this.#controlFd, `${line}\n`);
	}

	/** The next line that the leader says; empty when it says nothing in time. */
	#line(ms: number | null): Promise<string> {
		return new Promise((resolve) => {
			const timer = ms === null ? undefined : setTimeout(() => resolve(""), ms);
			this.#onLine = (line) => {
				clearTimeout(timer);
				resolve(line);
			};
		});
	}

	#hear(text: string): void {
		this.#heard += text;
		for (let end = this.#heard.indexOf("\n"); end >= 0; end = this.#heard.indexOf("\n")) {
			const line = this.#heard.slice(0, end);
			this.#heard = this.#heard.slice(end + 1);
			this.#onLine(line);
		}
	}
}

/** What is not empty is ended by the leader that was started in it. */
function dropCgroup(path: string): void {
	try {
		if (path !== "") rmdirSync(path);
	} catch {
		// It is empty, and costs a folder until the machine or the runner's unit starts anew.
	}
}

/** The server checks names too; here some of them become words of a script. */
function checkEnv(env: Record<string, string>): void {
	const bad = Object.keys(env).find((name) => !variablePattern.test(name));
	if (bad !== undefined) throw new JobFault(`a variable's name that a shell cannot use: ${JSON.stringify(bad)}`);
	const zero = Object.entries(env).find(([, value]) => value.includes("\0"));
	if (zero) throw new JobFault(`a variable whose value has a zero byte: ${zero[0]}`);
	const bytes = Object.entries(env).reduce((sum, pair) => sum + Buffer.byteLength(pair.join("=")) + 1, 0);
	if (bytes > envBytesMax) throw new JobFault(`its environment of ${bytes} bytes is larger than ${envBytesMax}`);
}
