// Whether this build knows the data in a folder: by the versions that the folder's last server wrote down, and, since a folder may
// have none or be put together by hand, by a look at some of the objects' files. No workerd may run meanwhile.
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Migration } from "./migrate.ts";
import { sqlite } from "./sqlite.ts";

/** Of one kind of object, as `src/engine/table-versions.ts` has them. */
export interface ObjectTables {
	of: string;
	versions: string[];
}

export interface KnownData {
	tables: ObjectTables[];
	migrations: Migration[];
}

/** A build writes all objects that it touches alike: a few of the newest show what it knew. */
const lookedAtMax = 3;
/** By kind, the class whose folder has its files, and the table with the number of its version. A log keeps no tables at first. */
const places: Record<string, { folder: RegExp; table: string }> = {
	repository: { folder: /RepoObject$/, table: "repository" },
	pool: { folder: /PoolObject$/, table: "pool" },
	feed: { folder: /FeedObject$/, table: "feed" },
	owner: { folder: /OwnerObject$/, table: "owner" },
	person: { folder: /PersonObject$/, table: "person" },
};

/** In one line what is not known; null when all is. */
export async function unknownData(folder: string, known: KnownData): Promise<string | null> {
	const newer = Object.entries(readDataVersions(folder)).find(([of, version]) => version > (countsOf(known)[of] ?? 0));
	if (newer) return complaint(folder, `${newer[0]} ${newer[1]}, this build knows ${countsOf(known)[newer[0]] ?? 0}`);
	const Database = await sqlite();
	for (const tables of known.tables) {
		for (const file of filesOf(folder, tables.of)) {
			const found = look(Database, file, tables);
			if (found !== null) return complaint(folder, `${found} in ${file}`);
		}
	}
	return null;
}

/** Replaced whole, so that no death leaves a part of it. */
export function writeDataVersions(folder: string, known: KnownData): void {
	const file = versionsFile(folder);
	writeFileSync(`${file}.new`, `${JSON.stringify(countsOf(known))}\n`, { mode: 0o600 });
	renameSync(`${file}.new`, file);
}

function complaint(folder: string, what: string): string {
	return `${folder} holds data that this build does not know (${what}): use the build that wrote it, or a backup`;
}

function countsOf({ tables, migrations }: KnownData): Record<string, number> {
	const counts = tables.map(({ of, versions }) => [of, versions.length] as const);
	return { ...Object.fromEntries(counts), database: migrations.length };
}

function readDataVersions(folder: string): Record<string, number> {
	const file = versionsFile(folder);
	if (!existsSync(file)) return {};
	return JSON.parse(readFileSync(file, "utf8"));
}

function versionsFile(folder: string): string {
	return join(folder, "data-versions.json");
}

function filesOf(folder: string, of: string): string[] {
	const place = places[of];
	const objects = join(folder, "do");
	if (!place || !existsSync(objects)) return [];
	const folders = readdirSync(objects).filter((name) => place.folder.test(name));
	const files = folders.flatMap((name) => readdirSync(join(objects, name)).map((file) => join(objects, name, file)));
	const changedAt = (file: string) => statSync(file).mtimeMs;
	return files
		.filter((file) => file.endsWith(".sqlite") && !file.endsWith("metadata.sqlite"))
		.sort((a, b) => changedAt(b) - changedAt(a))
		.slice(0, lookedAtMax);
}

/** As `differs`; null for one that cannot be read too: it is one object's misfortune, and others are served. */
function look(Database: typeof DatabaseSync, file: string, tables: ObjectTables): string | null {
	try {
		return differs(Database, file, tables);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ERR_SQLITE_ERROR") return null;
		throw error;
	}
}

/** What differs from the tables that its version should have; null when nothing does, or nothing is in it. */
function differs(Database: typeof DatabaseSync, file: string, { of, versions }: ObjectTables): string | null {
	const table = places[of]?.table ?? of;
	const stored = new Database(file);
	const model = new Database(":memory:");
	try {
		if (columnsOf(stored, table).length === 0) return null;
		const [row] = stored.prepare(`SELECT schema FROM "${table}"`).all() as { schema: number }[];
		if (!row) return null;
		if (row.schema > versions.length) return `${of} ${row.schema}, this build knows ${versions.length}`;
		for (const version of versions.slice(0, row.schema)) model.exec(version);
		const names = model.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
		for (const { name } of names) {
			const missing = columnsOf(model, name).filter((column) => !columnsOf(stored, name).includes(column));
			if (missing.length > 0) return `a ${of} without ${missing.map((column) => `${name}.${column}`).join(", ")}`;
		}
		return null;
	} finally {
		stored.close();
		model.close();
	}
}

function columnsOf(database: DatabaseSync, table: string): string[] {
	const rows = database.prepare(`SELECT name FROM pragma_table_info('${table}')`).all() as { name: string }[];
	return rows.map(({ name }) => name);
}
