// A job's checkout: processes of the runner's own, in a group of their own, with the machine's environment and nothing of the
// job's but what it may ask for. Two scripts if repositories are kept (into the cache, one job at a time, and out of it), else
// one. Whatever it waits for, a stop ends the wait.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readPlainFile } from "../job/plain-file.ts";
import { ownEnv } from "../machine/own-env.ts";
import { programPath } from "../machine/programs.ts";
import { signalGroup } from "../process/process-identity.ts";
import { checkoutFault } from "./checkout-reason.ts";
import type { CheckoutFault, CheckoutSource } from "./checkout-reason.ts";
import { cacheScript, checkoutScript } from "./checkout-scripts.ts";
import type { CheckoutWishes } from "./checkout-wishes.ts";
import type { GitCache } from "./git-cache.ts";

export const checkoutStepName = "checkout";

/** Of what git printed, so much is looked at for the cause. */
const saidCharactersMax = 16_384;
/** What was printed is read for so long after the end, should something keep the pipe open all the same. */
const outputMs = 500;

export interface CheckoutOptions {
	source: CheckoutSource;
	wishes: CheckoutWishes;
	/** Where it goes; a file for the commit that was found, and the program that git asks for a token. */
	places: { work: string; commit: string; askpass: string };
	/** The machine's variables, without what the runner keeps to itself. */
	hostEnv: NodeJS.ProcessEnv;
	tokens: string[];
	/** All of the job's variables. Of these git gets the two that are for it. */
	jobEnv: Readonly<Record<string, string>>;
	/** Null: each checkout fetches from its origin. */
	gitCache: GitCache | null;
	/** Whose job it is, as `owner/repo`: what one repository's jobs fetched is not for another's. */
	repository: string;
	/** The job's steps do not see the machine's files; so neither may a submodule name them. */
	isIsolated: boolean;
	onOutput: (bytes: Uint8Array) => void;
}

export interface CheckoutEnd {
	exitCode: number | null;
	signal: NodeJS.Signals | null;
	/** What was checked out; null unless `exitCode` is 0. */
	commit: string | null;
	/** Null when it succeeded or was stopped. */
	fault: CheckoutFault | null;
}

type ScriptEnd = Pick<CheckoutEnd, "exitCode" | "signal">;

export class Checkout {
	readonly #options: CheckoutOptions;
	readonly #stopping = new AbortController();
	#child: ChildProcess | null = null;
	#killTimer: NodeJS.Timeout | undefined;
	#said = "";

	constructor(options: CheckoutOptions) {
		this.#options = options;
	}

	/** SIGTERM, and SIGKILL when the grace is over; who waits in line for the cache leaves it. The first call counts. */
	stop(graceMs: number): void {
		if (this.#stopping.signal.aborted) return;
		this.#stopping.abort();
		this.#signal(graceMs > 0 ? "SIGTERM" : "SIGKILL");
		this.#killTimer = setTimeout(() => this.#signal("SIGKILL"), graceMs);
	}

	/** Null: stopped before anything was done. */
	async run(): Promise<CheckoutEnd | null> {
		const { source, wishes, places, gitCache, repository, isIsolated } = this.#options;
		const cache = gitCache?.pathOf(repository, source.cloneUrl) ?? null;
		const plan = { source, wishes, commitFile: places.commit, isIsolated };
		try {
			if (gitCache !== null && cache !== null) {
				const script = cacheScript({ ...plan, cache });
				const end = await gitCache.alone(cache, () => this.#bash(script), this.#stopping.signal);
				if (end === null || end.exitCode !== 0) return end && this.#judge(end);
			}
			if (this.#stopping.signal.aborted) return null;
			return this.#judge(await this.#bash(checkoutScript({ ...plan, cache })));
		} finally {
			clearTimeout(this.#killTimer);
		}
	}

	#judge(end: ScriptEnd): CheckoutEnd {
		if (end.exitCode === 0) {
			const commit = readPlainFile(this.#options.places.commit);
			return { ...end, commit, fault: null };
		}
		const isStopped = this.#stopping.signal.aborted;
		const fault = isStopped ? null : checkoutFault(this.#options.source, end.exitCode, this.#said);
		return { ...end, commit: null, fault };
	}

	async #bash(script: string): Promise<ScriptEnd> {
		const { places, hostEnv } = this.#options;
		const child = spawn(
			programPath("bash", hostEnv.PATH),
			["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
			{
				cwd: places.work,
				env: this.#env(),
				detached: true,
				stdio: ["pipe", "pipe", "ignore"],
			},
		);
		this.#child = child;
		child.stdin?.on("error", () => {});
		child.stdout?.on("data", (bytes: Buffer) => this.#hear(bytes));
		try {
			return await new Promise<ScriptEnd>((resolve, reject) => {
				child.once("error", reject);
				child.once("exit", (exitCode, signal) => {
					// What it left behind (the watch for the runner's end, a helper of git's) goes with it.
					if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
					child.once("close", () => resolve({ exitCode, signal }));
					setTimeout(() => resolve({ exitCode, signal }), outputMs).unref();
				});
			});
		} finally {
			this.#child = null;
			child.stdin?.destroy();
			child.stdout?.destroy();
		}
	}

	#hear(bytes: Buffer): void {
		this.#said = (this.#said + bytes.toString("latin1")).slice(-saidCharactersMax);
		this.#options.onOutput(bytes);
	}

	#signal(signal: NodeJS.Signals): void {
		if (this.#child?.pid !== undefined) signalGroup(this.#child.pid, signal);
	}

	#env(): Record<string, string> {
		const { source, hostEnv, tokens, jobEnv, places } = this.#options;
		const { SPILLWAY_GIT_TOKEN: token = "", SPILLWAY_GIT_USER: user = "" } = jobEnv;
		return {
			GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o ConnectTimeout=30",
			...ownEnv(hostEnv, tokens),
			LC_ALL: "C",
			GIT_TERMINAL_PROMPT: "0",
			GIT_ASKPASS: token === "" ? "false" : places.askpass,
			SSH_ASKPASS: "false",
			GCM_INTERACTIVE: "never",
			GIT_LFS_SKIP_SMUDGE: "1",
			// A repository of another host must not name files of this machine as its submodules.
			GIT_ALLOW_PROTOCOL: source.cloneUrl.startsWith("file:") ? "file:git:http:https:ssh" : "git:http:https:ssh",
			GIT_HTTP_LOW_SPEED_LIMIT: "1",
			GIT_HTTP_LOW_SPEED_TIME: "60",
			...(token === "" ? {} : { SPILLWAY_GIT_TOKEN: token }),
			...(user === "" ? {} : { SPILLWAY_GIT_USER: user }),
		};
	}
}
