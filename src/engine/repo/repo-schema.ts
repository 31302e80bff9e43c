// The tables of a RepoObject, version by version. A version that was released never changes: another is added after it [T7].
import type { TableVersions } from "../table-versions.ts";

/** Each is applied once, in order; `repository.schema` says how many were. Forward only. */
const versions = [
	`CREATE TABLE repository (
		id INTEGER PRIMARY KEY CHECK (id = 1), schema INTEGER NOT NULL, owner TEXT NOT NULL, repo TEXT NOT NULL,
		settings TEXT NOT NULL, next_number INTEGER NOT NULL, budget TEXT NOT NULL,
		archived_at INTEGER NOT NULL, told INTEGER NOT NULL);
	CREATE TABLE run (id TEXT PRIMARY KEY, ref TEXT, told INTEGER NOT NULL, finished_at INTEGER, doc TEXT NOT NULL) WITHOUT ROWID;
	CREATE TABLE job (
		run TEXT NOT NULL, place INTEGER NOT NULL, open INTEGER NOT NULL, sealing INTEGER NOT NULL, state TEXT NOT NULL,
		weight TEXT, lane TEXT, ref TEXT, actor TEXT, avoids TEXT, rank INTEGER, since INTEGER, deadline INTEGER,
		doc TEXT NOT NULL, attempt TEXT,
		PRIMARY KEY (run, place)) WITHOUT ROWID;
	CREATE INDEX job_open ON job (run, place) WHERE open = 1;
	CREATE TABLE attempt (
		run TEXT NOT NULL, place INTEGER NOT NULL, number INTEGER NOT NULL, doc TEXT NOT NULL,
		PRIMARY KEY (run, place, number)) WITHOUT ROWID;
	CREATE TABLE request (
		key TEXT PRIMARY KEY, digest TEXT NOT NULL, subject TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
	CREATE TABLE tombstone (run TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
	CREATE TABLE secret (name TEXT PRIMARY KEY, sealed TEXT NOT NULL) WITHOUT ROWID;`,
	`ALTER TABLE tombstone ADD COLUMN finished_at INTEGER;
	ALTER TABLE tombstone ADD COLUMN ref TEXT;
	ALTER TABLE tombstone ADD COLUMN ends TEXT NOT NULL DEFAULT '[]';`,
	`ALTER TABLE tombstone ADD COLUMN expires_at INTEGER;
	UPDATE tombstone SET expires_at = at + (SELECT MAX(COALESCE(settings ->> 'retentionDays', 0), 90) FROM repository) * 86400000;`,
	`ALTER TABLE repository ADD COLUMN recent TEXT NOT NULL DEFAULT '[]';
	ALTER TABLE job ADD COLUMN waited INTEGER;`,
	`CREATE TABLE run_number (last INTEGER PRIMARY KEY, ids TEXT NOT NULL);
	INSERT INTO run_number SELECT (number + 63) / 64 * 64, json_group_object(number, id)
	FROM (SELECT id, CAST(doc ->> 'number' AS INTEGER) AS number FROM run) GROUP BY 1;`,
	"CREATE TABLE IF NOT EXISTS watched (run TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS superseding (ref TEXT PRIMARY KEY, run TEXT NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID",
	`ALTER TABLE secret ADD COLUMN refs TEXT;
	ALTER TABLE secret ADD COLUMN forks INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE secret ADD COLUMN at INTEGER;`,
	`ALTER TABLE repository ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
	ALTER TABLE repository ADD COLUMN run_bucket TEXT;`,
];
export const repoTables = { of: "repository", versions } satisfies TableVersions;
