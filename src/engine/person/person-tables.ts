// The SQLite tables of a person's object. One of which nothing was asked has none.
import type { HeldSession, Holder, OwnerMembership } from "../../contracts/objects/person.ts";
import type { Millis } from "../../domain/ids.ts";
import { bringForward } from "../table-versions.ts";
import type { TableVersions } from "../table-versions.ts";
import type { Sql, Storage } from "../ports.ts";

/** Each is applied once, in order; `person.schema` says how many were. Forward only. */
const versions = [
	`CREATE TABLE person (id INTEGER PRIMARY KEY CHECK (id = 1), schema INTEGER NOT NULL, holder TEXT);
	CREATE TABLE session (
		id TEXT PRIMARY KEY, opened_at INTEGER NOT NULL, used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
		address TEXT) WITHOUT ROWID;
	CREATE TABLE membership (owner TEXT PRIMARY KEY, version INTEGER NOT NULL, doc TEXT) WITHOUT ROWID;`,
];
export const personTables = { of: "person", versions } satisfies TableVersions;

interface SessionRow {
	[column: string]: string | number | null;
	id: string;
	opened_at: number;
	used_at: number;
	expires_at: number;
	address: string | null;
}

export class PersonTables {
	readonly #storage: Storage;
	#made: boolean;

	constructor(storage: Storage) {
		const { sql } = storage;
		this.#storage = storage;
		this.#made = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'person'").toArray().length > 0;
		if (!this.#made) return;
		const { schema: from } = sql.exec<{ schema: number }>("SELECT schema FROM person").one();
		bringForward(storage, personTables, { from, saved: (to) => sql.exec("UPDATE person SET schema = ?", to) });
	}

	get holder(): Holder | null {
		const doc = this.#found?.exec<{ holder: string | null }>("SELECT holder FROM person").one().holder;
		return doc == null ? null : (JSON.parse(doc) as Holder);
	}

	setHolder(holder: Holder): void {
		this.#sql.exec("UPDATE person SET holder = ?", JSON.stringify(holder));
	}

	/** The last used first. */
	sessions(): HeldSession[] {
		const rows = this.#found?.exec<SessionRow>("SELECT * FROM session ORDER BY used_at DESC, id").toArray() ?? [];
		return rows.map((row) => ({
			id: row.id,
			openedAt: row.opened_at,
			usedAt: row.used_at,
			expiresAt: row.expires_at,
			from: row.address,
		}));
	}

	addSession({ id, openedAt, usedAt, expiresAt, from }: HeldSession): void {
		this.#sql.exec("INSERT OR IGNORE INTO session VALUES (?, ?, ?, ?, ?)", id, openedAt, usedAt, expiresAt, from);
	}

	use(sessions: readonly string[], at: Millis): void {
		this.#sql.exec(
			"UPDATE session SET used_at = ? WHERE id IN (SELECT value FROM json_each(?))",
			at,
			JSON.stringify(sessions),
		);
	}

	dropSessions(sessions: readonly string[]): void {
		if (sessions.length === 0) return;
		this.#sql.exec("DELETE FROM session WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(sessions));
	}

	/** One that is no member any more stays with its version: an older word may still be on its way. */
	setMembership(owner: string, version: number, membership: OwnerMembership | null): void {
		this.#sql.exec(
			`INSERT INTO membership VALUES (?1, ?2, ?3)
			ON CONFLICT (owner) DO UPDATE SET version = ?2, doc = ?3 WHERE version < ?2`,
			...[owner, version, membership === null ? null : JSON.stringify(membership)],
		);
	}

	memberships(): OwnerMembership[] {
		const found = this.#found?.exec<{ doc: string }>("SELECT doc FROM membership WHERE doc IS NOT NULL ORDER BY owner");
		return (found?.toArray() ?? []).map(({ doc }) => JSON.parse(doc) as OwnerMembership);
	}

	/** Whether nothing is left that anybody could ask for. */
	get isEmpty(): boolean {
		const sql = "SELECT (SELECT count(*) FROM session) + (SELECT count(*) FROM membership) AS rows";
		return this.#found === null || this.#found.exec<{ rows: number }>(sql).one().rows === 0;
	}

	async deleteAll(): Promise<void> {
		this.#made = false;
		await this.#storage.deleteAll();
	}

	/** For a look; null: there is nothing yet. */
	get #found(): Sql | null {
		return this.#made ? this.#storage.sql : null;
	}

	/** For a write: the tables are made before the first one, whole or not at all. */
	get #sql(): Sql {
		const { sql } = this.#storage;
		if (this.#made) return sql;
		this.#storage.transactionSync(() => {
			for (const version of versions) sql.exec(version);
			sql.exec("INSERT INTO person (id, schema) VALUES (1, ?)", versions.length);
		});
		this.#made = true;
		return sql;
	}
}
