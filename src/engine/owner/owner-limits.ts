// An owner's limits: what the operator set, and what is used of each. Repositories, pools and tokens are counted by what the owner has
// here; the rates of tokens are counted where calls come in, and only their numbers stand here.
import type { LimitUse } from "../../contracts/http/limit.ts";
import type { LimitsCall } from "../../contracts/objects/objects.ts";
import type { OwnedThing } from "../../contracts/objects/projectable.ts";
import { timeText } from "../../contracts/wire/time-text.ts";
import type { Millis } from "../../domain/ids.ts";
import { changeLimits, limitOf, limitRow } from "../../domain/limit/limit-table.ts";
import type { LimitName, LimitSettings } from "../../domain/limit/limit-table.ts";
import { limitReached } from "../../domain/limit/repository-limits.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { OwnedTables } from "./owned-tables.ts";
import type { OwnerTables } from "./owner-tables.ts";

const limitOfKind = { repository: "repositories", pool: "pools", token: "tokens" } as const satisfies Record<
	OwnedThing["kind"],
	LimitName
>;

export class OwnerLimits {
	readonly #tables: OwnerTables;
	readonly #owned: OwnedTables;
	readonly #now: () => Millis;

	constructor(tables: OwnerTables, { owned, now }: { owned: OwnedTables; now: () => Millis }) {
		this.#tables = tables;
		this.#owned = owned;
		this.#now = now;
	}

	/** What is there already stays, at any number. */
	set({ change, replace }: LimitsCall): void {
		const limits = changeLimits(this.#set, change, { replace });
		this.#tables.made.exec("UPDATE owner SET limits = ?", JSON.stringify(limits));
	}

	/** [V27] */
	refuse(thing: OwnedThing): Result<null> {
		if (this.#owned.has(thing)) return accept(null);
		const use = this.#count(thing.kind);
		const reached = limitReached(limitOfKind[thing.kind], { use, more: 1, set: this.#set });
		return reached === null ? accept(null) : refuse(reached);
	}

	/** [V24] `names`: of those that there are. */
	refuseSecret(name: string, names: readonly string[]): Result<null> {
		const more = names.includes(name) ? 0 : 1;
		const reached = limitReached("owner-secrets", { use: names.length, more, set: this.#set });
		return reached === null ? accept(null) : refuse(reached);
	}

	/** [V32] `use`: of those that are counted now. */
	refuseRunner(use: number): Result<null> {
		const reached = limitReached("runners", { use, more: 1, set: this.#set });
		return reached === null ? accept(null) : refuse(reached);
	}

	show({ secrets, runners }: { secrets: number; runners: number }): LimitUse[] {
		return [
			this.#shown("owner-secrets", secrets),
			this.#shown("repositories", this.#count("repository")),
			this.#shown("pools", this.#count("pool")),
			this.#shown("tokens", this.#count("token")),
			this.#shown("runners", runners),
			this.#shown("token-calls", null),
			this.#shown("token-dear-calls", null),
		];
	}

	#shown(name: LimitName, used: number | null): LimitUse {
		return { name, unit: limitRow(name).unit, limit: limitOf(name, this.#set), used, resetsAt: null };
	}

	#count(kind: OwnedThing["kind"]): number {
		return this.#owned.count(kind, timeText(this.#now()));
	}

	get #set(): LimitSettings {
		return JSON.parse(this.#tables.found?.exec<{ limits: string }>("SELECT limits FROM owner").one().limits ?? "{}");
	}
}
