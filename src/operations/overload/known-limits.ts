// What an operator set for owners, as far as this process knows: asked for in the background, so that no call waits for it. Until it
// is known, and where an owner's object does not answer, the table's own numbers hold.
import type { LimitUse } from "../../contracts/http/limit.ts";
import type { Millis } from "../../domain/ids.ts";
import { limitOf } from "../../domain/limit/limit-table.ts";
import type { LimitName, LimitSettings } from "../../domain/limit/limit-table.ts";

/** A limit that was set acts everywhere within this long. */
const askedAgainMs = 30_000;
const ownersMax = 5_000;

interface Known {
	set: LimitSettings;
	/** When it was asked for last, whatever came of that. */
	askedAt: Millis;
}

export class KnownLimits {
	readonly #owners = new Map<string, Known>();

	/** `ask` is called when it was not for a while. */
	of(owner: string, name: LimitName, { now, ask }: { now: Millis; ask: () => Promise<LimitUse[]> }): number {
		const known = this.#owners.get(owner);
		if (known === undefined || now - known.askedAt >= askedAgainMs) {
			this.#keep(owner, { set: known?.set ?? {}, askedAt: now });
			// Whatever an object of another build answers: what cannot be read is not known.
			ask()
				.then((items) => this.note(owner, items, now))
				.catch(() => undefined);
		}
		return limitOf(name, known?.set);
	}

	note(owner: string, items: readonly LimitUse[], now: Millis): void {
		this.#keep(owner, { set: Object.fromEntries(items.map(({ name, limit }) => [name, limit])), askedAt: now });
	}

	/** At the bound the owner goes who was asked about first. */
	#keep(owner: string, known: Known): void {
		const [first] = this.#owners.keys();
		if (this.#owners.size >= ownersMax && first !== undefined) this.#owners.delete(first);
		this.#owners.set(owner, known);
	}
}
