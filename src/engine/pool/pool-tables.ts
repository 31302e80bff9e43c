// The SQLite tables of a pool's shard: runners that registered, leases they hold, the demand that repositories told this shard.
// What memory keeps is read here once. A write is collected, and stored with the others of its turn in one transaction.
import type { Demand, LeaseIdentity, RunnerIdentity, ShardSettings } from "../../contracts/objects/objects.ts";
import type { LeaseId, Millis } from "../../domain/ids.ts";
import { poolSettingsDefault } from "../../domain/pool/pool.ts";
import type { Fitness } from "../../domain/pool/pool.ts";
import type { Sql, SqlValue, Storage } from "../ports.ts";
import { bringForward } from "../table-versions.ts";
import type { TableVersions } from "../table-versions.ts";

const versions = [
	`CREATE TABLE pool (id INTEGER PRIMARY KEY CHECK (id = 1), schema INTEGER NOT NULL, looked_at INTEGER, grace_until INTEGER,
		settings TEXT);
	CREATE TABLE runner (id TEXT PRIMARY KEY, seen_at INTEGER NOT NULL, spent INTEGER NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID;
	CREATE TABLE lease (
		id TEXT PRIMARY KEY, runner TEXT NOT NULL, granted_at INTEGER NOT NULL, renewed_at INTEGER NOT NULL,
		canceling INTEGER NOT NULL, session INTEGER NOT NULL, claim TEXT NOT NULL) WITHOUT ROWID;
	CREATE TABLE demand (repository TEXT PRIMARY KEY, version INTEGER NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID;`,
	`ALTER TABLE pool ADD COLUMN shards INTEGER NOT NULL DEFAULT 1;
	ALTER TABLE pool ADD COLUMN entered INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE pool ADD COLUMN spread INTEGER NOT NULL DEFAULT 0;`,
	`CREATE TABLE removed (id TEXT PRIMARY KEY, at INTEGER NOT NULL, ephemeral INTEGER NOT NULL) WITHOUT ROWID;
	DELETE FROM runner WHERE spent = 1;`,
	"CREATE INDEX removed_ephemeral ON removed (at) WHERE ephemeral = 1;",
];
export const poolTables = { of: "pool", versions } satisfies TableVersions;

/** A row holds 2 MB, and sixteen long labels are two kilobytes. After a sleep the first claim learns of the others. */
const setsStoredMax = 500;

/** What `Fitness` has stands in no row of an earlier version. */
export interface PoolRunner extends RunnerIdentity, Fitness {
	seenAt: Millis;
	/** When its machine failed a job last, whatever it said since. */
	lastFaultAt?: Millis;
	/** When its last session was closed, unless it spoke since. */
	closedAt?: Millis | null;
	/** Where its id begins, when it was registered with an idempotency key. */
	key: string | null;
	/** The process that said hello last; null: none over a session. */
	instanceId: string | null;
	/** Processes that said hello before that one; rows of an earlier version have none. */
	replaced?: string[];
	/** When it last let a grant lapse, unless a job of its came to an end since. */
	lapsedAt: Millis | null;
}

/** A runner that may not come back: somebody removed it, or its one job is over. */
export interface Removed {
	id: string;
	at: Millis;
	ephemeral: boolean;
}

export interface PoolLease {
	id: LeaseId;
	runner: string;
	grantedAt: Millis;
	renewedAt: Millis;
	/** Its runner is to stop. */
	canceling: boolean;
	/** Held over a session: the session's signs of life are the lease's, and its renewals are not written. */
	session: boolean;
	/** The table's column is called `claim`, as it was released [T7]. */
	identity: LeaseIdentity;
}

/** How a shard stands among the others. */
export interface ShardRow {
	/** Of shard 0: shards that ever had a runner. */
	count: number;
	/** Of the others: shard 0 knows of it. */
	entered: boolean;
	/** Of shard 0: which version of the settings all others have. */
	spread: number;
}

export interface Look {
	lookedAt: Millis | null;
	graceUntil: Millis | null;
}

interface Write {
	statement: string;
	values: SqlValue[];
}

export class PoolTables {
	readonly #storage: Storage;
	readonly #sql: Sql;
	#made: boolean;
	/** Writes of the turn that is under way. */
	#writes: Write[] = [];

