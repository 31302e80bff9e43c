// `spillway serve`: the whole system on this machine, its data in one folder.
import { isBuiltin } from "node:module";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { parseNetworks } from "../domain/text/client-address.ts";
import { originsWanted, parseOrigins } from "../domain/text/origins.ts";
import { readPublicUrl } from "../domain/text/public-url.ts";
import { reserveMibDefault } from "../domain/room.ts";
import { readPort, readWhole } from "./arguments.ts";
import type { GlobalOptions } from "./connection.ts";
import { CommandFailure, exitCode } from "./exit-code.ts";
import type { Host } from "./io.ts";
import { printableLines } from "./terminal/printable.ts";
import { createPaint } from "./terminal/paint.ts";

interface ServeFlags extends GlobalOptions {
	port: number;
	host: string;
	data: string;
	reserve?: number;
	trustProxy?: string;
}

export function addServe(parent: Command, { io }: Host): void {
	parent
		.command("serve")
		.description("serve the whole system on this machine (npm start)")
		.option("--port <port>", "where to listen; 0 takes any free port", readPort, 8787)
		.option("--host <address>", "the address to listen on; beyond this machine put TLS in front", "127.0.0.1")
		.option("--data <folder>", "where objects, database, archive and keys are kept", ".spillway")
		.option("--reserve <MiB>", "room to keep on the disk, below which no new work is taken (64)", readWhole)
		.option(
			"--url <url>",
			"where others reach it, behind a proxy for instance; else SPILLWAY_URL, else where it listens",
		)
		.option(
			"--trust-proxy <networks>",
			"proxies in front that say who called: 127.0.0.1,10.0.0.0/8; docs/reverse-proxy.md",
			readNetworks,
		)
		.action(async (_, command: Command) => {
			const { port, host, data, reserve, trustProxy, url: reachedAt, json } = command.optsWithGlobals<ServeFlags>();
			const stopped = io.stopped();
			const { serve } = await import("../server/serve.ts").catch(cannotServe);
			if (!isBuiltin("node:sqlite")) throw new CommandFailure(oldNode);
			const print = (level: string, text: string) =>
				io.err(`${new Date().toISOString()} ${level} ${printableLines(text)}\n`);
			const reserveMib = reserve ?? readReserve(io.environment.SPILLWAY_DISK_RESERVE_MIB);
			const trustedProxies = trustProxy ?? readTrusted(io.environment.SPILLWAY_TRUSTED_PROXIES ?? "");
			const allowedOrigins = readOrigins(io.environment.SPILLWAY_ALLOWED_ORIGINS ?? "");
			const publicUrl = readReachedAt(reachedAt ?? (io.environment.SPILLWAY_URL || null));
			const { environment } = io;
			const options = { port, host, data, reserveMib, publicUrl, trustedProxies, allowedOrigins, environment, print };
			const server = await serve(options).catch((error: unknown) => {
				if (
					error instanceof Error &&
					/^(DataFolderBusy|DataFolderUnusable|DatabaseUnknown|PortInUse)$/.test(error.name)
				) {
					throw new CommandFailure(error.message);
				}
				throw error;
			});
			const { url, operatorToken } = server;
			if (json) io.out(`${JSON.stringify({ url, operatorToken, pid: process.pid })}\n`);
			else {
				const { strong, faint } = createPaint(io.hasColors);
				io.out(`Spillway serves at ${strong(url)}\n`);
				io.out(`operator token     ${operatorToken}\n`);
				io.out(faint(`data               ${server.data}\nctrl-c stops; what was accepted goes on at the next start\n`));
			}
			const gone = await Promise.race([stopped.then(() => null), server.gone]);
			await server.stop();
			// Whoever supervises this process starts it anew, on the same data.
			if (gone !== null) throw new CommandFailure(`the server is gone: ${gone}`);
		});
}

function readReserve(text: string | undefined): number {
	if (!text) return reserveMibDefault;
	if (!/^\d{1,9}$/.test(text))
		throw new CommandFailure("SPILLWAY_DISK_RESERVE_MIB must be a whole number", exitCode.usage);
	return Number(text);
}

/** [X54] Its database is Node's own SQLite. */
const oldNode = `the server needs Node 22.13 or later, and this is ${process.versions.node}: npm start brings its own`;

/** An installed command line has no runtime beside it, and an old Node no SQLite. */
function cannotServe(failure: unknown): never {
	const { code } = failure as NodeJS.ErrnoException;
	if (!["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND", "ERR_UNKNOWN_BUILTIN_MODULE"].includes(code ?? "")) throw failure;
	throw new CommandFailure("the server runs from a clone of Spillway: npm start there");
}

function readReachedAt(text: string | null): string | null {
	const url = text === null ? null : readPublicUrl(text);
	if (text !== null && url === null) {
		throw new CommandFailure(
			`"${text}" is no address of a server: want one such as https://ci.example`,
			exitCode.usage,
		);
	}
	return url;
}

/** As it is written; the Worker reads it again. */
function readNetworks(text: string): string {
	if (parseNetworks(text) === null) throw new InvalidArgumentError("Want addresses or networks, comma between.");
	return text;
}

function readTrusted(text: string): string {
	if (parseNetworks(text) !== null) return text;
	throw new CommandFailure("SPILLWAY_TRUSTED_PROXIES must be addresses or networks, comma between", exitCode.usage);
}

function readOrigins(text: string): string {
	if (parseOrigins(text) !== null) return text;
	throw new CommandFailure(`SPILLWAY_ALLOWED_ORIGINS ${originsWanted}`, exitCode.usage);
}
