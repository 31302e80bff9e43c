// One machine's whole Spillway: locks the data folder, starts the Worker on it, fires its cron, and stops in order.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lockDataFolder } from "./data-folder.ts";
import { unknownData, writeDataVersions } from "./data-version.ts";
import { bringUpDatabase } from "./database.ts";
import { Disk } from "./disk.ts";
import { deleteEmptyObjects, sweepEmptyObjects } from "./empty-objects.ts";
import { loadIssuers } from "./issuers.ts";
import { loadKeys } from "./keys.ts";
import { killOrphan, nameWorkerd, openFiles } from "./orphan.ts";
import { Supervision, supervisionDefaults } from "./supervision.ts";
import type { Worker, WorkerOptions } from "./worker.ts";
import { readMigrations, readTables, startWorker, workerdScript } from "./worker.ts";
import { workerdPath } from "./workerd-path.ts";

export interface ServeOptions {
	data: string;
	host: string;
	/** 0: any free one. */
	port: number;
	/** Kept free on the disk under the data folder; 0 watches nothing. */
	reserveMib: number;
	/** Where the world reaches the server, which is its name to whoever verifies what it says of jobs; null: where it listens. */
	publicUrl: string | null;
	/** Addresses and networks, comma between; what else a caller says of itself is not believed. */
	trustedProxies: string;
	/** Of pages that may call beside the server's own, comma between. */
	allowedOrigins: string;
	environment: NodeJS.ProcessEnv;
	print: WorkerOptions["print"];
}

export interface Server {
	url: string;
	operatorToken: string;
	data: string;
	/** Resolves to why, when it is gone for good and this process serves nothing any more. */
	gone: Promise<string>;
	/** Safe at any moment: what was acknowledged is on disk, the rest was never promised. */
	stop(): Promise<void>;
}

const cronMs = 60_000;
const sweepMs = 60_000;
/** More than the Worker takes for it. */
const drainMs = 8_000;
/** workerd is killed, not asked: longer than this means that it cannot be, as on a disk that hangs. */
const stopMs = 10_000;

/** The data folder cannot be served as it is. */
export class DataFolderUnusable extends Error {
	override name = "DataFolderUnusable";
}

/**
 * Resolves when requests are answered. Throws `DataFolderBusy`, `DataFolderUnusable` or `PortInUse`, and then has left nothing behind.
 * The port takes connections a little sooner; what comes while migrations run waits for them, and meets the database of this build.
 */
export async function serve(options: ServeOptions): Promise<Server> {
	const { data, host, port, reserveMib, publicUrl, trustedProxies, allowedOrigins, environment, print } = options;
	const folder = await lockDataFolder(data);
	let worker: Worker | null = null;
	let supervision: Supervision | null = null;
	try {
		const disk = new Disk(folder.path, reserveMib);
		const complaint = await disk.complaint();
		if (complaint !== null) throw new DataFolderUnusable(complaint);
		const orphan = await killOrphan(folder.path);
		if (orphan !== null) print("warn", `ended workerd (process ${orphan}), which an earlier server left behind`);
		const unknown = await unknownData(folder.path, { tables: readTables(), migrations: readMigrations() });
		if (unknown !== null) throw new DataFolderUnusable(unknown);
		await deleteEmptyObjects(join(folder.path, "do"));
		useTemporaryFolder(join(folder.path, "tmp"));
		const keys = loadKeys(folder.path, environment);
		const issuers = loadIssuers(folder.path, environment);
		nameWorkerd(folder.path, { script: workerdScript, workerd: workerdPath() });
		worker = await startWorker({
			...{ folder: folder.path, host, port, keys, issuers, publicUrl, trustedProxies, allowedOrigins, disk, print },
			onRestart: () => supervision?.restarted(),
		});
		await bringUpDatabase({ folder: folder.path, database: worker.database, migrations: readMigrations(), print });
		writeDataVersions(folder.path, { tables: readTables(), migrations: readMigrations() });
		worker.open();
		folder.announce({ pid: process.pid, url: worker.url });
		const stopCron = fireCron(worker, print);
		const stopSweep = sweepObjects(folder.path, print);
		const running = worker;
		const watch = new Supervision({ url: running.url, ...supervisionDefaults });
		supervision = watch;
		return {
			gone: watch.gone,
			url: running.url,
			operatorToken: keys.SPILLWAY_OPERATOR_TOKEN,
			data: folder.path,
			async stop() {
				watch.stop();
				stopCron();
				stopSweep();
				// A runtime that is gone, or hangs, has nothing under way that could be waited for.
				await Promise.race([running.drain().catch(() => {}), sleep(drainMs, undefined, { ref: false })]);
				await Promise.race([running.stop(), sleep(stopMs, undefined, { ref: false })]);
				folder.release();
			},
		};
	} catch (error) {
		await worker?.stop();
		folder.release();
		throw error;
	}
}

/** Miniflare makes files where the system keeps temporary ones, and leaves them there when it is killed: here they are found. */
function useTemporaryFolder(path: string): void {
	rmSync(path, { recursive: true, force: true });
	mkdirSync(path);
	process.env.TMPDIR = path;
}

/** At once, for what a stop left undone, then every minute. A tick that fails is only late: the next one sweeps the same. */
function fireCron(worker: Worker, print: WorkerOptions["print"]): () => void {
	const tick = () => {
		worker.tick().catch((error: unknown) => print("error", `the cron trigger failed: ${String(error)}`));
	};
	tick();
	const timer = setInterval(tick, cronMs);
	return () => clearInterval(timer);
}

/** What fails is tried again by the next. One that a stop breaks off is put in order by the next start. */
function sweepObjects(folder: string, print: WorkerOptions["print"]): () => void {
	let isSweeping = false;
	const sweep = async () => {
		if (isSweeping) return;
		isSweeping = true;
		try {
			await sweepEmptyObjects(join(folder, "do"), { openFiles: () => openFiles(folder), now: Date.now() });
		} catch (cause) {
			print("warn", `files of emptied objects could not be deleted: ${String(cause)}`);
		}
		isSweeping = false;
	};
	const timer = setInterval(() => void sweep(), sweepMs);
	return () => clearInterval(timer);
}
