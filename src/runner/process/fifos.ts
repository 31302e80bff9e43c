// Named pipes, each used once. Node cannot make a pipe that a job could open by name, and starting a process is dear, so one
// `mkfifo` makes a batch of them ahead.
import { execFile } from "node:child_process";
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeFolder } from "../made-folder.ts";
import { programPath } from "../machine/programs.ts";

const batch = 48;
const fewest = 12;
/** A disk on which this takes longer takes none. */
const makeMs = 10_000;

export class Fifos {
	readonly #folder: string;
	readonly #ready: string[] = [];
	#making: Promise<void> | null = null;
	#count = 0;

	constructor(folder: string) {
		makeFolder(folder);
		this.#folder = folder;
	}

	/** The path of a new one; whoever takes it removes it. */
	async take(): Promise<string> {
		for (;;) {
			const path = this.#ready.pop();
			if (this.#ready.length < fewest) this.#makeAhead();
			if (path !== undefined && lstatSync(path, { throwIfNoEntry: false })?.isFIFO()) return path;
			// A job, or who clears old files, took it away, and most likely the others too.
			if (path !== undefined) continue;
			await this.#making;
		}
	}

	/** Whoever waits for it hears why it could not be done; for who has one already that is no news. */
	#makeAhead(): void {
		this.#making ??= this.#make();
		this.#making.catch(() => {});
	}

	async #make(): Promise<void> {
		try {
			makeFolder(this.#folder);
			const paths = Array.from({ length: batch }, () => join(this.#folder, String(this.#count++)));
			const options = { env: {}, timeout: makeMs, killSignal: "SIGKILL" } as const;
			await promisify(execFile)(programPath("mkfifo"), ["-m", "600", ...paths], options);
			this.#ready.push(...paths);
		} finally {
			this.#making = null;
		}
	}
}
