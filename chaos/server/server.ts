// The server under test: started again whenever it is gone, killed and frozen whole or in part, and told by its back door which
// faults to make inside.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ready } from "../../scripts/child.ts";
import { Child } from "../../scripts/child.ts";
import type { Guard } from "../guarded.ts";
import type { InsideFault } from "../worker/inside-faults.ts";
import { KeptProcess, send } from "./kept-process.ts";
import { reserveMib } from "./small-disk.ts";

export interface ServerOptions {
	/** The program's command line. */
	script: string;
	data: string;
	port: number;
	logFile: string;
	guard: Guard;
}

const answerMs = 2_000;
const lookMs = 50;

export class Server {
	readonly process: KeptProcess<Ready>;
	readonly url: string;
	readonly #options: ServerOptions;

	constructor(options: ServerOptions) {
		this.#options = options;
		const { script, data, port, logFile, guard } = options;
		this.url = `http://127.0.0.1:${port}`;
		const environment = { SPILLWAY_DISK_RESERVE_MIB: String(reserveMib) };
		const words = ["serve", "--json", "--port", String(port), "--data", data];
		const start = () => {
			const child = new Child({ words, environment, script });
			return { child, ready: child.firstLine().then((line) => JSON.parse(line) as Ready) };
		};
		this.process = new KeptProcess({ name: "server", start, logFile, guard });
	}

	/** Resolves when somebody answers at its port, whatever becomes of it next. */
	async answers(): Promise<void> {
		for (;;) {
			await this.process.up();
			const answer = await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(answerMs) }).catch(() => null);
			await answer?.body?.cancel();
			if (answer !== null) return;
			await sleep(lookMs);
		}
	}

	killWorkerd(): Promise<void> {
		return this.#signalWorkerd(async (pid) => {
			send(pid, "SIGKILL");
			// Its supervisor starts another, at the same port.
			while (this.#workerd() === pid) await sleep(lookMs);
		});
	}

	freezeWorkerd(ms: number): Promise<void> {
		return this.#signalWorkerd(async (pid) => {
			send(pid, "SIGSTOP");
			await sleep(ms);
			if (this.#workerd() === pid) send(pid, "SIGCONT");
		});
	}

	async #signalWorkerd(act: (pid: number) => Promise<void>): Promise<void> {
		await this.answers();
		const pid = this.#workerd();
		if (pid !== null) await act(pid);
	}

	/** Its process id, if the process of that id has the name that this server gave it. */
	#workerd(): number | null {
		const read = (name: string) => readFileSync(join(this.#options.data, name), "utf8").trim();
		try {
			const pid = Number(read("workerd-pid"));
			const isOurs =
				existsSync("/proc/self") && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(read("workerd-name"));
			return isOurs ? pid : null;
		} catch {
			return null;
		}
	}

	/** Whether it was told; a server that is away or frozen makes no faults of its own. */
	async make(fault: InsideFault): Promise<boolean> {
		return (await this.#ask("faults", { method: "POST", body: JSON.stringify(fault) })) !== null;
	}

	/** The object that lost its memory; null: none, or nobody answered. */
	async resetObject(target: number): Promise<string | null> {
		const answer = await this.#ask<{ reset: string | null }>(`reset?target=${target}`, { method: "POST" });
		return answer?.reset ?? null;
	}

	/** By object, the alarms that went off since this was asked last. */
	async alarms(): Promise<Record<string, number> | null> {
		return this.#ask("alarms", { method: "POST" });
	}

	async #ask<T>(path: string, init: RequestInit): Promise<T | null> {
		try {
			const answer = await fetch(`${this.url}/chaos/${path}`, { ...init, signal: AbortSignal.timeout(answerMs) });
			return answer.ok ? ((await answer.json()) as T) : null;
		} catch {
			return null;
		}
	}
}
