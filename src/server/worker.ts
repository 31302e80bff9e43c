// The built Worker in workerd, through Miniflare's API: no proxy in front, no request log, no traces.
//
// Requests come in by a socket of the Worker's own (peer-socket.ts). Miniflare's usual entry would also answer
// `/cdn-cgi/local/r2/public/…` with any log in the archive, to anybody; `upstream` puts everything that reaches it under a path
// that leads nowhere.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type * as Runtime from "miniflare";
import type { V4MiniflareOptions, V4WorkerOptions } from "miniflare";
import type { ObjectTables } from "./data-version.ts";
import type { Disk } from "./disk.ts";
import type { ServerIssuers } from "./issuers.ts";
import type { ServerKeys } from "./keys.ts";
import type { Database, Migration } from "./migrate.ts";
import { front, stopAddress } from "./front.ts";
import { peerSocketBinding } from "./peer-socket.ts";

// Not by an `import`: Miniflare is one CommonJS file of 6 MB, and Node would parse it twice more to learn its kind and its names.
// That is 0.7 s of CPU, half of what a server needs to start.
const {
	convertV4MiniflareOptions,
	Log,
	LogLevel,
	Miniflare,
	Response: MachineResponse,
} = createRequire(import.meta.url)("miniflare") as typeof Runtime;

export interface WorkerOptions {
	folder: string;
	host: string;
	/** 0: any free one. */
	port: number;
	keys: ServerKeys;
	/** Where the world reaches the server; null: where it listens. */
	publicUrl: string | null;
	issuers: ServerIssuers;
	/** Passed on to the Worker, which believes these about who called; empty: nobody. */
	trustedProxies: string;
	/** Passed on too: of pages that may call beside the server's own. */
	allowedOrigins: string;
	disk: Disk;
	/** workerd died and runs again. */
	onRestart: () => void;
	/** What the Worker prints, and what goes wrong around it. */
	print: (level: string, text: string) => void;
}

export interface Worker {
	url: string;
	database: Database;
	/** Until then whoever calls waits. [X46] */
	open(): void;
	/** Fires the cron trigger, as Cloudflare does each minute. */
	tick(): Promise<void>;
	/** Takes no new calls, and waits some seconds for the answers to those under way. Streams are cut off: who follows one comes back. */
	drain(): Promise<void>;
	stop(): Promise<void>;
}

export class PortInUse extends Error {
	override name = "PortInUse";
}

/** What the build made of wrangler.toml. */
interface Settings extends Record<string, unknown> {
	name: string;
	crons: string[];
	bindings: Record<string, unknown>;
	/** Of the page's files; without the folder. */
	assets: Record<string, unknown>;
}

/** A call that has not been answered by then is cut off. Longer than a submission takes that is spilled. */
const answersMs = 5_000;
const askedAgainMs = 20;
/** From the last answer until the runtime has written it. */
const writtenMs = 100;

/** The build puts this module beside that folder, under whatever name. */
const built = fileURLToPath(new URL("./worker/", import.meta.url));
export const workerdScript = join(built, "workerd.sh");

/** How often a free port is looked for: between that and the start of the runtime another process may take it. */
const freePortTries = 5;

/** Hosts that mean every address: a server that listens there is reached at the loopback. */
const everyHost = new Set(["*", "0.0.0.0", "::"]);

/** Throws `PortInUse`; any other failure is a fault of the build or the machine. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
	if (options.port !== 0) return startOn(options);
	for (let left = freePortTries; ; left--) {
		try {
			return await startOn({ ...options, port: await freePort(options.host) });
		} catch (error) {
			if (!(error instanceof PortInUse) || left === 1) throw error;
		}
	}
}

/** Miniflare tells the port of its own sockets alone, so it cannot be left to the runtime to find one. */
async function freePort(host: string): Promise<number> {
	const server = createServer();
	server.listen(0, host);
	await once(server, "listening");
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, "close");
	return port;
}

