// A program of ours as a child process: what it prints first, and an end that always comes.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const spillway = join(root, "dist/spillway.js");

/** A runner drains and a server stops well within this; then it is killed. */
const stopMs = 10_000;
const readyMs = 30_000;

export interface ChildOptions {
	words: string[];
	environment?: NodeJS.ProcessEnv;
	/** A program and its first arguments, which starts the rest. */
	by?: string[];
	/** The command line's file, where it is not this build's. */
	script?: string;
}

export class Child {
	readonly process: ChildProcess;
	readonly name: string;
	/** What it wrote to standard error, the last of it, for whoever must say why it died. */
	complaint = "";
	readonly #exited: Promise<unknown>;

	constructor({ words, environment = {}, by = [], script = spillway }: ChildOptions) {
		this.name = `spillway ${words[0] === "serve" ? "serve" : words.slice(0, 2).join(" ")}`;
		const [program = process.execPath, ...rest] = [...by, process.execPath, script, ...words];
		this.process = spawn(program, rest, {
			env: { ...process.env, ...environment },
			// A group of its own: ctrl-c at the terminal is for the parent, which stops its children in order.
			detached: true,
			stdio: ["ignore", "pipe", "pipe"],
		});
		this.#exited = once(this.process, "exit");
		this.process.stderr?.setEncoding("utf8").on("data", (text: string) => {
			this.complaint = (this.complaint + text).slice(-4_000);
		});
	}

	/** The first line of its standard output. Throws with its complaint when it ends or stays silent. */
	async firstLine(): Promise<string> {
		const { stdout } = this.process;
		if (!stdout) throw new Error(`${this.name} has no output`);
		const lines = createInterface({ input: stdout });
		const silent = AbortSignal.timeout(readyMs);
		const [line] = await Promise.race([
			once(lines, "line", { signal: silent }),
			this.#exited.then(() => Promise.reject(new Error(`${this.name} ended: ${this.complaint.trim()}`))),
		]);
		stdout.resume();
		return line;
	}

	get isRunning(): boolean {
		return this.process.exitCode === null && this.process.signalCode === null;
	}

	/** Its exit code; null when a signal ended it. */
	async end(): Promise<number | null> {
		if (this.isRunning) await this.#exited;
		return this.process.exitCode;
	}

	/** SIGTERM, then SIGKILL. Resolves when it is gone. */
	async stop(): Promise<void> {
		if (!this.isRunning) return;
		this.process.kill("SIGTERM");
		const timer = setTimeout(() => this.process.kill("SIGKILL"), stopMs);
		await this.#exited;
		clearTimeout(timer);
	}
}

/** What `spillway serve --json` prints when it is ready. */
export interface Ready {
	url: string;
	operatorToken: string;
	pid: number;
}

export async function startServer(
	data: string,
	{ port = 0, environment = {}, ...build }: { port?: number; environment?: NodeJS.ProcessEnv; script?: string } = {},
): Promise<{ child: Child; ready: Ready }> {
	const words = ["serve", "--json", "--port", String(port), "--data", data];
	const child = new Child({ words, environment, ...build });
	try {
		return { child, ready: JSON.parse(await child.firstLine()) };
	} catch (error) {
		await child.stop();
		throw error;
	}
}
