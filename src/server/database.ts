// The database at the start. Nothing that was accepted depends on it, so a database that is broken is no reason to serve nothing:
// it is left as it is, said loudly, and `/readyz` says `down` until somebody has mended it. One that is gone where there was one is
// begun anew; it notes since when its lists lack rows, so that each of them says so until its owner's rows were rebuilt.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { migrate } from "./migrate.ts";
import type { Database, Migration } from "./migrate.ts";
import type { WorkerOptions } from "./worker.ts";

interface DatabaseOptions {
	folder: string;
	database: Database;
	migrations: Migration[];
	print: WorkerOptions["print"];
	now?: () => number;
}

/** Never throws. */
export async function bringUpDatabase(options: DatabaseOptions): Promise<void> {
	const { folder, database, migrations, print, now = Date.now } = options;
	const marker = join(folder, "database-made");
	// Before the first migration: a start that dies after it would find a database that lacks nothing.
	const lost = join(folder, "database-lost");
	try {
		if (existsSync(marker) && (await isEmpty(database))) writeFileSync(lost, String(now()));
		for (const name of await migrate(database, migrations)) print("info", `applied migration ${name}`);
		if (existsSync(lost)) await noteGap(options, lost);
		writeFileSync(marker, "");
	} catch (cause) {
		const words = cause instanceof Error ? cause.message : String(cause);
		const rest = "Runs are accepted and go on; lists, new tokens and the audit wait until it is restored from a copy.";
		print("error", `the database (${join(folder, "d1")}) cannot be used: ${words}. ${rest}`);
	}
}

async function noteGap({ folder, database, print }: DatabaseOptions, lost: string): Promise<void> {
	const since = Number(readFileSync(lost, "utf8"));
	const note = "INSERT INTO list_gap (owner, since) VALUES ('', ?) ON CONFLICT (owner) DO NOTHING";
	await database.prepare(note).bind(since).run();
	rmSync(lost);
	const rest =
		"Runs go on; lists say that they are out of date until `spillway projection rebuild OWNER` was run for their owner. " +
		"The audit until now is lost.";
	print("error", `the database (${join(folder, "d1")}) was gone, and an empty one was begun. ${rest}`);
}

async function isEmpty(database: Database): Promise<boolean> {
	const query = "SELECT name FROM sqlite_master WHERE name = 'd1_migrations'";
	return (await database.prepare(query).all()).results.length === 0;
}
