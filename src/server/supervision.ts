// Whether what this process is for is still there: the server's port, behind which workerd does the work. Miniflare starts a
// workerd that died anew, and gives up in silence when that fails; a process that lived on without its port would tell its
// own supervisor that all is well. So the port is asked, restarts are counted, and when it is gone for good this says so once.
import { setTimeout as sleep } from "node:timers/promises";

export interface SupervisionOptions {
	url: string;
	/** Between looks. */
	lookMs: number;
	/** For one answer. */
	answerMs: number;
	/** Looks in a row that found no answer at all, or a closed port, before it is gone. */
	silentMax: number;
	closedMax: number;
	/** Restarts in this time before it is gone: one that dies for a reason that goes away lives longer than that. */
	restartsMax: number;
	restartsMs: number;
}

/** A Worker that is busy for a minute, or a machine that swaps, is not gone; a closed port is, after a restart's time. */
export const supervisionDefaults: Omit<SupervisionOptions, "url"> = {
	lookMs: 3_000,
	answerMs: 10_000,
	silentMax: 6,
	closedMax: 4,
	restartsMax: 5,
	restartsMs: 60_000,
};

type Look = "answers" | "silent" | "closed";

export class Supervision {
	/** Resolves to why, in one line, when the server is gone for good. Never rejects. */
	readonly gone: Promise<string>;
	readonly #options: SupervisionOptions;
	readonly #stop = new AbortController();
	readonly #restarts: number[] = [];
	#tell: (why: string) => void = () => {};

	constructor(options: SupervisionOptions) {
		this.#options = options;
		this.gone = new Promise((resolve) => {
			this.#tell = resolve;
		});
		void this.#watch();
	}

	/** workerd died and runs again. */
	restarted(): void {
		const { restartsMax, restartsMs } = this.#options;
		const now = performance.now();
		this.#restarts.push(now);
		const recent = this.#restarts.filter((at) => now - at < restartsMs);
		this.#restarts.splice(0, this.#restarts.length, ...recent);
		if (recent.length >= restartsMax)
			this.#tell(`workerd died ${recent.length} times within ${Math.ceil(restartsMs / 1_000)} s`);
	}

	stop(): void {
		this.#stop.abort();
	}

	async #watch(): Promise<void> {
		const { url, lookMs, silentMax, closedMax } = this.#options;
		for (let missed: Look[] = []; ; ) {
			await sleep(lookMs, undefined, { signal: this.#stop.signal, ref: false }).catch(() => {});
			if (this.#stop.signal.aborted) return;
			const look = await this.#look();
			if (look === "answers") missed = [];
			else missed.push(look);
			const closed = missed.filter((word) => word === "closed").length;
			if (closed < closedMax && missed.length < silentMax) continue;
			return this.#tell(
				`${url} ${look === "closed" ? "is closed" : "does not answer"}, looked at ${missed.length} times`,
			);
		}
	}

	async #look(): Promise<Look> {
		const { url, answerMs } = this.#options;
		try {
			const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(answerMs) });
			await answer.body?.cancel();
			return "answers";
		} catch (failure) {
			const { cause } = failure as { cause?: { code?: string } };
			return cause?.code === "ECONNREFUSED" ? "closed" : "silent";
		}
	}
}
