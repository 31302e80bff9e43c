// One job's folder under the runner's: where it works, its home, its temporary files, the scripts of its steps; and beside it,
// its log until that is delivered, and which process leads it. Small files are written synchronously: cheaper than a trip through the pool.
import { execFile } from "node:child_process";
import { lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { SpoolPlace } from "../log/left-logs.ts";
import { readPlainFile } from "./plain-file.ts";
import type { JobProcesses } from "../process/job-processes.ts";

export class JobFolder {
	readonly path: string;
	readonly work: string;
	readonly home: string;
	readonly temporary: string;
	readonly scripts: string;
	readonly spool: SpoolPlace;
	readonly retryAfter: string;
	readonly commit: string;
	readonly askpass: string;
	/** Beside the jobs' folders: what a sandboxed job can write must not say what is killed. */
	readonly #processes: string;

	constructor(path: string) {
		this.path = path;
		this.work = join(path, "work");
		this.home = join(path, "home");
		this.temporary = join(path, "tmp");
		this.scripts = join(path, "steps");
		this.spool = new SpoolPlace(join(dirname(dirname(path)), "spools"), basename(path));
		this.retryAfter = join(path, "retry-after");
		this.commit = join(path, "commit");
		this.#processes = join(dirname(dirname(path)), "processes", `${basename(path)}.json`);
		this.askpass = join(path, "askpass.sh");
	}

	/** Throws when it is there already: a lease is run once. */
	make(): void {
		mkdirSync(this.path, { mode: 0o700 });
		for (const folder of [this.work, this.home, this.temporary, this.scripts]) mkdirSync(folder);
	}

	/** By its name, which is a step's number for all but the runner's own. */
	writeScript(name: number | string, script: string): void {
		writeFileSync(join(this.scripts, `${name}.sh`), script);
	}

	/** What a wrapped step begins with, inside. */
	writeEntry(script: string): void {
		writeFileSync(join(this.scripts, "enter.bash"), script);
	}

	/** A program: git runs it by its path. */
	writeAskpass(script: string): void {
		writeFileSync(this.askpass, script, { mode: 0o700 });
	}

	/** Before any step runs, so that whoever cleans up after a crash finds all of it. */
	recordProcesses(processes: JobProcesses): void {
		mkdirSync(dirname(this.#processes), { recursive: true, mode: 0o700 });
		writeFileSync(this.#processes, JSON.stringify(processes));
	}

	/** Null when none was started. */
	readProcesses(): JobProcesses | null {
		const text = readPlainFile(this.#processes);
		try {
			return text === null ? null : JSON.parse(text);
		} catch {
			return null;
		}
	}

	/** What the job asked for; null when it asked for nothing that is a number of seconds. */
	readRetryAfterSeconds(): number | null {
		const text = readPlainFile(this.retryAfter)?.trim() ?? "";
		return /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
	}

	/** Where a hook works: not where a job put a link in place of its folder, since a hook may remove what it finds. */
	ownWork(): string {
		return lstatSync(this.work, { throwIfNoEntry: false })?.isDirectory() ? this.work : this.path;
	}

	async remove(): Promise<void> {
		this.spool.remove();
		await this.removeWork();
	}

	/** All but its log, which is still to be delivered. */
	async removeWork(): Promise<void> {
		await removeFolder(this.path);
		await rm(this.#processes, { force: true });
	}
}

/** Also folders that a job made read-only, as Go's module cache is. Throws when something stays; all else is gone then. */
export async function removeFolder(path: string): Promise<void> {
	try {
		await rm(path, { recursive: true, force: true });
	} catch {
		await promisify(execFile)("chmod", ["-R", "u+rwX", "--", path]).catch(() => {});
		// It goes on behind what it cannot delete.
		await promisify(execFile)("rm", ["-rf", "--", path]).catch(() => {});
		await rm(path, { recursive: true, force: true });
	}
}
