// The driver: each lane lets its faults befall the system, one after another, for as long as it is told to.
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, FaultKind, Lane, MessageWay, Target, Way } from "./plan/faults.ts";
import { faultsOf, laneNames } from "./plan/faults.ts";
import type { KeptProcess } from "./server/kept-process.ts";
import type { Server } from "./server/server.ts";
import type { SmallDisk } from "./server/small-disk.ts";

export interface LanesOptions {
	seed: number;
	only: ReadonlySet<FaultKind> | null;
	server: Server;
	disk: SmallDisk;
	runners: KeptProcess<unknown>[];
	lineRunners: KeptProcess<unknown>[];
	/** One line for each fault. */
	say: (line: string) => void;
}

/** Left free by whoever fills the disk: nothing at all, or less than the server's reserve. */
const leaveMib = [0, 8];

export class Lanes {
	/** By kind, the faults that befell the system. */
	readonly injected = new Map<FaultKind, number>();
	/** Those that could not be tried, with the reason. */
	readonly skipped = new Map<FaultKind, string>();
	readonly #options: LanesOptions;
	readonly #stop = new AbortController();
	readonly #beganAt = performance.now();

	constructor(options: LanesOptions) {
		this.#options = options;
	}

	/** Resolves when the last fault of each lane is over. */
	async run(): Promise<void> {
		await Promise.all(laneNames.map((lane) => this.#runLane(lane)));
	}

	stop(): void {
		this.#stop.abort();
	}

	async #runLane(lane: Lane): Promise<void> {
		for (const fault of faultsOf(this.#options.seed, lane, this.#options.only)) {
			await sleep(fault.pauseMs, undefined, { signal: this.#stop.signal }).catch(() => {});
			if (this.#stop.signal.aborted) return;
			const from = this.#seconds();
			const what = await this.#befall(fault);
			if (what === null) continue;
			this.injected.set(fault.kind, (this.injected.get(fault.kind) ?? 0) + 1);
			this.#options.say(
				`${from} to ${this.#seconds()} s: ${lane} ${fault.number}: ${fault.kind}${what} ${fault.ms} ms`,
			);
		}
	}

	/** What more there is to say of it; null: it could not be tried. */
	async #befall(fault: Fault): Promise<string | null> {
		switch (fault.lane) {
			case "server":
				return this.#options.server.process.taken(() => this.#hitServer(fault));
			case "runners":
			case "losses":
				return this.#hitProcess(fault);
			case "inside":
				return this.#hitInside(fault);
		}
	}

	async #hitServer({ kind, ms, target }: Fault): Promise<string | null> {
		const { server, disk } = this.#options;
		switch (kind) {
			case "kill-server":
			case "kill-node":
				await server.process.end({ signal: "SIGKILL", awayMs: ms, group: kind === "kill-server" });
				break;
			case "stop-server":
				await server.process.end({ signal: "SIGTERM", awayMs: ms });
				break;
			case "kill-workerd":
				await server.killWorkerd();
				break;
			case "freeze-server":
			case "freeze-node":
				await server.process.freeze(ms, { group: kind === "freeze-server" });
				break;
			case "freeze-workerd":
				await server.freezeWorkerd(ms);
				break;
			default: {
				if (!disk.isSmall) return this.#skip(kind, "this user may not mount a disk that is small enough to fill");
				const left = leaveMib[target % leaveMib.length] ?? 0;
				await disk.fill(left);
				await sleep(ms);
				await disk.clear();
				await server.answers();
				return ` (${left} MiB left)`;
			}
		}
		await server.answers();
		return "";
	}

	/** Another of its kind where the one that was drawn is being hit already. */
	async #hitProcess({ kind, ms, target }: Fault): Promise<string | null> {
		const { server, runners, lineRunners } = this.#options;
		const hit = kind === "lose-server" ? [server.process] : kind.endsWith("line-runners") ? lineRunners : runners;
		const inOrder = hit.map((_, at) => hit[(target + at) % hit.length]);
		const found = inOrder.find((one) => one?.isTaken === false) ?? inOrder[0];
		if (!found) return this.#skip(kind, "there are none");
		await found.taken(async () => {
			if (kind.startsWith("kill")) await found.end({ signal: "SIGKILL", awayMs: ms });
			else await found.freeze(ms, { group: kind === "lose-server", until: this.#stop.signal });
		});
		if (kind === "lose-server") await server.answers();
		return ` ${found.name}`;
	}

	async #hitInside({ kind, ms, target, every }: Fault): Promise<string | null> {
		const { server } = this.#options;
		if (kind === "reset-object") {
			for (;;) {
				const name = await server.resetObject(target);
				if (name !== null) return ` ${name}`;
				if (this.#stop.signal.aborted) return null;
				await server.answers();
				await sleep(100);
			}
		}
		const [way = "", what = ""] = kind.split("-");
		const fault =
			what === "messages"
				? ({ target: "messages", way: way as MessageWay } as const)
				: ({ target: what as Target, way: way as Way } as const);
		// A server that is away hears nothing: the fault waits for it.
		while (!(await server.make({ ...fault, forMs: ms, every }))) {
			if (this.#stop.signal.aborted) return null;
			await server.answers();
		}
		await sleep(ms);
		return every === 1 ? "" : ` of every ${every} calls`;
	}

	#skip(kind: FaultKind, why: string): null {
		if (!this.skipped.has(kind)) this.#options.say(`${kind} is not tried: ${why}`);
		this.skipped.set(kind, why);
		return null;
	}

	#seconds(): string {
		return ((performance.now() - this.#beganAt) / 1_000).toFixed(1);
	}
}
