// A program of the machine's owner, run before or after each job: outside the job's processes, with the machine's own
// environment and what the job is, but none of its secrets. What it prints stands in the job's log.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { ChildProcess } from "node:child_process";
import { placeEnv } from "../job/job-env.ts";
import { JobFault } from "../job/job-fault.ts";
import type { Grant } from "../../contracts/http/runner.ts";
import type { JobLog } from "../log/job-log.ts";
import { ownEnv } from "./own-env.ts";
import type { JobProcesses } from "../process/job-processes.ts";
import { identify } from "../process/process-identity.ts";
import { endProcesses } from "../process/supervisor.ts";

export type HookName = "pre-job" | "post-job";

/** By this a hook says that the job itself is not to be run here, nor elsewhere: `EX_NOPERM` of sysexits. */
const objectionCode = 77;
/** A hook that takes longer hangs. */
const hookMs = 5 * 60 * 1_000;
/** What a hook started in the background may keep its output open; it is not waited for longer than this. */
const outputMs = 500;

export interface HookCall {
	name: HookName;
	/** The program. */
	path: string;
	cwd: string;
	env: NodeJS.ProcessEnv;
	log: JobLog;
}

export class Hook {
	/** Null: it ended with 0. A `JobFault`: it objects to this job. Else what is wrong with it, which is the machine's fault. */
	readonly done: Promise<Error | null>;
	readonly #child: ChildProcess;
	readonly #mark = randomBytes(12).toString("hex");
	#stopped: string | null = null;

	constructor({ name, path, cwd, env, log }: HookCall) {
		log.note(`\u001b[1;36m▸ ${name}\u001b[0m`);
		const marked = { ...env, SPILLWAY_PROCESS_MARK: this.#mark };
		this.#child = spawn(path, [], { cwd, env: marked, detached: true, stdio: ["ignore", "pipe", "pipe"] });
		for (const stream of [this.#child.stdout, this.#child.stderr]) {
			stream?.on("data", (bytes: Buffer) => log.append(bytes));
		}
		const timer = setTimeout(() => this.stop(`took longer than ${hookMs / 1_000} s`), hookMs);
		this.done = this.#end(name).finally(() => clearTimeout(timer));
	}

	/** It leads a process group. Null when it could not be started, or is over. */
	async processes(): Promise<JobProcesses | null> {
		const identity = this.#child.pid === undefined ? null : await identify(this.#child.pid);
		return identity && { ...identity, kind: "group", cgroup: "", mark: this.#mark };
	}

	/** Kills it with all that it started. */
	stop(reason: string): void {
		this.#stopped ??= reason;
		const end = this.processes().then((processes) => processes && endProcesses(processes));
		// Where no further process can be started, what it started stays.
		end.catch(() => this.#child.kill("SIGKILL"));
	}

	async #end(name: HookName): Promise<Error | null> {
		const child = this.#child;
		let objects = false;
		const end = await new Promise<string>((resolve) => {
			child.once("error", (error) => resolve(error.message));
			child.once("exit", (code, signal) => {
				objects = code === objectionCode;
				const text = code === 0 ? "" : (signal ?? `exit code ${code}`);
				child.once("close", () => resolve(text));
				setTimeout(() => resolve(text), outputMs).unref();
			});
		});
		child.stdout?.destroy();
		child.stderr?.destroy();
		const reason = this.#stopped ?? (end === "" ? null : `ended with ${end}`);
		if (reason === null) return null;
		const Fault = objects && this.#stopped === null ? JobFault : Error;
		return new Fault(`the hook ${name} ${reason}`);
	}
}

/** What a hook may know of the job, beside the machine's own environment without the runner's tokens. */
export function hookEnv(host: NodeJS.ProcessEnv, tokens: string[], { job, run, repository, lease }: Grant) {
	return {
		...ownEnv(host, tokens),
		SPILLWAY_LEASE_ID: lease.id,
		...placeEnv({ job, run, repository }),
		SPILLWAY_CLONE_URL: run.source?.cloneUrl ?? "",
		SPILLWAY_REF: run.source?.ref ?? "",
	};
}
