// What lies in the stores after the stop, read without the program: the tables of each repository's and pool's object, and the
// database's rows.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { sqlite } from "../../src/server/sqlite.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { Violation } from "./violation.ts";

/** `data`: of a server that is stopped. `accepted`: the ids that answers named. */
export async function checkStores(data: string, accepted: ReadonlySet<RunId>): Promise<Violation[]> {
	const Database = await sqlite();
	const openAll = (folder: string, name: string) => openBelow(Database, join(data, folder), name);
	const found: Violation[] = [];
	const stored = new Set<RunId>();
	for (const database of openAll("do/spillway-RepoObject", "run")) {
		for (const { id } of database.prepare("SELECT id FROM run").all() as { id: RunId }[]) {
			if (stored.has(id)) found.push(violation(id, `${id} is in two repositories' tables`));
			stored.add(id);
		}
		const open = database.prepare("SELECT run, place, state FROM job WHERE state <> 'finished'").all();
		for (const { run, place, state } of open as { run: RunId; place: number; state: string }[])
			found.push(violation(run, `job ${place} of ${run} is ${state} in its repository's tables`));
		database.close();
	}
	found.push(...compare(stored, accepted, "the repositories' tables"));
	for (const database of openAll("do/spillway-PoolObject", "lease")) {
		for (const { id } of database.prepare("SELECT id FROM lease").all() as { id: string }[])
			found.push(violation(null, `the lease ${id} is in its pool's tables, and no job runs`));
		database.close();
	}
	for (const database of openAll("d1", "run_unfinished")) {
		const rows = database.prepare("SELECT id, state FROM run").all() as { id: RunId; state: string }[];
		found.push(...compare(new Set(rows.map(({ id }) => id)), accepted, "the database"));
		for (const { id, state } of rows)
			if (state !== "finished") found.push(violation(id, `${id} is ${state} in the database`));
		database.close();
	}
	for (const database of openAll("r2", "_mf_objects")) {
		const waiting = database.prepare("SELECT key FROM _mf_objects WHERE key GLOB 'intake/*'").all() as {
			key: string;
		}[];
		for (const { key } of waiting) found.push(violation(null, `${key} waits in the intake, and its run is finished`));
		database.close();
	}
	return found;
}

function compare(stored: ReadonlySet<RunId>, accepted: ReadonlySet<RunId>, where: string): Violation[] {
	return [
		...[...accepted]
			.filter((id) => !stored.has(id))
			.map((id) => violation(id, `${id} was accepted and is not in ${where}`)),
		...[...stored]
			.filter((id) => !accepted.has(id))
			.map((id) => violation(id, `${id} is in ${where}, and no answer named it`)),
	];
}

/** Those below the folder that have a table or an index of that name; an object that holds nothing has none. */
function openBelow(Database: typeof DatabaseSync, folder: string, name: string): DatabaseSync[] {
	if (!existsSync(folder)) return [];
	const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".sqlite"));
	return files.flatMap((file) => {
		const database = new Database(join(folder, file));
		if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = ?").all(name).length > 0) return [database];
		database.close();
		return [];
	});
}

function violation(run: RunId | null, text: string): Violation {
	return { kind: "store", run, text };
}
