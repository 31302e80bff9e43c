// The world as a command sees it, so that a test can be the terminal.
import type { RepeatPolicy } from "../client/retryable.ts";
import { exitCode } from "./exit-code.ts";

export type StopWish = "signal" | "reader-gone";

export interface Io {
	out(text: string): void;
	/** Bytes as they are; resolves when more may come. */
	pipe(bytes: Uint8Array): Promise<void>;
	err(text: string): void;
	readInput(): Promise<Uint8Array>;
	/** Whether `out` goes to a terminal that shows colours. */
	hasColors: boolean;
	/** The width of the terminal that `out` goes to; null: it goes to a pipe or a file. */
	columns: number | null;
	/** Whether somebody reads at a terminal what `err` is told. */
	isWatched: boolean;
	environment: NodeJS.ProcessEnv;
	/** How calls are tried again, where it is not as usual: a test does not wait for it. */
	retry?: Partial<RepeatPolicy>;
	/** Resolves when somebody wants the program to end, or reads no more of it. A second wish ends it at once. */
	stopped(): Promise<StopWish>;
}

/** A command that ends well but has more to say than 0 (a run that failed) calls `exitWith`. */
export interface Host {
	io: Io;
	exitWith(code: number): void;
}

/** Of a terminal that does not say. */
const columnsDefault = 80;

export function processIo(): Io {
	// The reader of a pipe may have seen enough. Whoever waits to be stopped has something to put in order first.
	let stop = (): void => process.exit(0);
	process.stdout.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code !== "EPIPE") throw error;
		stop();
	});
	return {
		out: (text) => void process.stdout.write(text),
		pipe: (bytes) => new Promise((resolve) => process.stdout.write(bytes, () => resolve())),
		err: (text) => void process.stderr.write(text),
		readInput,
		hasColors: wantsColors(process.env, process.stdout.isTTY),
		columns: process.stdout.isTTY ? process.stdout.columns || columnsDefault : null,
		isWatched: process.stderr.isTTY === true,
		environment: process.env,
		stopped: () =>
			new Promise((resolve) => {
				stop = () => resolve("reader-gone");
				onSignals(() => resolve("signal"));
			}),
	};
}

/** https://no-color.org; FORCE_COLOR is what npm and CI systems set. */
export function wantsColors(environment: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
	if (environment.NO_COLOR) return false;
	if (environment.FORCE_COLOR) return environment.FORCE_COLOR !== "0";
	return isTerminal && environment.TERM !== "dumb";
}

async function readInput(): Promise<Uint8Array> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of process.stdin) chunks.push(chunk);
	return Buffer.concat(chunks);
}

/** The second signal ends the process on the spot. */
function onSignals(stop: () => void): void {
	for (const signal of ["SIGINT", "SIGTERM"] as const) {
		process.once(signal, () => {
			process.once(signal, () => process.exit(exitCode.interrupted));
			stop();
		});
	}
}