async function startOn(workerOptions: WorkerOptions): Promise<Worker> {
	const { folder, host, port, keys, issuers, publicUrl, trustedProxies, allowedOrigins, disk, onRestart, print } =
		workerOptions;
	const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
	const url = `http://${everyHost.has(host) ? `127.0.0.1:${port}` : address}`;
	const { name, crons, bindings, assets, ...settings } = readBuilt<Settings>("settings.json");
	const everyMinute = crons.every((cron) => cron === "* * * * *");
	if (!everyMinute) throw new Error("only a cron of every minute can be fired here");
	const door = Promise.withResolvers<void>();
	const worker = {
		...settings,
		name,
		modulesRoot: built,
		modules: [
			{ type: "ESModule", path: join(built, "front.js"), contents: front },
			{ type: "ESModule", path: join(built, "main.js") },
		],
		assets: { ...assets, directory: join(built, "../dashboard") },
		bindings: {
			...bindings,
			...keys,
			SPILLWAY_URL: publicUrl ?? url,
			...issuers,
			SPILLWAY_TRUSTED_PROXIES: trustedProxies,
			SPILLWAY_ALLOWED_ORIGINS: allowedOrigins,
		},
		serviceBindings: {
			MACHINE: async (request: { url: string }) => {
				if (new URL(request.url).pathname !== "/door") return MachineResponse.json(await disk.figures());
				await door.promise;
				return new MachineResponse();
			},
		},
		unsafeBindings: [peerSocketBinding(join(built, "peer-socket.js"), { address, entrypoint: "front" })],
	} as V4WorkerOptions;
	const options: V4MiniflareOptions = {
		host: "127.0.0.1",
		port: 0,
		upstream: "http://closed.invalid/closed/",
		cf: false,
		logRequests: false,
		telemetry: { enabled: false },
		unsafeHandleRuntimeRestart: onRestart,
		resourcePersistencePath: folder,
		log: new PrintedLog(print),
		handleStructuredLogs: ({ level, message }) => print(level, message),
		workers: [worker],
	};
	const miniflare = withoutSignalHandlers(() => new Miniflare(convertV4MiniflareOptions(options)));
	try {
		await miniflare.ready;
	} catch (error) {
		await miniflare.dispose().catch(() => {});
		if (error instanceof Error && "code" in error && error.code === "ERR_ADDRESS_IN_USE") {
			throw new PortInUse(`port ${port} of ${host} is in use`);
		}
		throw error;
	}
	return {
		url,
		database: (await miniflare.getD1Database("DB")) as unknown as Database,
		open: door.resolve,
		async tick() {
			const fetcher = await miniflare.getWorker(name);
			for (const cron of crons) await fetcher.scheduled({ cron, scheduledTime: new Date() });
		},
		async drain() {
			const fetcher = await miniflare.getWorker(name);
			for (let waitedMs = 0; waitedMs < answersMs; waitedMs += askedAgainMs) {
				const { underWay } = (await (await fetcher.fetch(stopAddress)).json()) as { underWay: number };
				if (underWay === 0) break;
				await sleep(askedAgainMs);
			}
			await sleep(writtenMs);
		},
		stop: () => miniflare.dispose(),
	};
}

export function readMigrations(): Migration[] {
	return readBuilt<Migration[]>("migrations.json");
}

export function readTables(): ObjectTables[] {
	return readBuilt<ObjectTables[]>("tables.json");
}

function readBuilt<T>(file: string): T {
	return JSON.parse(readFileSync(join(built, file), "utf8"));
}

/** Miniflare would end the process on a signal, before its caller has stopped in order. At exit it still ends workerd. */
function withoutSignalHandlers<T>(make: () => T): T {
	const signals = ["SIGINT", "SIGTERM"] as const;
	const before = new Set(signals.flatMap((signal) => process.listeners(signal)));
	const made = make();
	for (const signal of signals) {
		for (const listener of process.listeners(signal)) {
			if (!before.has(listener)) process.off(signal, listener);
		}
	}
	return made;
}

/** Miniflare's own words, from warnings on: above all that workerd crashed and was started again. */
class PrintedLog extends Log {
	readonly #print: WorkerOptions["print"];

	constructor(print: WorkerOptions["print"]) {
		super(LogLevel.WARN);
		this.#print = print;
	}

	override warn(message: string): void {
		this.#print("warn", message);
	}

	override error(message: Error): void {
		this.#print("error", message.message);
	}
}
