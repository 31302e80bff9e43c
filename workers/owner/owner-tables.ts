// The SQLite tables of an OwnerObject. An owner of whom nothing was asked has none.
import type { Millis } from "../../src/domain/ids.ts";
import type { TokenEnd } from "../../src/contracts/objects/owner.ts";
import type { OwnedThing } from "../../src/contracts/objects/projectable.ts";
import { bringForward } from "../../src/engine/table-versions.ts";
import type { TableVersions } from "../../src/engine/table-versions.ts";

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
];
export const ownerTables = { of: "owner", versions } satisfies TableVersions;

/** What can end before its time: a token that was revoked, a ticket that was used. */
export type Kind = "token" | "ticket";

export interface SessionPlace {
	pool: string;
	shard: number;
}

export class OwnerTables {
	readonly #sql: SqlStorage;
	#made: boolean;

	constructor(storage: DurableObjectStorage) {
		this.#sql = storage.sql;
		this.#made = this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'owner'").toArray().length > 0;
		if (!this.#made) return;
		const { schema: from } = this.#sql.exec<{ schema: number }>("SELECT schema FROM owner").one();
		bringForward(storage, ownerTables, {
			from,
			saved: (to) => this.#sql.exec("UPDATE owner SET schema = ?", to),
		});
	}

	/** Whether what the read model knew before this object was is here. */
	get isAdopted(): boolean {
		if (!this.#made) return false;
		return this.#sql.exec<{ adopted_at: number | null }>("SELECT adopted_at FROM owner").one().adopted_at !== null;
	}

	adopted(at: Millis): void {
		this.#make();
		this.#sql.exec("UPDATE owner SET adopted_at = ?", at);
	}

	/** True when it is news. `isPublished`: neither the read model nor the pools need hear of it. The column is called `told`. */
	end(kind: Kind, { id, at, until }: TokenEnd, isPublished: boolean): boolean {
		this.#make();
		const { rowsWritten } = this.#sql.exec(
			`INSERT OR IGNORE INTO ended (kind, id, at, until, told, put_out)
			VALUES (?1, ?2, ?3, ?4, ?5, ?5 OR NOT EXISTS (SELECT 1 FROM session_place))`,
			...[kind, id, at, until, isPublished ? 1 : 0],
		);
		return rowsWritten > 0;
	}

	endedOf(kind: Kind, ids: readonly string[]): string[] {
		if (!this.#made) return [];
		const rows = this.#sql.exec<{ id: string }>(
			"SELECT id FROM ended WHERE kind = ? AND id IN (SELECT value FROM json_each(?))",
			...[kind, JSON.stringify(ids)],
		);
		return rows.toArray().map(({ id }) => id);
	}

	/** Ends of tokens that the read model does not have yet. */
	unpublished(max: number): { id: string; at: Millis }[] {
		if (!this.#made) return [];
		return this.#sql
			.exec<{ id: string; at: number }>("SELECT id, at FROM ended WHERE kind = 'token' AND told = 0 LIMIT ?", max)
			.toArray();
	}

	markPublished(ids: readonly string[]): void {
		this.#sql.exec(
			"UPDATE ended SET told = 1 WHERE kind = 'token' AND id IN (SELECT value FROM json_each(?))",
			JSON.stringify(ids),
		);
	}

	/** A shard where a session was opened that rests on a token. As many rows as the owner's pools have shards. */
	addPlace({ pool, shard }: SessionPlace): void {
		this.#make();
		this.#sql.exec("INSERT OR IGNORE INTO session_place VALUES (?, ?)", pool, shard);
	}

	places(): SessionPlace[] {
		if (!this.#made) return [];
		return this.#sql.exec<{ pool: string; shard: number }>("SELECT pool, shard FROM session_place").toArray();
	}

	/** Ended tokens whose runners' sessions may still be open: not all places have heard. */
	notPutOut(max: number): string[] {
		if (!this.#made) return [];
		const sql = "SELECT id FROM ended WHERE kind = 'token' AND put_out = 0 LIMIT ?";
		return this.#sql
			.exec<{ id: string }>(sql, max)
			.toArray()
			.map(({ id }) => id);
	}

	putOut(ids: readonly string[]): void {
		this.#sql.exec(
			"UPDATE ended SET put_out = 1 WHERE kind = 'token' AND id IN (SELECT value FROM json_each(?))",
			JSON.stringify(ids),
		);
	}

	/** False: there is more to forget. An end that was not published stays until it is. */
	forget(now: Millis, max: number): boolean {
		if (!this.#made) return true;
		const { rowsWritten } = this.#sql.exec(
			`DELETE FROM ended WHERE (kind, id) IN (
				SELECT kind, id FROM ended WHERE until IS NOT NULL AND until <= ? AND told = 1 AND put_out = 1 LIMIT ?)`,
			...[now, max],
		);
		return rowsWritten < max;
	}

	/** Whether what the read model knew of the owner's things before this object kept them is here. */
	get hasTakenOver(): boolean {
		if (!this.#made) return false;
		return this.#sql.exec<{ owned_at: number | null }>("SELECT owned_at FROM owner").one().owned_at !== null;
	}

	tookOver(at: Millis): void {
		this.#make();
		this.#sql.exec("UPDATE owner SET owned_at = ?", at);
	}

	/** Told again, a thing stays as it was. */
	own(things: readonly OwnedThing[]): void {
		this.#make();
		const rows = things.map((thing) => ({
			...thing,
			doc: thing.kind === "token" ? JSON.stringify(thing.token) : null,
		}));
		this.#sql.exec(
			`INSERT OR IGNORE INTO owned SELECT value ->> 'kind', value ->> 'name', value ->> 'doc' FROM json_each(?)`,
			JSON.stringify(rows),
		);
	}

	/** A token that has ended says since when, though its end may be forgotten. */
	endOwned(id: string, at: string): void {
		this.#sql.exec(
			`UPDATE owned SET doc = json_set(doc, '$.revokedAt', ?)
			WHERE kind = 'token' AND name = ? AND doc ->> 'revokedAt' IS NULL`,
			at,
			id,
		);
	}

	owned({ kind, after, limit }: { kind: OwnedThing["kind"]; after: string; limit: number }): OwnedThing[] {
		if (!this.#made) return [];
		const sql = "SELECT name, doc FROM owned WHERE kind = ? AND name > ? ORDER BY name LIMIT ?";
		const rows = this.#sql.exec<{ name: string; doc: string | null }>(sql, kind, after, limit).toArray();
		return rows.map(({ name, doc }) =>
			kind === "token" ? { kind, name, token: JSON.parse(doc ?? "null") } : { kind, name },
		);
	}

	/** When something may next be forgotten. */
	nextUntil(): Millis | null {
		if (!this.#made) return null;
		const sql = "SELECT min(until) AS at FROM ended WHERE until IS NOT NULL";
		return this.#sql.exec<{ at: number | null }>(sql).one().at;
	}

	#make(): void {
		if (this.#made) return;
		for (const version of versions) this.#sql.exec(version);
		this.#sql.exec("INSERT INTO owner (id, schema) VALUES (1, ?)", versions.length);
		this.#made = true;
	}
}
