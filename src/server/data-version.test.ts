// Folders of other builds, their objects' files made with SQLite as the runtime makes them.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { unknownData, writeDataVersions } from "./data-version.ts";
import type { KnownData } from "./data-version.ts";

const known: KnownData = {
	tables: [
		{
			of: "repository",
			versions: [
				"CREATE TABLE repository (id INTEGER, schema INTEGER, owner TEXT)",
				"ALTER TABLE repository ADD COLUMN recent TEXT",
			],
		},
		{ of: "log", versions: ["an entry"] },
	],
	migrations: [{ name: "0000_one.sql", queries: [] }],
};

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "spillway-data-version-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function anObject(statements: string[]): string {
	const objects = join(folder, "do", "spillway-RepoObject");
	mkdirSync(objects, { recursive: true });
	writeFileSync(join(objects, "metadata.sqlite"), "not an object's");
	const file = join(objects, "abc.sqlite");
	const database = new DatabaseSync(file);
	for (const statement of statements) database.exec(statement);
	database.close();
	return file;
}

const versions = known.tables[0]?.versions ?? [];

it("[X28] an empty folder, and one of this build, are known", async () => {
	expect(await unknownData(folder, known)).toBeNull();
	writeDataVersions(folder, known);
	expect(JSON.parse(readFileSync(join(folder, "data-versions.json"), "utf8"))).toEqual({
		repository: 2,
		log: 1,
		database: 1,
	});
	anObject([...versions, "INSERT INTO repository VALUES (1, 2, 'acme', '')"]);
	expect(await unknownData(folder, known)).toBeNull();
});

it("[X28] so is one whose objects are older, and one with an object that holds nothing", async () => {
	anObject([versions[0] ?? "", "INSERT INTO repository VALUES (1, 1, 'acme')"]);
	expect(await unknownData(folder, known)).toBeNull();
	rmSync(join(folder, "do"), { recursive: true });
	anObject(["CREATE TABLE _cf_ALARM (key INTEGER)"]);
	expect(await unknownData(folder, known)).toBeNull();
});

it("[X28] a folder that a newer build wrote is told with what this one knows", async () => {
	writeDataVersions(folder, { ...known, migrations: [...known.migrations, ...known.migrations] });
	expect(await unknownData(folder, known)).toBe(
		`${folder} holds data that this build does not know (database 2, this build knows 1): use the build that wrote it, or a backup`,
	);
});

it("[X28] a newer object is found although the folder does not say so", async () => {
	const file = anObject([...versions, "INSERT INTO repository VALUES (1, 3, 'acme', '')"]);
	expect(await unknownData(folder, known)).toContain(`(repository 3, this build knows 2 in ${file})`);
});

it("[X28] an object whose tables are not those of its version is found: its build was between two", async () => {
	const file = anObject([
		"CREATE TABLE repository (id INTEGER, schema INTEGER)",
		"INSERT INTO repository VALUES (1, 1)",
	]);
	expect(await unknownData(folder, known)).toContain(`(a repository without repository.owner in ${file})`);
});

it("[X47] an object's file that is broken hides no newer one, and is no reason to know nothing", async () => {
	writeFileSync(anObject(["CREATE TABLE other (id INTEGER)"]), Buffer.alloc(8_192, "no database"));
	expect(await unknownData(folder, known)).toBeNull();
	const newer = join(folder, "do", "spillway-RepoObject", "def.sqlite");
	const database = new DatabaseSync(newer);
	for (const statement of [...versions, "INSERT INTO repository VALUES (1, 3, 'acme', '')"]) database.exec(statement);
	database.close();
	expect(await unknownData(folder, known)).toContain(newer);
});
