// What this Worker needs, and how each part is asked: by what is needed of it. A database that answers `SELECT 1` may have none
// of the tables.
import { getTableColumns, getTableName } from "drizzle-orm";
import { Readiness } from "../src/doors/http/readiness.ts";
import type { Dependency, ReadinessAnswer } from "../src/doors/http/readiness.ts";
import * as schema from "../src/store/schema.ts";
import type { Env } from "./env.ts";
import { diskRoom } from "./bindings/machine.ts";
import { readSwitches } from "./switches/switches.ts";
import { report } from "./report.ts";

/** Each column by its table: a bare name in quotes that is no column would be taken for a text, and answer. */
const tableQueries = Object.values(schema).map((table) => {
	const name = getTableName(table);
	const columns = Object.values(getTableColumns(table)).map((column) => `"${name}"."${column.name}"`);
	return `SELECT ${columns.join(", ")} FROM "${name}" LIMIT 1`;
});

/** A write costs as much as a dozen reads, so one is tried by each instance once a minute while writes are taken. */
const archiveWrittenMs = 60_000;
/** An object takes one write a second: instances that look at the same time mostly write different ones. */
const archiveProbes = 64;

const known = new WeakMap<Env, Readiness>();
const archiveWrittenAt = new WeakMap<Env, number>();

/** As this isolate saw it, at most some seconds ago. */
export function readReadiness(env: Env, later: (work: Promise<unknown>) => void): Promise<ReadinessAnswer> {
	const readiness = known.get(env) ?? new Readiness(Date.now, complain);
	known.set(env, readiness);
	const dependencies: Dependency[] = [
		{ name: "database", isVital: false, look: () => env.DB.batch(tableQueries.map((query) => env.DB.prepare(query))) },
		{ name: "archive", isVital: false, look: () => lookAtArchive(env) },
		// The one object that every installation has, and that no submission waits for.
		{ name: "objects", isVital: true, look: () => readSwitches(env) },
	];
	if (env.MACHINE) dependencies.push({ name: "disk", isVital: true, look: () => lookForRoom(env) });
	return readiness.read(dependencies, later);
}

/** An archive that can be read may take no log: so it is written to. What was refused is tried again by the next look. */
async function lookAtArchive(env: Env): Promise<void> {
	const probe = `readyz/${Math.floor(Math.random() * archiveProbes)}`;
	const writtenAt = archiveWrittenAt.get(env) ?? Number.NEGATIVE_INFINITY;
	if (Date.now() - writtenAt < archiveWrittenMs) {
		await env.ARCHIVE.head(probe);
		return;
	}
	await env.ARCHIVE.put(probe, new Date().toISOString());
	archiveWrittenAt.set(env, Date.now());
}

/** Below the reserve nothing new is accepted: that is what `down` says. */
async function lookForRoom(env: Env): Promise<void> {
	const room = await diskRoom(env, { isFresh: true });
	if (room !== "ample") throw new Error(`the disk's room is ${room}`);
}

function complain(dependency: string, cause: unknown): void {
	report({ event: "dependency-down", dependency, cause: String(cause) });
}