	constructor(storage: Storage) {
		const { sql } = storage;
		this.#storage = storage;
		this.#sql = sql;
		this.#made = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'pool'").toArray().length > 0;
		if (this.#made) this.#migrate(sql.exec<{ schema: number }>("SELECT schema FROM pool").one().schema);
	}

	*runners(): Iterable<PoolRunner> {
		if (!this.#made) return;
		const rows = this.#sql.exec<{ seen_at: number; doc: string }>("SELECT seen_at, doc FROM runner");
		for (const { seen_at, doc } of rows) {
			yield { lapsedAt: null, draining: false, key: null, ...JSON.parse(doc), seenAt: seen_at };
		}
	}

	/** The column `spent` is of an older schema, and always 0. */
	saveRunner({ seenAt, ...identity }: PoolRunner): void {
		const doc = JSON.stringify(identity);
		this.#write("INSERT OR REPLACE INTO runner VALUES (?, ?, 0, ?)", identity.id, seenAt, doc);
	}

	saveRemoved({ id, at, ephemeral }: Removed): void {
		this.#write("INSERT OR REPLACE INTO removed VALUES (?, ?, ?)", id, at, ephemeral ? 1 : 0);
	}

	isRemoved(id: string): boolean {
		if (!this.#made) return false;
		return this.#sql.exec("SELECT 1 FROM removed WHERE id = ?", id).toArray().length > 0;
	}

	/** Whether the id of a removed runner begins so. Ids are plain ASCII, in which nothing comes after `~`. */
	hasRemovedWith(prefix: string): boolean {
		if (!this.#made) return false;
		const found = this.#sql.exec("SELECT 1 FROM removed WHERE id >= ? AND id < ? LIMIT 1", prefix, `${prefix}~`);
		return found.toArray().length > 0;
	}

	/** Forgets the ephemeral runners whose one job was over before that; those that were removed stay. */
	dropSpent(before: Millis): void {
		if (this.#made) this.#write("DELETE FROM removed WHERE ephemeral = 1 AND at < ?", before);
	}

	dropRunner(id: string): void {
		this.#write("DELETE FROM runner WHERE id = ?", id);
	}

	*leases(): Iterable<PoolLease> {
		if (!this.#made) return;
		type Row = {
			id: string;
			runner: string;
			granted_at: number;
			renewed_at: number;
			canceling: number;
			session: number;
			claim: string;
		};
		for (const row of this.#sql.exec<Row>("SELECT * FROM lease")) {
			yield {
				id: row.id,
				runner: row.runner,
				grantedAt: row.granted_at,
				renewedAt: row.renewed_at,
				canceling: row.canceling === 1,
				session: row.session === 1,
				identity: JSON.parse(row.claim),
			};
		}
	}

	saveLease(lease: PoolLease): void {
		this.#write(
			"INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, ?)",
			lease.id,
			lease.runner,
			lease.grantedAt,
			lease.renewedAt,
			lease.canceling ? 1 : 0,
			lease.session ? 1 : 0,
			JSON.stringify(lease.identity),
		);
	}

	dropLease(id: LeaseId): void {
		this.#write("DELETE FROM lease WHERE id = ?", id);
	}

	*demands(): Iterable<[repository: string, Demand]> {
		if (!this.#made) return;
		const rows = this.#sql.exec<{ repository: string; doc: string }>("SELECT repository, doc FROM demand");
		for (const { repository, doc } of rows) yield [repository, JSON.parse(doc)];
	}

	saveDemand(repository: string, demand: Demand): void {
		const { version, sets } = demand;
		const doc = JSON.stringify({ ...demand, sets: sets.slice(0, setsStoredMax) });
		this.#write("INSERT OR REPLACE INTO demand VALUES (?, ?, ?)", repository, version, doc);
	}

	dropDemand(repository: string): void {
		this.#write("DELETE FROM demand WHERE repository = ?", repository);
	}

	look(): Look {
		if (!this.#made) return { lookedAt: null, graceUntil: null };
		const row = this.#sql
			.exec<{ looked_at: number | null; grace_until: number | null }>("SELECT looked_at, grace_until FROM pool")
			.one();
		return { lookedAt: row.looked_at, graceUntil: row.grace_until };
	}

	saveLook({ lookedAt, graceUntil }: Look): void {
		this.#write("UPDATE pool SET looked_at = ?, grace_until = ?", lookedAt, graceUntil);
	}

	settings(): ShardSettings {
		const unset = { ...poolSettingsDefault, version: 0 };
		if (!this.#made) return unset;
		const { settings } = this.#sql.exec<{ settings: string | null }>("SELECT settings FROM pool").one();
		return settings === null ? unset : { ...unset, ...JSON.parse(settings) };
	}

	saveSettings(settings: ShardSettings): void {
		this.#write("UPDATE pool SET settings = ?", JSON.stringify(settings));
	}

	shards(): ShardRow {
		if (!this.#made) return { count: 1, entered: false, spread: 0 };
		type Row = { shards: number; entered: number; spread: number };
		const { shards, entered, spread } = this.#sql.exec<Row>("SELECT shards, entered, spread FROM pool").one();
		return { count: shards, entered: entered === 1, spread };
	}

	saveShards({ count, entered, spread }: ShardRow): void {
		this.#write("UPDATE pool SET shards = ?, entered = ?, spread = ?", count, entered ? 1 : 0, spread);
	}

	/** Stores what was collected: all of it, or, when it throws, nothing. One statement is whole by itself. */
	commit(): void {
		const writes = this.#writes;
		this.#writes = [];
		const [only, ...more] = writes;
		if (only === undefined) return;
		if (this.#made && more.length === 0) {
			this.#sql.exec(only.statement, ...only.values);
			return;
		}
		this.#storage.transactionSync(() => {
			if (!this.#made) this.#make();
			for (const { statement, values } of writes) this.#sql.exec(statement, ...values);
		});
		this.#made = true;
	}

	/** Forgets what was collected. */
	discard(): void {
		this.#writes = [];
	}

	#write(statement: string, ...values: SqlValue[]): void {
		this.#writes.push({ statement, values });
	}

	/** With the first write: an object that nobody registered with stays empty. */
	#make(): void {
		for (const version of versions) this.#sql.exec(version);
		this.#sql.exec("INSERT INTO pool (id, schema) VALUES (1, ?)", versions.length);
	}

	#migrate(from: number): void {
		const saved = (to: number) => this.#sql.exec("UPDATE pool SET schema = ?", to);
		bringForward(this.#storage, poolTables, { from, saved });
	}
}
