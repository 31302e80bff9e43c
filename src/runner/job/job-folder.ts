// One job's folder under the runner's: where it works, its home, its temporary files, the scripts of its steps, its log until
// that is delivered, and which process leads it. Small files are written synchronously: cheaper than a trip through the pool.
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { readPlainFile } from "./plain-file.ts";
import type { ProcessIdentity } from "../process/process-identity.ts";

export class JobFolder {
	readonly path: string;
	readonly work: string;
	readonly home: string;
	readonly temporary: string;
	readonly scripts: string;
	readonly log: string;
	readonly retryAfter: string;
	readonly commit: string;
	readonly startFile: string;
	readonly askpass: string;

	constructor(path: string) {
		this.path = path;
		this.work = join(path, "work");
		this.home = join(path, "home");
		this.temporary = join(path, "tmp");
		this.scripts = join(path, "steps");
		this.log = join(path, "log");
		this.retryAfter = join(path, "retry-after");
		this.commit = join(path, "commit");
		this.startFile = join(path, "start.bash");
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

	/** What starts a step that is isolated. */
	writeWrapper(step: number, script: string): void {
		writeFileSync(join(this.scripts, `${step}.wrap`), script);
	}

	/** A program: git runs it by its path. */
	writeAskpass(script: string): void {
		writeFileSync(this.askpass, script, { mode: 0o700 });
	}

	/** Before any step runs, so that whoever cleans up after a crash finds the group. */
	recordProcess(identity: ProcessIdentity): void {
		writeFileSync(join(this.path, "process.json"), JSON.stringify(identity));
	}

	/** Null when none was started. */
	readProcess(): ProcessIdentity | null {
		const text = readPlainFile(join(this.path, "process.json"));
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

	async remove(): Promise<void> {
		await removeFolder(this.path);
	}
}

/** Also folders that a job made read-only, as Go's module cache is. */
export async function removeFolder(path: string): Promise<void> {
	try {
		await rm(path, { recursive: true, force: true });
	} catch {
		await promisify(execFile)("chmod", ["-R", "u+rwX", "--", path]).catch(() => {});
		await rm(path, { recursive: true, force: true });
	}
}
