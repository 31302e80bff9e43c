// The runner's folder: one runner at a time, who it is registered as, and its jobs' folders. Whatever an earlier runner left
// when it was killed (processes, folders) ends here, before the new one takes its first job.
import {
	mkdtempSync,
	readdirSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	unlinkSync,
	writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import type { EventLog } from "./event-log.ts";
import { JobFolder } from "./job/job-folder.ts";
import { Leftovers } from "./leftovers.ts";
import { LeftLogs } from "./log/left-logs.ts";
import { makeFolder } from "./made-folder.ts";
import { identify, isAlive } from "./process/process-identity.ts";
import type { ProcessIdentity } from "./process/process-identity.ts";
import { endProcesses } from "./process/supervisor.ts";

export class WorkFolder {
	readonly path: string;
	readonly leftovers: Leftovers;
	/** Another one where the last runner's cannot be emptied: names in it are used again. */
	pipes: string;
	readonly cache: string;
	/** What jobs of killed runners printed and nobody has sent. */
	leftLogs: LeftLogs | null = null;
	readonly jobs: string;
	readonly #lock: string;
	readonly #registration: string;

	private constructor(path: string, eventLog: EventLog) {
		this.path = resolve(path);
		this.leftovers = new Leftovers(eventLog);
		this.jobs = join(this.path, "jobs");
		this.pipes = join(this.path, "pipes");
		this.cache = join(this.path, "cache");
		this.#lock = join(this.path, "lock.json");
		this.#registration = join(this.path, "runner.json");
	}

	/** Throws when a live runner has it. */
	static async open(path: string, eventLog: EventLog): Promise<WorkFolder> {
		const folder = new WorkFolder(realFolder(path), eventLog);
		await folder.#begin();
		await folder.#clean(eventLog);
		return folder;
	}

	job(lease: string): JobFolder {
		if (!isFolderName(lease)) throw new Error("a lease's id that cannot be a folder's name");
		return new JobFolder(join(this.jobs, lease));
	}

	/** Null when there is none, or none that can be read. */
	readRegistration(): unknown {
		return readJson(this.#registration);
	}

	/** It holds a token: for the owner's eyes only. Throws where the disk takes nothing. */
	writeRegistration(registration: object): void {
		writeFileSync(`${this.#registration}.new`, JSON.stringify(registration), { mode: 0o600 });
		renameSync(`${this.#registration}.new`, this.#registration);
	}

	close(): void {
		this.leftovers.close();
		try {
			rmSync(this.#lock, { force: true });
		} catch {
			// The next start finds that its process is gone.
		}
	}

	async #begin(): Promise<void> {
		try {
			makeFolder(this.jobs);
			await this.#takeLock();
		} catch (error) {
			throw unusable(this.path, error);
		}
	}

	async #takeLock(): Promise<void> {
		const self = await identify(process.pid);
		for (;;) {
			try {
				writeFileSync(this.#lock, JSON.stringify(self), { flag: "wx" });
				return;
			} catch (error) {
				if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
			}
			const holder = readJson(this.#lock) as ProcessIdentity | null;
			if (holder && (await isAlive(holder))) {
				throw new Error(`another runner (process ${holder.pid}) works in ${this.path}`);
			}
			unlinkSync(this.#lock);
		}
	}

	async #clean(eventLog: EventLog): Promise<void> {
		for (const lease of readdirSync(this.jobs)) {
			// Neither a job's nor the runner's: `lost+found`, `.DS_Store`. It is left where it is, and harms nothing.
			if (!isFolderName(lease)) {
				eventLog("stray-name", { path: join(this.jobs, lease) });
				continue;
			}
			const job = this.job(lease);
			const processes = job.readProcesses();
			const killed = processes !== null && (await endProcesses(processes));
			await this.leftovers.remove(job.path, () => job.removeWork());
			eventLog("job-left-behind", { lease, killed });
		}
		for (const name of readdirSync(this.path).filter((entry) => /^pipes(-\w+)?$/.test(entry))) {
			const isGone = await this.leftovers.remove(join(this.path, name));
			if (!isGone && name === "pipes") this.pipes = mkdtempSync(join(this.path, "pipes-"));
		}
		this.leftLogs = new LeftLogs(join(this.path, "spools"));
	}
}

/** Without links: what hides it from a job hides it by every name. */
function realFolder(path: string): string {
	const absolute = resolve(path);
	try {
		makeFolder(absolute);
		return realpathSync(absolute);
	} catch (error) {
		throw unusable(absolute, error);
	}
}

/** An error of the system's names the folder; any other is as it is. */
function unusable(path: string, error: unknown): unknown {
	if (!(error instanceof Error && "code" in error)) return error;
	return new Error(`the work folder ${path} cannot be used: ${error.message}`, { cause: error });
}

function isFolderName(lease: string): boolean {
	return /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(lease);
}

function readJson(path: string): unknown {
	try {
		return JSON.parse(readFileSync(path, "utf8"));
	} catch {
		return null;
	}
}
