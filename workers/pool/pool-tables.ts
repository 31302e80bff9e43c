// The SQLite tables of a PoolObject: runners that registered, leases they hold, the demand repositories told. Demand and
// leases are kept in memory too, which is a cache of these.
import type { Demand, LeaseClaim, RunnerIdentity, ShardSettings } from "../../src/contracts/objects/objects.ts";
import type { LeaseId, Millis } from "../../src/domain/ids.ts";
import { poolSettingsDefault } from "../../src/domain/pool/pool.ts";
import type { Fitness } from "../../src/domain/pool/pool.ts";
import { bringForward } from "../../src/engine/table-versions.ts";
import type { TableVersions } from "../../src/engine/table-versions.ts";

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
	claim: LeaseClaim;
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

export class PoolTables {
	readonly #storage: DurableObjectStorage;
	readonly #sql: SqlStorage;
	#made: boolean;

	constructor(storage: DurableObjectStorage) {
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
		this.#make();
		const doc = JSON.stringify(identity);
		this.#sql.exec("INSERT OR REPLACE INTO runner VALUES (?, ?, 0, ?)", identity.id, seenAt, doc);
	}

	saveRemoved({ id, at, ephemeral }: Removed): void {
		this.#make();
		this.#sql.exec("INSERT OR REPLACE INTO removed VALUES (?, ?, ?)", id, at, ephemeral ? 1 : 0);
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
		if (this.#made) this.#sql.exec("DELETE FROM removed WHERE ephemeral = 1 AND at < ?", before);
	}

	dropRunner(id: string): void {
		this.#sql.exec("DELETE FROM runner WHERE id = ?", id);
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
				claim: JSON.parse(row.claim),
			};
		}
	}

	saveLease(lease: PoolLease): void {
		this.#make();
		this.#sql.exec(
			"INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, ?)",
			lease.id,
			lease.runner,
			lease.grantedAt,
			lease.renewedAt,
			lease.canceling ? 1 : 0,
			lease.session ? 1 : 0,
			JSON.stringify(lease.claim),
		);
	}

	dropLease(id: LeaseId): void {
		this.#sql.exec("DELETE FROM lease WHERE id = ?", id);
	}

	*demands(): Iterable<[repository: string, Demand]> {
		if (!this.#made) return;
		const rows = this.#sql.exec<{ repository: string; doc: string }>("SELECT repository, doc FROM demand");
		for (const { repository, doc } of rows) yield [repository, JSON.parse(doc)];
	}

	saveDemand(repository: string, demand: Demand): void {
		this.#make();
		const { version, sets } = demand;
		const doc = JSON.stringify({ ...demand, sets: sets.slice(0, setsStoredMax) });
		this.#sql.exec("INSERT OR REPLACE INTO demand VALUES (?, ?, ?)", repository, version, doc);
	}

	dropDemand(repository: string): void {
		this.#sql.exec("DELETE FROM demand WHERE repository = ?", repository);
	}

	look(): Look {
		if (!this.#made) return { lookedAt: null, graceUntil: null };
		const row = this.#sql
			.exec<{ looked_at: number | null; grace_until: number | null }>("SELECT looked_at, grace_until FROM pool")
			.one();
		return { lookedAt: row.looked_at, graceUntil: row.grace_until };
	}

	saveLook({ lookedAt, graceUntil }: Look): void {
		this.#make();
		this.#sql.exec("UPDATE pool SET looked_at = ?, grace_until = ?", lookedAt, graceUntil);
	}

	settings(): ShardSettings {
		const unset = { ...poolSettingsDefault, version: 0 };
		if (!this.#made) return unset;
		const { settings } = this.#sql.exec<{ settings: string | null }>("SELECT settings FROM pool").one();
		return settings === null ? unset : { ...unset, ...JSON.parse(settings) };
	}

	saveSettings(settings: ShardSettings): void {
		this.#make();
		this.#sql.exec("UPDATE pool SET settings = ?", JSON.stringify(settings));
	}

	shards(): ShardRow {
		if (!this.#made) return { count: 1, entered: false, spread: 0 };
		type Row = { shards: number; entered: number; spread: number };
		const { shards, entered, spread } = this.#sql.exec<Row>("SELECT shards, entered, spread FROM pool").one();
		return { count: shards, entered: entered === 1, spread };
	}

	saveShards({ count, entered, spread }: ShardRow): void {
		this.#make();
		this.#sql.exec("UPDATE pool SET shards = ?, entered = ?, spread = ?", count, entered ? 1 : 0, spread);
	}

	/** An object that nobody registered with stays empty. */
	#make(): void {
		if (this.#made) return;
		for (const version of versions) this.#sql.exec(version);
		this.#sql.exec("INSERT INTO pool (id, schema) VALUES (1, ?)", versions.length);
		this.#made = true;
	}

	#migrate(from: number): void {
		const saved = (to: number) => this.#sql.exec("UPDATE pool SET schema = ?", to);
		bringForward(this.#storage, poolTables, { from, saved });
	}
}
