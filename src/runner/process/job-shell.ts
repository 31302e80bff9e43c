// A job's processes: one small shell that leads the job's process group and starts each step in it when told to. Since steps
// share the group, what a step leaves in the background lives until the job ends, and not a moment longer.
import { closeSync, constants, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import type { Fifos } from "./fifos.ts";
import type { JobStarter } from "./job-starter.ts";
import { signalGroup } from "./process-identity.ts";
import { quoted } from "./shell-quote.ts";

/**
 * Line in: a script's name, and the commit once it is known. Line out: first its process id, then each step's exit status.
 * The traps keep this shell alive whatever the group gets; unlike ignored signals, they are not inherited by the steps. Its
 * own stderr is nowhere, so that its remarks ("Terminated") are not taken for the job's. When the runner dies, the starter
 * kills the group.
 */
const script = `trap : TERM INT HUP QUIT USR1 USR2 ALRM PIPE
echo "$$" >&4
while IFS=' ' read -r step commit <&3; do
	[ "$step" = leave ] && exit 0
	[ -z "$commit" ] || export SPILLWAY_COMMIT="$commit"
	set -- "$1" bash -e -o pipefail "$1/$step.sh"
	[ -e "$1/$step.wrap" ] && set -- "$1" bash "$1/$step.wrap" bash -e -o pipefail "$1/$step.sh"
	folder=$1
	shift
	"$@" 2>&1 3>&- 4>&-
	echo "$?" >&4
	set -- "$folder"
done
kill -KILL 0`;

/** How often a group that was asked to stop is looked at. */
const leftPollMs = 50;

/** What macOS takes for arguments and environment together, less some room; Linux takes twice as much. */
const envBytesMax = 1_000_000;
/** A shell that is slower to start than this will not start. */
const startMs = 10_000;

/** `signal` is set when the shell itself was killed, as by a job that kills its own group. */
export type StepEnd = { exitCode: number; signal: null } | { exitCode: null; signal: NodeJS.Signals };

export interface JobShellOptions {
	starter: JobStarter;
	fifos: Fifos;
	/** Where the file that starts it goes, where the steps run, and where their scripts are: `1.sh`, `2.sh` … */
	startFile: string;
	cwd: string;
	scripts: string;
	env: Record<string, string>;
	/** A FIFO that takes the steps' output. */
	output: string;
}

export class JobShell {
	#pid = 0;
	readonly #controlFd: number;
	readonly #status: Socket;
	readonly #starter: JobStarter;
	readonly #exited: Promise<NodeJS.Signals>;
	#hasExited = false;
	#heard = "";
	#onLine: (line: string) => void = () => {};
	#stopsAt: number | null = null;
	#killTimer: NodeJS.Timeout | undefined;

	private constructor(starter: JobStarter, { control, status }: { control: string; status: string }) {
		this.#starter = starter;
		// For reading too, so that opening does not wait for the shell.
		this.#controlFd = openSync(control, constants.O_RDWR | constants.O_NONBLOCK);
		const fd = openSync(status, constants.O_RDONLY | constants.O_NONBLOCK);
		this.#status = new Socket({ fd, readable: true, writable: false });
		this.#status.on("data", (chunk: Buffer) => this.#hear(chunk.toString("latin1")));
		this.#status.on("error", () => {});
		this.#exited = new Promise((resolve) => {
			// It traps every signal that can be, so this is the one that ended it.
			this.#status.once("close", () => {
				this.#hasExited = true;
				resolve("SIGKILL");
			});
		});
	}

	get pid(): number {
		return this.#pid;
	}

	/** Throws when the process cannot be started: no such folder, too large an environment, too many processes. */
	static async open(options: JobShellOptions): Promise<JobShell> {
		const { fifos, starter, startFile } = options;
		checkEnv(options.env);
		const [control, status] = [await fifos.take(), await fifos.take()];
		const shell = new JobShell(starter, { control, status });
		// Without a writer the status would seem to be at its end.
		const keptFd = openSync(status, constants.O_WRONLY);
		try {
			writeFileSync(startFile, startScript({ ...options, control, status }), { mode: 0o600 });
			const first = shell.#line(startMs);
			starter.start(startFile);
			shell.#pid = Number(await first);
			if (!(shell.#pid > 0)) throw new Error(`its shell did not start within ${startMs / 1_000} s`);
			starter.hold(shell.#pid);
			return shell;
		} catch (error) {
			shell.#release();
			throw error;
		} finally {
			closeSync(keptFd);
			// The start file holds the job's secrets: it goes as soon as it is read.
			for (const path of [control, status, startFile]) rmSync(path, { force: true });
		}
	}

	/** One step at a time. */
	async run(step: number | string, commit: string | null): Promise<StepEnd> {
		const status = this.#line(null).then((line): StepEnd => ({ exitCode: Number(line), signal: null }));
		this.#say(`${step} ${commit ?? ""}`);
		return Promise.race([status, this.#exited.then((signal): StepEnd => ({ exitCode: null, signal }))]);
	}

	/** SIGTERM to all of the job, and SIGKILL when the grace is over. The first call counts; `graceMs` 0 kills at once. */
	stop(graceMs: number): void {
		if (this.#stopsAt !== null) return;
		this.#stopsAt = performance.now() + graceMs;
		if (graceMs > 0) signalGroup(this.pid, "SIGTERM");
		this.#killTimer = setTimeout(() => this.#kill(), graceMs);
	}

	/** Nothing of the group is left when it returns. After `stop`, what still cleans up has the rest of its grace. */
	async close(): Promise<void> {
		if (this.#stopsAt !== null && !this.#hasExited) {
			this.#say("leave");
			await this.#exited;
			while (performance.now() < this.#stopsAt && signalGroup(this.pid, 0)) {
				await new Promise((resolve) => setTimeout(resolve, leftPollMs));
			}
		}
		clearTimeout(this.#killTimer);
		this.#kill();
		await this.#exited;
		this.#starter.release(this.pid);
		this.#release();
	}

	#release(): void {
		this.#status.destroy();
		closeSync(this.#controlFd);
	}

	#say(line: string): void {
		writeSync(this.#controlFd, `${line}\n`);
	}

	/** The next line that the shell says; empty when it says nothing in time. */
	#line(ms: number | null): Promise<string> {
		return new Promise((resolve) => {
			const timer = ms === null ? undefined : setTimeout(() => resolve(""), ms);
			this.#onLine = (line) => {
				clearTimeout(timer);
				resolve(line);
			};
		});
	}

	#kill(): void {
		signalGroup(this.pid, "SIGKILL");
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

/** The server checks names too; here they become words of a shell script. */
function checkEnv(env: Record<string, string>): void {
	const bad = Object.keys(env).find((name) => !/^[A-Za-z_]\w*$/.test(name));
	if (bad !== undefined) throw new Error(`a variable's name that a shell cannot use: ${JSON.stringify(bad)}`);
	const bytes = Object.entries(env).reduce((sum, pair) => sum + Buffer.byteLength(pair.join("=")) + 1, 0);
	if (bytes > envBytesMax) throw new Error(`its environment of ${bytes} bytes is larger than ${envBytesMax}`);
}

/** Bash, run by the starter. An `exec` that fails ends a subshell without a word, so its failure is told by `startMs`. */
function startScript(options: JobShellOptions & { control: string; status: string }): string {
	const { control, status, output, env, cwd, scripts } = options;
	const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`);
	return [
		`exec 3<${quoted(control)} 4>${quoted(status)} 5>${quoted(output)}`,
		"unset PATH OLDPWD SHLVL",
		...exports,
		`cd ${quoted(cwd)} && exec /bin/sh -c ${quoted(script)} spillway-job ${quoted(scripts)} >&5 5>&- 2>/dev/null`,
	].join("\n");
}
