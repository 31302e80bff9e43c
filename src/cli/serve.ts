// `spillway serve`: the whole system on this machine, its data in one folder.
import type { Command } from "commander";
import { readPort } from "./arguments.ts";
import type { GlobalOptions } from "./connection.ts";
import { CommandFailure } from "./exit-code.ts";
import type { Host } from "./io.ts";
import { createPaint } from "./terminal/paint.ts";

interface ServeFlags extends GlobalOptions {
	port: number;
	host: string;
	data: string;
}

export function addServe(parent: Command, { io }: Host): void {
	parent
		.command("serve")
		.description("serve the whole system on this machine (npm start)")
		.option("--port <port>", "where to listen; 0 takes any free port", readPort, 8787)
		.option("--host <address>", "the address to listen on; beyond this machine put TLS in front", "127.0.0.1")
		.option("--data <folder>", "where objects, database, archive and keys are kept", ".spillway")
		.action(async (_, command: Command) => {
			const { port, host, data, json } = command.optsWithGlobals<ServeFlags>();
			const stopped = io.stopped();
			const { serve } = await import("../server/serve.ts");
			const print = (level: string, text: string) => io.err(`${new Date().toISOString()} ${level} ${text}\n`);
			const server = await serve({ port, host, data, environment: io.environment, print }).catch((error: unknown) => {
				if (error instanceof Error && /^(DataFolderBusy|PortInUse)$/.test(error.name)) {
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
			await stopped;
			await server.stop();
		});
}
