// Runners in a process of their own, so that what they use of a processor is not the bench's: what they are told and answer.
import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface OpenCall {
	url: string;
	token: string;
	pool: string;
	runners: number;
	/** Slots of each. */
	capacity: number;
	/** Of a repository whose jobs go to the pool; made by the caller. */
	repo: string;
}

export interface Waits {
	/** From before the request is written until a runner has read the grant; ascending. */
	grantedMs: number[];
	submittedMs: number[];
}

export interface Burst {
	elapsedMs: number;
	/** Grants that were not started in time. */
	lapsed: number;
}

export type Order =
	| { open: OpenCall }
	/** One job at a time, each finished before the next. */
	| { single: { count: number; pauseMs: number } }
	/** All submitted at once, a hundred a run: how long until the last is finished. */
	| { burst: { count: number } }
	/** One job a run, at an even pace, whatever became of those before. */
	| { paced: { count: number; perSecond: number } }
	| { pongs: true };

export class Fleet {
	readonly #process: ChildProcess;

	private constructor(process: ChildProcess) {
		this.#process = process;
	}

	/** Resolves when all have registered, and have said hello in their sessions. */
	static async open(call: OpenCall): Promise<Fleet> {
		const fleet = new Fleet(fork(fileURLToPath(new URL("./fleet-process.ts", import.meta.url))));
		await fleet.#ask({ open: call });
		return fleet;
	}

	single(count: number, pauseMs: number): Promise<Waits> {
		return this.#ask({ single: { count, pauseMs } });
	}

	burst(count: number): Promise<Burst> {
		return this.#ask({ burst: { count } });
	}

	paced(count: number, perSecond: number): Promise<Waits & { busiest: number }> {
		return this.#ask({ paced: { count, perSecond } });
	}

	/** Answers to pings so far. */
	pongs(): Promise<number> {
		return this.#ask({ pongs: true });
	}

	close(): void {
		if (this.#process.connected) this.#process.disconnect();
	}

	async #ask<T>(order: Order): Promise<T> {
		const answered = once(this.#process, "message");
		const ended = once(this.#process, "exit").then(([code]) => [{ error: `ended with ${code}` }]);
		this.#process.send(order);
		const [{ answer, error }] = (await Promise.race([answered, ended])) as [{ answer?: T; error?: string }];
		if (error !== undefined) throw new Error(`the runners: ${error}`);
		return answer as T;
	}
}
