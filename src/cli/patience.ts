// How a command that follows something sits through an absence of the server, an upgrade for one: it waits, and says so once on
// standard error and once more when the server is back. A server that answers that there is nothing is not away.
import type { Command } from "commander";
import { Option } from "commander";
import { createClient } from "../client/client.ts";
import type { Client } from "../client/client.ts";
import { retryable, repeatDefaults } from "../client/retryable.ts";
import type { RepeatPolicy } from "../client/retryable.ts";
import { readWhole } from "./arguments.ts";
import type { Connection } from "./connection.ts";
import type { Io } from "./io.ts";
import { printable } from "./terminal/printable.ts";

/** Longer than an upgrade takes, and shorter than somebody waits who does not know that the server is gone for good. */
export const patienceSecondsDefault = 15 * 60;
/** Nobody is served by longer pauses: a server that is back is found within moments. */
const pauseMsMax = 5_000;

export function patienceOption(): Option {
	return new Option("--patience <seconds>", "what is followed survives so long an absence of the server")
		.default(patienceSecondsDefault)
		.argParser(readWhole);
}

export function patienceOf(command: Command): number {
	return command.optsWithGlobals<{ patience?: number }>().patience ?? patienceSecondsDefault;
}

export class Patience {
	readonly ms: number;
	readonly #client: Client;
	readonly #io: Io;
	readonly #policy: RepeatPolicy;
	#isAway = false;

	constructor({ url, token }: Connection, io: Io, seconds: number) {
		this.ms = seconds * 1_000;
		this.#io = io;
		this.#client = createClient({ url, token, retry: { ...io.retry, deadlineMs: 0 } });
		this.#policy = { ...repeatDefaults, maxMs: pauseMsMax, ...io.retry, deadlineMs: this.ms };
	}

	/** For `viewLog`, which sits through absences by itself. */
	get viewing(): { deadlineMs: number; retry: Partial<RepeatPolicy> } {
		return { deadlineMs: this.ms, retry: this.#policy };
	}

	/** Tries again for as long as the server is away. `call` must do no more if it is done twice. */
	async ask<T>(call: (client: Client) => Promise<T>, signal: AbortSignal | null = null): Promise<T> {
		const answer = await retryable(() => call(this.#client), {
			policy: this.#policy,
			idempotent: true,
			signal,
			onWait: (failure) => this.away(failure.message),
		});
		this.back();
		return answer;
	}

	away(reason: string): void {
		if (this.#isAway || this.ms === 0) return;
		this.#isAway = true;
		const text = `the server is away (${printable(reason)}); waiting for it for up to ${this.ms / 1_000} s`;
		this.#io.err(`spillway: ${text}\n`);
	}

	back(): void {
		if (!this.#isAway) return;
		this.#isAway = false;
		this.#io.err("spillway: the server is back\n");
	}
}
