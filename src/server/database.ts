// The database at the start. Nothing that was accepted depends on it, so a database that is broken, or gone where there was one,
// is no reason to serve nothing: it is left as it is, said loudly, and `/readyz` says `down` until somebody has mended it. An empty
// one in its place would look as if all were well, with every list empty.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { migrate } from "./migrate.ts";
import type { Database, Migration } from "./migrate.ts";
import type { WorkerOptions } from "./worker.ts";

interface DatabaseOptions {
	folder: string;
	database: Database;
	migrations: Migration[];
	print: WorkerOptions["print"];
}

/** Never throws. */
export async function bringUpDatabase({ folder, database, migrations, print }: DatabaseOptions): Promise<void> {
	const marker = join(folder, "database-made");
	try {
		if (existsSync(marker) && (await isEmpty(database))) {
			throw new Error(`it is gone, and with it the lists (to begin with an empty one, remove ${marker})`);
		}
		for (const name of await migrate(database, migrations)) print("info", `applied migration ${name}`);
		writeFileSync(marker, "");
	} catch (cause) {
		const words = cause instanceof Error ? cause.message : String(cause);
		const rest = "Runs are accepted and go on; lists, new tokens and the audit wait until it is restored from a copy.";
		print("error", `the database (${join(folder, "d1")}) cannot be used: ${words}. ${rest}`);
	}
}

async function isEmpty(database: Database): Promise<boolean> {
	const query = "SELECT name FROM sqlite_master WHERE name = 'd1_migrations'";
	return (await database.prepare(query).all()).results.length === 0;
}
