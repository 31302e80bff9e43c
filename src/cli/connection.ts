// Which server a command speaks to and how it answers: the options that every command has.
import type { Command } from "commander";
import type { Client } from "../client/client.ts";
import { createClient } from "../client/client.ts";
import { jsonLine } from "../contracts/wire/json/json-line.ts";
import { CommandFailure, exitCode } from "./exit-code.ts";
import type { Io } from "./io.ts";
import type { Paint } from "./terminal/paint.ts";
import { createPaint } from "./terminal/paint.ts";
import { printable } from "./terminal/printable.ts";

export const urlDefault = "http://127.0.0.1:8787";

/** Long enough for the reset of one object; a person at a terminal then wants to know. */
export const commandRetry = { deadlineMs: 10_000 };
const sayWaitMsMin = 500;

export interface GlobalOptions {
	url?: string;
	token?: string;
	json?: boolean;
}

export interface Connection {
	url: string;
	token: string;
	client: Client;
	json: boolean;
	paint: Paint;
	/** Prints `value` when JSON is wanted, else what `text` makes of it. */
	answer<T>(value: T, text: (value: T) => string): void;
}

export function addGlobalOptions(program: Command): void {
	program
		.option("--url <url>", `the server; else SPILLWAY_URL, else ${urlDefault}`)
		.option("--token <token>", "the token; else SPILLWAY_TOKEN, which no list of processes shows")
		.option("--json", "answer in JSON");
}

/** An address without `http://` in front parses too, as one of another scheme. */
export function isServerUrl(url: string): boolean {
	return URL.canParse(url) && ["http:", "https:"].includes(new URL(url).protocol);
}

export function noServerUrl(url: string): string {
	return `"${url}" is no address of a server: want one such as ${urlDefault}`;
}

/** Throws a usage error without a token. */
export function connect(command: Command, io: Io): Connection {
	const options = command.optsWithGlobals<GlobalOptions>();
	const url = options.url ?? (io.environment.SPILLWAY_URL || urlDefault);
	const token = options.token ?? io.environment.SPILLWAY_TOKEN;
	if (!isServerUrl(url)) throw new CommandFailure(noServerUrl(url), exitCode.usage);
	if (!token) throw new CommandFailure("no token: set SPILLWAY_TOKEN or give --token", exitCode.usage);
	return connectionTo({ url, token, json: options.json ?? false }, io);
}

/** [X48] Somebody who sees nothing happen wants to know what is waited for: told once, and not of a blink. */
function sayOnce(io: Io): (failure: Error, waitMs: number) => void {
	let isSaid = !io.isWatched;
	return ({ message }, waitMs) => {
		if (isSaid || waitMs < sayWaitMsMin) return;
		isSaid = true;
		io.err(`spillway: ${printable(message)}; trying again for up to ${commandRetry.deadlineMs / 1_000} s\n`);
	};
}

export function connectionTo({ url, token, json }: { url: string; token: string; json: boolean }, io: Io): Connection {
	let isStaleSaid = false;
	// For people, and beside what programs read: once, however many pages and looks a command takes.
	const onStale = (since: string) => {
		if (!isStaleSaid) io.err(`spillway: this may be out of date: it was so at ${printable(since)}\n`);
		isStaleSaid = true;
	};
	return {
		url,
		token,
		client: createClient({ url, token, retry: { ...commandRetry, ...io.retry }, onWait: sayOnce(io), onStale }),
		json,
		paint: createPaint(io.hasColors),
		answer: (value, text) => io.out(`${json ? jsonLine(value) : text(printable(value))}\n`),
	};
}
