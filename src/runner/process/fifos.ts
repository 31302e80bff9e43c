// Named pipes, each used once. Node cannot make a pipe that a job could open by name, and starting a process is dear, so one
// `mkfifo` makes a batch of them ahead.
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const batch = 48;
const fewest = 12;

export class Fifos {
	readonly #folder: string;
	readonly #ready: string[] = [];
	#making: Promise<void> | null = null;
	#count = 0;

	constructor(folder: string) {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		this.#folder = folder;
	}

	/** The path of a new one; whoever takes it removes it. */
	async take(): Promise<string> {
		for (;;) {
			const path = this.#ready.pop();
			if (this.#ready.length < fewest) this.#making ??= this.#make();
			if (path !== undefined) return path;
			await this.#making;
		}
	}

	async #make(): Promise<void> {
		try {
			const paths = Array.from({ length: batch }, () => join(this.#folder, String(this.#count++)));
			await promisify(execFile)("mkfifo", ["-m", "600", ...paths]);
			this.#ready.push(...paths);
		} finally {
			this.#making = null;
		}
	}
}
