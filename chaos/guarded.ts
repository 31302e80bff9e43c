// What this chaos must take away again, told to its guard, which is there when the chaos is not.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

export type Guarded = `group ${number}` | `mount ${string}` | `folder ${string}`;

export class Guard {
	readonly #process: ChildProcess;

	constructor() {
		const script = fileURLToPath(new URL("./guard.ts", import.meta.url));
		this.#process = spawn(process.execPath, ["--no-warnings", script], {
			// Signals to this process's group are not for it.
			detached: true,
			stdio: ["pipe", "ignore", "ignore"],
		});
		this.#process.unref();
		this.#process.stdin?.on("error", () => {});
	}

	add(what: Guarded): void {
		this.#process.stdin?.write(`+${what}\n`);
	}

	/** It is gone, or somebody keeps it. */
	remove(what: Guarded): void {
		this.#process.stdin?.write(`-${what}\n`);
	}

	/** What is left is taken away now. */
	end(): void {
		this.#process.stdin?.end();
	}
}
