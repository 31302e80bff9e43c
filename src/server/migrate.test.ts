// Migrations on a real SQLite behind D1's shape.
import { DatabaseSync } from "node:sqlite";
import { beforeEach, expect, it } from "vitest";
import type { Database } from "./migrate.ts";
import { DatabaseUnknown, migrate } from "./migrate.ts";

let sqlite: DatabaseSync;
let database: Database;
beforeEach(() => {
	sqlite = new DatabaseSync(":memory:");
	database = databaseOf(sqlite);
});

interface BoundStatement {
	query: string;
	values: string[];
}

function databaseOf(sqlite: DatabaseSync): Database {
	const statement = (query: string, values: string[] = []) => ({
		query,
		values,
		bind: (...bound: unknown[]) => statement(query, bound as string[]),
		run: async () => sqlite.prepare(query).run(...values),
		all: async () => ({ results: sqlite.prepare(query).all(...values) as Record<string, unknown>[] }),
	});
	return {
		prepare: (query) => statement(query),
		async batch(statements) {
			sqlite.exec("BEGIN");
			try {
				for (const { query, values } of statements as unknown as BoundStatement[]) sqlite.prepare(query).run(...values);
				sqlite.exec("COMMIT");
			} catch (error) {
				sqlite.exec("ROLLBACK");
				throw error;
			}
		},
	};
}

const first = { name: "0000_one.sql", queries: ["CREATE TABLE one (x)", "INSERT INTO one VALUES (1)"] };
const second = { name: "0001_two.sql", queries: ["CREATE TABLE two (x)"] };

it("[X13] each migration is applied once, in order; a later build adds what is missing", async () => {
	expect(await migrate(database, [first])).toEqual([first.name]);
	expect(await migrate(database, [first])).toEqual([]);
	expect(await migrate(database, [first, second])).toEqual([second.name]);
	expect(sqlite.prepare("SELECT count(*) AS rows FROM one").get()).toEqual({ rows: 1 });
	expect(sqlite.prepare("SELECT name FROM d1_migrations ORDER BY id").all()).toEqual([
		{ name: first.name },
		{ name: second.name },
	]);
});

it("[X13] a migration that fails in the middle leaves nothing of itself and is tried again", async () => {
	const broken = { name: second.name, queries: ["CREATE TABLE two (x)", "nonsense"] };
	await expect(migrate(database, [first, broken])).rejects.toThrow();
	expect(await migrate(database, [first, second])).toEqual([second.name]);
});

it("[X28] a database that a newer build has moved on is refused, and stays as it is", async () => {
	await migrate(database, [first, second]);
	await expect(migrate(database, [first])).rejects.toThrow(DatabaseUnknown);
	expect(sqlite.prepare("SELECT count(*) AS rows FROM d1_migrations").get()).toEqual({ rows: 2 });
});
