// The SQLite tables of a FeedObject and every statement on them: a state at some place, and the changes around that place.
// A change is one row; the state is written again only once for a thousand changes.
import type { RunChange, WatchedRun } from "../../contracts/http/streams/run-events.ts";
import type { Job } from "../../contracts/http/run.ts";
import type { Sql, Storage } from "../ports.ts";
import { bringForward } from "../table-versions.ts";
import type { TableVersions } from "../table-versions.ts";

/** Each is applied once, in order; `feed.schema` says how many were. Forward only. */
const versions = [
	`CREATE TABLE feed (
		id INTEGER PRIMARY KEY CHECK (id = 1), schema INTEGER NOT NULL, base INTEGER NOT NULL, floor INTEGER NOT NULL,
		watched_until INTEGER NOT NULL);
	CREATE TABLE base (part INTEGER PRIMARY KEY, body TEXT NOT NULL);
	CREATE TABLE change (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);`,
	"ALTER TABLE feed DROP COLUMN watched_until;",
];
export const feedTables = { of: "feed", versions } satisfies TableVersions;

/** Characters of jobs in one row of a state, unless one alone has more: below the 2 MB that a value may have. */
const partLength = 500_000;

/** The stored state is that after `base`; changes after `floor` are kept. */
export interface FeedRow {
	base: number;
	floor: number;
}

export interface FeedBase {
	run: WatchedRun;
	jobs: Job[];
}

export class FeedTables {
	readonly #storage: Storage;
	readonly #sql: Sql;

	constructor(storage: Storage) {
		this.#storage = storage;
		this.#sql = storage.sql;
	}

	/** Null for an object that keeps nothing: looking leaves no trace in it. */
	load(): FeedRow | null {
		if (this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'feed'").toArray().length === 0) return null;
		const [found] = this.#sql.exec<{ schema: number }>("SELECT schema FROM feed").toArray();
		if (!found) return null;
		const saved = (to: number) => this.#sql.exec("UPDATE feed SET schema = ?", to);
		bringForward(this.#storage, feedTables, { from: found.schema, saved });
		const { base, floor } = this.#sql.exec<{ base: number; floor: number }>("SELECT base, floor FROM feed").one();
		return { base, floor };
	}

	create(): void {
		for (const version of versions) this.#sql.exec(version);
	}

	save({ base, floor }: FeedRow): void {
		this.#sql.exec("INSERT OR REPLACE INTO feed VALUES (1, ?, ?, ?)", versions.length, base, floor);
	}

	base(): FeedBase {
		const [run, ...parts] = this.#sql.exec<{ body: string }>("SELECT body FROM base ORDER BY part").toArray();
		return { run: JSON.parse(run?.body ?? "null"), jobs: parts.flatMap(({ body }) => JSON.parse(body)) };
	}

	saveBase(run: string, jobs: readonly string[]): void {
		this.#sql.exec("DELETE FROM base");
		const parts: string[][] = [];
		let left = 0;
		for (const text of jobs) {
			if (text.length > left) {
				parts.push([]);
				left = partLength;
			}
			parts.at(-1)?.push(text);
			left -= text.length;
		}
		const bodies = [run, ...parts.map((texts) => `[${texts.join(",")}]`)];
		bodies.forEach((body, part) => this.#sql.exec("INSERT INTO base VALUES (?, ?)", part, body));
	}

	addChange(seq: number, body: string): void {
		this.#sql.exec("INSERT INTO change VALUES (?, ?)", seq, body);
	}

	changesAfter(seq: number): string[] {
		const rows = this.#sql.exec<{ body: string }>("SELECT body FROM change WHERE seq > ? ORDER BY seq", seq);
		return rows.toArray().map(({ body }) => body);
	}

	parsedAfter(seq: number): RunChange[] {
		return this.changesAfter(seq).map((body) => JSON.parse(body));
	}

	dropChangesTo(seq: number): void {
		this.#sql.exec("DELETE FROM change WHERE seq <= ?", seq);
	}
}
