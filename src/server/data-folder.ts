// The folder that one server keeps everything in, and the lock that lets only one use it. The lock is SQLite's, on a file of
// its own: the operating system drops it with the process, however that dies, so no lock is ever stale.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { sqlite } from "./sqlite.ts";

/** What `announce` leaves in the folder for a server that comes second, and for scripts. */
export interface Serving {
	pid: number;
	url: string;
}

export interface DataFolder {
	path: string;
	/** Says in the folder who serves it. */
	announce(serving: Serving): void;
	release(): void;
}

export class DataFolderBusy extends Error {
	override name = "DataFolderBusy";
}

/** Makes the folder when it is missing. Throws `DataFolderBusy` while another process has it. */
export async function lockDataFolder(folder: string): Promise<DataFolder> {
	const path = resolve(folder);
	mkdirSync(path, { recursive: true, mode: 0o700 });
	// Keys, secrets and logs lie here, also when somebody else made the folder.
	chmodSync(path, 0o700);
	const unlock = await lock(join(path, "lock"));
	if (unlock === null) throw new DataFolderBusy(`${path} is in use by another server${servedBy(path)}`);
	const serving = join(path, "serving.json");
	rmSync(serving, { force: true });
	return {
		path,
		announce: (fact) => writeFileSync(serving, `${JSON.stringify(fact)}\n`, { mode: 0o600 }),
		release() {
			rmSync(serving, { force: true });
			unlock();
		},
	};
}

/** Null when another process holds it. */
async function lock(file: string): Promise<(() => void) | null> {
	const DatabaseSync = await sqlite();
	const database = new DatabaseSync(file);
	try {
		database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
	} catch (error) {
		database.close();
		if (error instanceof Error && /locked/.test(error.message)) return null;
		throw error;
	}
	return () => database.close();
}

function servedBy(path: string): string {
	try {
		const { pid, url }: Serving = JSON.parse(readFileSync(join(path, "serving.json"), "utf8"));
		return ` (process ${pid}, ${url})`;
	} catch {
		return "";
	}
}
