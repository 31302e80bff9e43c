// What of an owner's has ended before its time, and who has heard of that.
import type { TokenEnd } from "../../contracts/objects/owner.ts";
import type { Millis } from "../../domain/ids.ts";
import type { OwnerTables } from "./owner-tables.ts";

/** A token that was revoked, a ticket that was used. */
export type Kind = "token" | "ticket";

export interface SessionPlace {
	pool: string;
	shard: number;
}

export class EndedTables {
	readonly #tables: OwnerTables;

	constructor(tables: OwnerTables) {
		this.#tables = tables;
	}

	/** Whether what the read model knew before this object was is here. */
	get isAdopted(): boolean {
		const found = this.#tables.found;
		if (found === null) return false;
		return found.exec<{ adopted_at: number | null }>("SELECT adopted_at FROM owner").one().adopted_at !== null;
	}

	adopted(at: Millis): void {
		this.#tables.made.exec("UPDATE owner SET adopted_at = ?", at);
	}

	/** True when it is news. `isPublished`: neither the read model nor the pools need hear of it. The column is called `told`. */
	end(kind: Kind, { id, at, until }: TokenEnd, isPublished: boolean): boolean {
		const { rowsWritten } = this.#tables.made.exec(
			`INSERT OR IGNORE INTO ended (kind, id, at, until, told, put_out)
			VALUES (?1, ?2, ?3, ?4, ?5, ?5 OR NOT EXISTS (SELECT 1 FROM session_place))`,
			...[kind, id, at, until, isPublished ? 1 : 0],
		);
		return rowsWritten > 0;
	}

	endedOf(kind: Kind, ids: readonly string[]): string[] {
		const found = this.#tables.found;
		if (found === null) return [];
		const rows = found.exec<{ id: string }>(
			"SELECT id FROM ended WHERE kind = ? AND id IN (SELECT value FROM json_each(?))",
			...[kind, JSON.stringify(ids)],
		);
		return rows.toArray().map(({ id }) => id);
	}

	/** Ends of tokens that the read model does not have yet. */
	unpublished(max: number): { id: string; at: Millis }[] {
		const found = this.#tables.found;
		if (found === null) return [];
		return found
			.exec<{ id: string; at: number }>("SELECT id, at FROM ended WHERE kind = 'token' AND told = 0 LIMIT ?", max)
			.toArray();
	}

	markPublished(ids: readonly string[]): void {
		this.#tables.made.exec(
			"UPDATE ended SET told = 1 WHERE kind = 'token' AND id IN (SELECT value FROM json_each(?))",
			JSON.stringify(ids),
		);
	}

	/** A shard where a session was opened that rests on a token. As many rows as the owner's pools have shards. */
	addPlace({ pool, shard }: SessionPlace): void {
		this.#tables.made.exec("INSERT OR IGNORE INTO session_place VALUES (?, ?)", pool, shard);
	}

	places(): SessionPlace[] {
		const found = this.#tables.found;
		if (found === null) return [];
		return found.exec<{ pool: string; shard: number }>("SELECT pool, shard FROM session_place").toArray();
	}

	/** Ended tokens whose runners' sessions may still be open: not all places have heard. */
	notPutOut(max: number): string[] {
		const found = this.#tables.found;
		if (found === null) return [];
		const sql = "SELECT id FROM ended WHERE kind = 'token' AND put_out = 0 LIMIT ?";
		return found
			.exec<{ id: string }>(sql, max)
			.toArray()
			.map(({ id }) => id);
	}

	putOut(ids: readonly string[]): void {
		this.#tables.made.exec(
			"UPDATE ended SET put_out = 1 WHERE kind = 'token' AND id IN (SELECT value FROM json_each(?))",
			JSON.stringify(ids),
		);
	}

	/** False: there is more to forget. An end that was not published stays until it is. */
	forget(now: Millis, max: number): boolean {
		const found = this.#tables.found;
		if (found === null) return true;
		const { rowsWritten } = found.exec(
			`DELETE FROM ended WHERE (kind, id) IN (
				SELECT kind, id FROM ended WHERE until IS NOT NULL AND until <= ? AND told = 1 AND put_out = 1 LIMIT ?)`,
			...[now, max],
		);
		return rowsWritten < max;
	}

	/** When something may next be forgotten. */
	nextUntil(): Millis | null {
		const found = this.#tables.found;
		if (found === null) return null;
		const sql = "SELECT min(until) AS at FROM ended WHERE until IS NOT NULL";
		return found.exec<{ at: number | null }>(sql).one().at;
	}
}
