// A runner that speaks the protocol and runs nothing: register, acquire, start, one line of log, finish. So what is measured
// is the queue and not the starting of processes.
import type { Grant } from "../../src/contracts/http/runner.ts";
import { Api } from "../api.ts";
import { owner } from "../bench.ts";
import type { Serving } from "../bench.ts";

export const logLine = "one line of a log, as a trivial job prints it\n";

export class ProtocolRunner {
	readonly #api: Api;
	readonly #token: string;

	private constructor(api: Api, token: string) {
		this.#api = api;
		this.#token = token;
	}

	/** `token` may register runners of the bench's owner. */
	static async register({ url }: Serving, token: string, { pool, name }: { pool: string; name: string }) {
		const api = await Api.connect(url, token);
		const { token: own } = await api.register(owner, pool, name);
		return new ProtocolRunner(api, own);
	}

	acquire(waitSeconds: number): Promise<Grant | null> {
		return this.#api.acquire(this.#token, waitSeconds);
	}

	async perform({ lease: { token } }: Grant): Promise<void> {
		await this.#api.start(token);
		await this.#api.appendLog(token, logLine);
		const job = await this.#api.finish(token, logLine.length);
		if (job.state !== "finished" || job.outcome !== "passed")
			throw new Error(`a job ended as ${job.state} ${job.outcome}`);
	}

	close(): void {
		this.#api.close();
	}
}
