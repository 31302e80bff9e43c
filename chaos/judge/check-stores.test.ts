// Files of the stores as a server leaves them, with what they must not hold.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { sqlite } from "../../src/server/sqlite.ts";
import { checkStores } from "./check-stores.ts";

let data: string;
beforeEach(() => {
	data = mkdtempSync(join(tmpdir(), "spillway-stores-"));
});
afterEach(() => rmSync(data, { recursive: true }));

async function aStore(file: string, ...statements: string[]): Promise<void> {
	const Database = await sqlite();
	mkdirSync(dirname(join(data, file)), { recursive: true });
	const database = new Database(join(data, file));
	for (const statement of statements) database.exec(statement);
	database.close();
}

const tables = {
	repository: "CREATE TABLE run (id TEXT); CREATE TABLE job (run TEXT, place INTEGER, state TEXT)",
	pool: "CREATE TABLE lease (id TEXT)",
	database: "CREATE TABLE run (id TEXT, state TEXT); CREATE INDEX run_unfinished ON run (state)",
	archive: "CREATE TABLE _mf_objects (key TEXT)",
};
const repository = "do/spillway-RepoObject/a.sqlite";
const texts = async () => (await checkStores(data, new Set(["ra"]))).map(({ text }) => text);

it("[H4] the judge has nothing against stores in which all is finished and everybody is known", async () => {
	await aStore(
		repository,
		tables.repository,
		"INSERT INTO run VALUES ('ra')",
		"INSERT INTO job VALUES ('ra', 0, 'finished')",
	);
	await aStore("do/spillway-RepoObject/empty.sqlite");
	await aStore("do/spillway-PoolObject/a.sqlite", tables.pool);
	await aStore("d1/a.sqlite", tables.database, "INSERT INTO run VALUES ('ra', 'finished')");
	await aStore("r2/a/a.sqlite", tables.archive, "INSERT INTO _mf_objects VALUES ('logs/a')");
	expect(await texts()).toEqual([]);
});

it("[H4] the judge sees what the stores must not hold, and what they must", async () => {
	await aStore(
		repository,
		tables.repository,
		"INSERT INTO run VALUES ('rb')",
		"INSERT INTO job VALUES ('rb', 0, 'running')",
	);
	await aStore("do/spillway-RepoObject/b.sqlite", tables.repository, "INSERT INTO run VALUES ('rb')");
	await aStore("do/spillway-PoolObject/a.sqlite", tables.pool, "INSERT INTO lease VALUES ('jb-0.1')");
	await aStore("d1/a.sqlite", tables.database, "INSERT INTO run VALUES ('ra', 'running')");
	await aStore("r2/a/a.sqlite", tables.archive, "INSERT INTO _mf_objects VALUES ('intake/chaos/one/ra')");
	expect((await texts()).sort()).toEqual(
		[
			"intake/chaos/one/ra waits in the intake, and its run is finished",
			"job 0 of rb is running in its repository's tables",
			"ra is running in the database",
			"ra was accepted and is not in the repositories' tables",
			"rb is in the repositories' tables, and no answer named it",
			"rb is in two repositories' tables",
			"the lease jb-0.1 is in its pool's tables, and no job runs",
		].sort(),
	);
});
