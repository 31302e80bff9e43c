// Brings the D1 database up to the build's migrations, in the table that `wrangler d1 migrations apply` keeps, so that the
// same database may be moved on by either.

/** As much of a D1 binding as this needs. */
export interface Database {
	prepare(query: string): Statement;
	batch(statements: Statement[]): Promise<unknown>;
}

interface Statement {
	bind(...values: unknown[]): Statement;
	run(): Promise<unknown>;
	all(): Promise<{ results: Record<string, unknown>[] }>;
}

/** As the build wrote them: in the order of their names, each cut into statements. */
export interface Migration {
	name: string;
	queries: string[];
}

export class DatabaseUnknown extends Error {
	override name = "DatabaseUnknown";
}

const table = `CREATE TABLE IF NOT EXISTS d1_migrations(
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT UNIQUE,
	applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/** The names of those that were missing. Throws `DatabaseUnknown` when some were applied that the build does not have. Each is one transaction with its entry, so that dying in between is harmless. */
export async function migrate(database: Database, migrations: Migration[]): Promise<string[]> {
	await database.prepare(table).run();
	const { results } = await database.prepare("SELECT name FROM d1_migrations").all();
	const applied = new Set(results.map(({ name }) => name));
	const known = new Set(migrations.map(({ name }) => name));
	const unknown = [...applied].filter((name) => !known.has(String(name)));
	if (unknown.length > 0)
		throw new DatabaseUnknown(`the database was moved on by a newer build (${unknown.join(", ")})`);
	const missing = migrations.filter(({ name }) => !applied.has(name));
	for (const { name, queries } of missing) {
		const entry = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
		await database.batch([...queries.map((query) => database.prepare(query)), entry]);
	}
	return missing.map(({ name }) => name);
}
