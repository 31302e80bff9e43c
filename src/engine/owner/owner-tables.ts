// The versions of an owner's tables, and whether they are there: an owner of whom nothing was asked has none. What is in them is
// read and written by one class for each concern, beside this file.
import { bringForward } from "../table-versions.ts";
import type { TableVersions } from "../table-versions.ts";
import type { Sql, Storage } from "../ports.ts";

/** Each is applied once, in order; `owner.schema` says how many were. Forward only. */
const versions = [
	`CREATE TABLE owner (id INTEGER PRIMARY KEY CHECK (id = 1), schema INTEGER NOT NULL, adopted_at INTEGER);
	CREATE TABLE ended (
		kind TEXT NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER, told INTEGER NOT NULL,
		PRIMARY KEY (kind, id)) WITHOUT ROWID;
	CREATE INDEX ended_until ON ended (until) WHERE until IS NOT NULL;
	CREATE INDEX ended_untold ON ended (kind) WHERE told = 0;`,
	`CREATE TABLE session_place (pool TEXT NOT NULL, shard INTEGER NOT NULL, PRIMARY KEY (pool, shard)) WITHOUT ROWID;
	ALTER TABLE ended ADD COLUMN put_out INTEGER NOT NULL DEFAULT 1;
	CREATE INDEX ended_not_put_out ON ended (kind) WHERE put_out = 0;`,
	`CREATE TABLE owned (kind TEXT NOT NULL, name TEXT NOT NULL, doc TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID;
	ALTER TABLE owner ADD COLUMN owned_at INTEGER;`,
	`CREATE TABLE member (
		member TEXT PRIMARY KEY, role TEXT NOT NULL, repos TEXT, invited_as TEXT, name TEXT, since INTEGER NOT NULL,
		version INTEGER NOT NULL) WITHOUT ROWID;
	CREATE INDEX member_invited_as ON member (invited_as) WHERE invited_as IS NOT NULL;
	CREATE TABLE member_untold (member TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
	ALTER TABLE owner ADD COLUMN members_version INTEGER NOT NULL DEFAULT 0;`,
	`CREATE TABLE secret (
		name TEXT PRIMARY KEY, sealed TEXT NOT NULL, refs TEXT, forks INTEGER NOT NULL, at INTEGER) WITHOUT ROWID;
	CREATE TABLE data_key (
		id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, wrapped TEXT NOT NULL, rotating INTEGER NOT NULL);`,
	`CREATE TABLE registration (
		token TEXT NOT NULL, runner TEXT NOT NULL, until INTEGER, PRIMARY KEY (token, runner)) WITHOUT ROWID;
	CREATE INDEX registration_until ON registration (until) WHERE until IS NOT NULL;`,
	"ALTER TABLE owner ADD COLUMN limits TEXT NOT NULL DEFAULT '{}'",
	`CREATE TABLE member_name (name TEXT PRIMARY KEY, member TEXT NOT NULL) WITHOUT ROWID;
	CREATE INDEX member_name_member ON member_name (member);
	INSERT OR REPLACE INTO member_name
		SELECT invited_as, member FROM member WHERE invited_as IS NOT NULL ORDER BY version;
	DROP INDEX member_invited_as;`,
	`CREATE TABLE runner (id TEXT PRIMARY KEY, pool TEXT NOT NULL, shard INTEGER NOT NULL, token TEXT, at INTEGER NOT NULL) WITHOUT ROWID;
	CREATE INDEX runner_place ON runner (pool, shard);
	CREATE INDEX runner_token ON runner (token) WHERE token IS NOT NULL;
	ALTER TABLE owner ADD COLUMN runners_at INTEGER;`,
];
export const ownerTables = { of: "owner", versions } satisfies TableVersions;

export class OwnerTables {
	readonly #storage: Storage;
	#made: boolean;

	constructor(storage: Storage) {
		const { sql } = storage;
		this.#storage = storage;
		this.#made = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'owner'").toArray().length > 0;
		if (!this.#made) return;
		const { schema: from } = sql.exec<{ schema: number }>("SELECT schema FROM owner").one();
		bringForward(storage, ownerTables, { from, saved: (to) => sql.exec("UPDATE owner SET schema = ?", to) });
	}

	/** For a look; null: there is nothing yet. */
	get found(): Sql | null {
		return this.#made ? this.#storage.sql : null;
	}

	/** For a write: the tables are made before the first one, whole or not at all. Inside a transaction they must be there already. */
	get made(): Sql {
		const { sql } = this.#storage;
		if (this.#made) return sql;
		this.#storage.transactionSync(() => {
			for (const version of versions) sql.exec(version);
			sql.exec("INSERT INTO owner (id, schema) VALUES (1, ?)", versions.length);
		});
		this.#made = true;
		return sql;
	}

	/** All writes of `work`, or none. */
	transaction<T>(work: () => T): T {
		void this.made;
		return this.#storage.transactionSync(work);
	}
}
