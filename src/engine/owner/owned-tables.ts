// What an owner has, of which no object of its own says whose it is.
import type { OwnedThing } from "../../contracts/objects/projectable.ts";
import type { Millis } from "../../domain/ids.ts";
import type { OwnerTables } from "./owner-tables.ts";

export class OwnedTables {
	readonly #tables: OwnerTables;

	constructor(tables: OwnerTables) {
		this.#tables = tables;
	}

	/** Whether what the read model knew of the owner's things before this object kept them is here. */
	get hasTakenOver(): boolean {
		const found = this.#tables.found;
		if (found === null) return false;
		return found.exec<{ owned_at: number | null }>("SELECT owned_at FROM owner").one().owned_at !== null;
	}

	tookOver(at: Millis): void {
		this.#tables.made.exec("UPDATE owner SET owned_at = ?", at);
	}

	/** Told again, a thing stays as it was. */
	own(things: readonly OwnedThing[]): void {
		const rows = things.map((thing) => ({
			...thing,
			doc: thing.kind === "token" ? JSON.stringify(thing.token) : null,
		}));
		this.#tables.made.exec(
			`INSERT OR IGNORE INTO owned SELECT value ->> 'kind', value ->> 'name', value ->> 'doc' FROM json_each(?)`,
			JSON.stringify(rows),
		);
	}

	has({ kind, name }: Pick<OwnedThing, "kind" | "name">): boolean {
		const one = "SELECT 1 FROM owned WHERE kind = ? AND name = ?";
		return (this.#tables.found?.exec(one, kind, name).toArray().length ?? 0) > 0;
	}

	/** Tokens that were revoked, or have expired by `now`, are not counted. */
	count(kind: OwnedThing["kind"], now: string): number {
		const all = `SELECT COUNT(*) AS count FROM owned WHERE kind = ?1 AND (doc IS NULL OR
			doc ->> 'revokedAt' IS NULL AND (doc ->> 'expiresAt' IS NULL OR doc ->> 'expiresAt' > ?2))`;
		return this.#tables.found?.exec<{ count: number }>(all, kind, now).one().count ?? 0;
	}

	/** A token that has ended says since when, though its end may be forgotten. */
	endOwned(id: string, at: string): void {
		this.#tables.made.exec(
			`UPDATE owned SET doc = json_set(doc, '$.revokedAt', ?)
			WHERE kind = 'token' AND name = ? AND doc ->> 'revokedAt' IS NULL`,
			at,
			id,
		);
	}

	owned({ kind, after, limit }: { kind: OwnedThing["kind"]; after: string; limit: number }): OwnedThing[] {
		const found = this.#tables.found;
		if (found === null) return [];
		const sql = "SELECT name, doc FROM owned WHERE kind = ? AND name > ? ORDER BY name LIMIT ?";
		const rows = found.exec<{ name: string; doc: string | null }>(sql, kind, after, limit).toArray();
		return rows.map(({ name, doc }) =>
			kind === "token" ? { kind, name, token: JSON.parse(doc ?? "null") } : { kind, name },
		);
	}
}
