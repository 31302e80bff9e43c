// `spillway serve`: the whole system on this machine, its data in one folder.
import type { Command } from "commander";
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
}

export function addServe(parent: Command, { io }: Host): void {
	parent
		.command("serve")
		.description("serve the whole system on this machine (npm start)")
		.option("--port <port>", "where to listen; 0 takes any free port", readPort, 8787)
		.option("--host <address>", "the address to listen on; beyond this machine put TLS in front", "127.0.0.1")
		.option("--data <folder>", "where objects, database, archive and keys are kept", ".spillway")
		.option("--reserve <MiB>", "room to keep on the disk, below which no new work is taken (64)", readWhole)
		.action(async (_, command: Command) => {
			const { port, host, data, reserve, json } = command.optsWithGlobals<ServeFlags>();
			const stopped = io.stopped();
			const { serve } = await import("../server/serve.ts");
			const print = (level: string, text: string) =>
				io.err(`${new Date().toISOString()} ${level} ${printableLines(text)}\n`);
			const reserveMib = reserve ?? readReserve(io.environment.SPILLWAY_DISK_RESERVE_MIB);
			const options = { port, host, data, reserveMib, environment: io.environment, print };
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
