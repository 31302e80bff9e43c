// A server under test: started, waited for, looked at through /proc, and ended with all that it started.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const startMs = 60_000;
const stopMs = 10_000;
/** What a clock tick of /proc/<pid>/stat is on every Linux that Node runs on. */
const tickMs = 10;
const complaintsKept = 20;

export interface Usage {
	/** Processor time of all its processes since they began. */
	cpuMs: number;
	/** Resident memory by the program's name, in bytes. */
	rssBytes: Record<string, number>;
}

export class Child<Ready> {
	readonly ready: Ready;
	/** The last lines of its standard error: a server that is well writes none. */
	readonly complaints: string[];
	readonly #process: ChildProcess;

	private constructor(process: ChildProcess, ready: Ready, complaints: string[]) {
		this.#process = process;
		this.ready = ready;
		this.complaints = complaints;
	}

	/** A Node program that prints one line of JSON when it is ready. */
	static async start<Ready>(args: string[], environment: NodeJS.ProcessEnv = {}): Promise<Child<Ready>> {
		const child = spawn(process.execPath, args, {
			stdio: ["pipe", "pipe", "pipe"],
			env: { ...process.env, ...environment },
			// A ctrl-c is ours to handle: the whole process group would get it.
			detached: true,
		});
		const complaints: string[] = [];
		createInterface({ input: child.stderr }).on("line", (line) => {
			if (/ info /.test(line)) return;
			complaints.push(line);
			if (complaints.length > complaintsKept) complaints.shift();
		});
		const lines = createInterface({ input: child.stdout });
		const first = once(lines, "line", { signal: AbortSignal.timeout(startMs) }).then(([line]) => String(line));
		const ended = once(child, "exit").then(([code]) => {
			throw new Error(`${args.join(" ")} ended with ${code}: ${complaints.join("\n")}`);
		});
		try {
			const line = await Promise.race([first, ended]);
			ended.catch(() => {});
			return new Child(child, JSON.parse(line) as Ready, complaints);
		} catch (error) {
			first.catch(() => {});
			child.kill("SIGKILL");
			throw error;
		}
	}

	/** Of the process and all below it. Null where there is no /proc. */
	usage(): Usage | null {
		const usage: Usage = { cpuMs: 0, rssBytes: {} };
		const tree = treeOf(this.#process.pid ?? 0);
		if (tree === null) return null;
		for (const pid of tree) {
			const stat = readStat(pid);
			if (stat === null) continue;
			usage.cpuMs += stat.cpuMs;
			usage.rssBytes[stat.name] = (usage.rssBytes[stat.name] ?? 0) + stat.rssBytes;
		}
		return usage;
	}

	/** As a user stops it; what is left after that is killed by its process id. */
	async stop(): Promise<void> {
		const tree = treeOf(this.#process.pid ?? 0) ?? [];
		const isEnded = () => this.#process.exitCode !== null || this.#process.signalCode !== null;
		if (!isEnded()) {
			this.#process.kill("SIGTERM");
			const ended = once(this.#process, "exit");
			await Promise.race([ended, sleep(stopMs, null, { ref: false })]);
		}
		for (const pid of tree) {
			// A pid that stands for nobody by now throws; so soon after, no one else has it.
			if (pid !== this.#process.pid || !isEnded()) kill(pid);
		}
	}
}

function kill(pid: number): void {
	try {
		process.kill(pid, "SIGKILL");
	} catch {
		// It has ended by itself.
	}
}

interface Stat {
	name: string;
	parent: number;
	cpuMs: number;
	rssBytes: number;
}

function treeOf(root: number): number[] | null {
	let names: string[];
	try {
		names = readdirSync("/proc");
	} catch {
		return null;
	}
	const children = new Map<number, number[]>();
	for (const name of names) {
		const pid = Number(name);
		const stat = Number.isInteger(pid) ? readStat(pid) : null;
		if (stat === null) continue;
		const siblings = children.get(stat.parent);
		if (siblings) siblings.push(pid);
		else children.set(stat.parent, [pid]);
	}
	const tree = [root];
	for (const pid of tree) tree.push(...(children.get(pid) ?? []));
	return tree;
}

/** Null when there is no such process any more. */
function readStat(pid: number): Stat | null {
	try {
		const text = readFileSync(`/proc/${pid}/stat`, "latin1");
		const memory = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
		// The name stands in parentheses and may hold spaces and more of them.
		const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
		return {
			name: text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")),
			parent: Number(fields[1]),
			cpuMs: (Number(fields[11]) + Number(fields[12])) * tickMs,
			rssBytes: Number(memory?.[1] ?? 0) * 1_024,
		};
	} catch {
		return null;
	}
}
