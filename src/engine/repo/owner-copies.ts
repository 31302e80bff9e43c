// Copies of the owner's secrets that jobs of this repository ask for, sealed, in memory alone. They hold for a short time, so the
// owner's object is asked now and then and stands on no job's way; while it is away, jobs go on by the copies for that time, and
// then those that need one wait.
import type { OwnerCalls } from "../../contracts/objects/owner.ts";
import type { SealedSecret } from "../../contracts/objects/secrets.ts";
import type { Millis } from "../../domain/ids.ts";
import type { World } from "../ports.ts";

/**
 * A copy is used for so long. What was changed or forgotten is given to no job later than that and the time of a grant's own way,
 * which is under a minute together.
 */
const usedMs = 45_000;
/** A copy that is used and is so old is asked for anew, beside the work. */
const renewedMs = 15_000;
/** Nobody waits again so soon for an object that has just not answered. */
const awayMs = 5_000;
/** Copies kept; past it all are asked for anew. */
const copiesMax = 500;

interface Copy {
	/** Null: the owner has none of that name. */
	secret: SealedSecret | null;
	asOf: Millis;
}

export class OwnerCopies {
	readonly #world: Pick<World, "now">;
	readonly #ask: OwnerCalls["secretsFor"];
	readonly #copies = new Map<string, Copy>();
	readonly #old = new Set<string>();
	#awayUntil: Millis = 0;

	constructor(world: Pick<World, "now">, ask: OwnerCalls["secretsFor"]) {
		this.#world = world;
		this.#ask = ask;
	}

	/** Undefined: not known, or too long ago. */
	of(name: string): SealedSecret | null | undefined {
		const copy = this.#copies.get(name);
		if (copy === undefined) return undefined;
		const age = this.#world.now() - copy.asOf;
		if (age >= renewedMs) this.#old.add(name);
		return age < usedMs ? copy.secret : undefined;
	}

	/** Resolves when these are known, or cannot be had now: false. */
	async learn(names: readonly string[]): Promise<boolean> {
		const now = this.#world.now();
		if (now < this.#awayUntil) return false;
		try {
			await this.#refresh(names);
			return true;
		} catch {
			this.#awayUntil = now + awayMs;
			return false;
		}
	}

	/** Asks anew for what was used and gets old. Nobody waits for it. */
	renew(): void {
		const names = [...this.#old];
		this.#old.clear();
		if (names.length > 0) void this.learn(names);
	}

	async #refresh(names: readonly string[]): Promise<void> {
		// As of the question: what was changed while the answer was under way may be missing from it.
		const asOf = this.#world.now();
		const found = new Map((await this.#ask([...names])).map((secret) => [secret.name, secret]));
		if (this.#copies.size + names.length > copiesMax) this.#copies.clear();
		for (const name of names) this.#copies.set(name, { secret: found.get(name) ?? null, asOf });
	}
}
