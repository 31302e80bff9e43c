// What an unsealed log is in its object: one entry about it, and its bytes. Memory is a cache of the tables, filled by the first
// call after waking.
import type { Log } from "../../domain/log/log.ts";
import { assert } from "../../domain/refusal.ts";
import type { World } from "../ports.ts";
import { LogBytes } from "./log-bytes.ts";
import type { KeyValues } from "./log-ports.ts";
import type { LogRow } from "./log-tables.ts";
import { LogTables } from "./log-tables.ts";

export class LogStore {
	readonly #world: Pick<World, "storage" | "giveWay">;
	readonly #tables: LogTables;
	/** Null when nothing was read yet, or nothing is there. */
	#row: LogRow | null = null;
	#bytes: LogBytes | null = null;

	constructor({ world, values }: { world: Pick<World, "storage" | "giveWay">; values: KeyValues }) {
		this.#world = world;
		this.#tables = new LogTables(world.storage.sql, values);
	}

	/** Null for a log that has not begun, or is in the archive: looking leaves no trace. */
	load(): LogRow | null {
		this.#row ??= this.#tables.load();
		return this.#row;
	}

	/** Of a log that is here. */
	open(): { row: LogRow; bytes: LogBytes; log: Log } {
		const row = this.load();
		assert(row, "the log is here");
		this.#bytes ??= new LogBytes(this.#world, this.#tables);
		const { epoch, bytesMax, closed, tries } = row;
		return { row, bytes: this.#bytes, log: { epoch, length: this.#bytes.length, bytesMax, closed, frozen: tries > 0 } };
	}

	save(row: LogRow): void {
		this.#tables.save(row);
		this.#row = row;
	}

	async deleteAll(): Promise<void> {
		this.#row = null;
		this.#bytes = null;
		await this.#world.storage.deleteAll();
	}
}
