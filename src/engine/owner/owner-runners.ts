// How many runners an owner has over all pools. The pools' shards have the truth about each; a row here is a runner that was counted
// before its shard took it. Nobody tells this object of a runner whose one job is over: it asks the shards before it refuses.
import type { OwnerRunner } from "../../contracts/objects/owner.ts";
import { inTime } from "../../contracts/wire/in-time.ts";
import type { Millis } from "../../domain/ids.ts";
import { accept } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { World } from "../ports.ts";
import type { OwnerOutside, OwnerPorts } from "./owner-ports.ts";
import type { OwnerTables } from "./owner-tables.ts";

/** A registration that was counted has come to its shard by then, or never will: until then its shard need not know the runner. */
const onItsWayMs = 30_000;
/** An owner who is at the limit and tries again and again costs a call to each shard this often. */
const lookAgainMs = 5_000;
/** Whoever registers waits for the shards no longer; what they say later counts for the next one. Below what an admission may take. */
const lookMsMax = 1_500;
const poolsAtOnce = 20;

export class OwnerRunners {
	readonly #name: string;
	readonly #world: World;
	readonly #outside: OwnerOutside;
	readonly #tables: OwnerTables;
	/** Null until it is asked for: rows are counted once, since a registration must not read all of them. */
	#count: number | null = null;
	#looking: Promise<void> | null = null;
	#lookedAt: Millis = 0;

	constructor({ name, world, outside }: OwnerPorts, tables: OwnerTables) {
		this.#name = name;
		this.#world = world;
		this.#outside = outside;
		this.#tables = tables;
	}

	get count(): number {
		const all = "SELECT count(*) AS count FROM runner";
		this.#count ??= this.#tables.found?.exec<{ count: number }>(all).one().count ?? 0;
		return this.#count;
	}

	/** [V32] `refuse` says whether there is room beside so many. It is asked and the runner counted in one step. */
	async admit(runner: OwnerRunner, refuse: (use: number) => Result<null>): Promise<Result<null>> {
		if (this.#has(runner.id)) return accept(null);
		this.#lookFirst();
		if (!refuse(this.count).ok) await this.lookInTime();
		const may = this.#has(runner.id) ? accept(null) : refuse(this.count);
		if (may.ok) this.own(runner);
		return may;
	}

	own(runner: OwnerRunner): void {
		this.#insert([runner.id], runner);
	}

	disown(id: string): void {
		this.#tables.made.exec("DELETE FROM runner WHERE id = ?", id);
		this.#count = null;
	}

	/** The runners that these tokens registered: all shards have put them out. */
	endTokens(tokens: readonly string[]): void {
		const sql = "DELETE FROM runner WHERE token IN (SELECT value FROM json_each(?))";
		this.#tables.made.exec(sql, JSON.stringify(tokens));
		this.#count = null;
	}

	/** Asks the shards who is still there, unless they were asked just now. A shard that does not answer keeps those it had. */
	async lookInTime(): Promise<void> {
		const now = this.#world.now();
		if (this.#looking === null && now - this.#lookedAt < lookAgainMs) return;
		this.#lookedAt = now;
		await inTime(this.#look(), lookMsMax, () => undefined);
	}

	/** Runners that came before this object counted any. Whoever registers does not wait for that. */
	#lookFirst(): void {
		const sql = "SELECT runners_at FROM owner";
		if (this.#tables.made.exec<{ runners_at: number | null }>(sql).one().runners_at !== null) return;
		this.#tables.made.exec("UPDATE owner SET runners_at = ?", this.#world.now());
		this.#outside.later(this.#look());
	}

	#look(): Promise<void> {
		this.#looking ??= this.#lookAtAll().finally(() => {
			this.#looking = null;
		});
		return this.#looking;
	}

	async #lookAtAll(): Promise<void> {
		const pools = this.#pools();
		for (let at = 0; at < pools.length; at += poolsAtOnce) {
			await Promise.allSettled(pools.slice(at, at + poolsAtOnce).map((pool) => this.#lookAt(pool)));
		}
	}

	async #lookAt(pool: string): Promise<void> {
		const shards = await this.#lookAtShard({ pool, shard: 0 });
		const rest = Array.from({ length: shards - 1 }, (_, at) => this.#lookAtShard({ pool, shard: at + 1 }));
		await Promise.allSettled(rest);
	}

	async #lookAtShard(place: Pick<OwnerRunner, "pool" | "shard">): Promise<number> {
		const before = this.#world.now() - onItsWayMs;
		const { ids, shards } = await this.#outside.pool({ owner: this.#name, ...place }).runnerIds();
		this.#tables.transaction(() => {
			this.#tables.made.exec(
				`DELETE FROM runner WHERE pool = ? AND shard = ? AND at <= ? AND id NOT IN (SELECT value FROM json_each(?))`,
				...[place.pool, place.shard, before, JSON.stringify(ids)],
			);
			this.#insert(ids, { ...place, token: null });
		});
		this.#count = null;
		return shards;
	}

	#insert(ids: readonly string[], { pool, shard, token }: Omit<OwnerRunner, "id">): void {
		const { rowsWritten } = this.#tables.made.exec(
			"INSERT OR IGNORE INTO runner SELECT value, ?, ?, ?, ? FROM json_each(?)",
			...[pool, shard, token, this.#world.now(), JSON.stringify(ids)],
		);
		if (rowsWritten > 0) this.#count = this.#count === null || ids.length > 1 ? null : this.#count + 1;
	}

	#has(id: string): boolean {
		return (this.#tables.found?.exec("SELECT 1 FROM runner WHERE id = ?", id).toArray().length ?? 0) > 0;
	}

	#pools(): string[] {
		const sql = "SELECT name FROM owned WHERE kind = 'pool' UNION SELECT DISTINCT pool FROM runner";
		return (this.#tables.found?.exec<{ name: string }>(sql).toArray() ?? []).map(({ name }) => name);
	}
}
