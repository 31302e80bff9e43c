// The breakers of objects, one for each name, so that a broken repository or pool shuts out no other. A bounded table: names come
// from callers.
import { closedBreaker } from "../../domain/breaker.ts";
import type { Breaker } from "../../domain/breaker.ts";
import type { Millis } from "../../domain/ids.ts";

export const objectKinds = ["repositories", "pools", "logs", "feeds", "owners", "people"] as const;
export type ObjectKind = (typeof objectKinds)[number];

export interface HeldBreaker {
	of: ObjectKind | "database" | "archive" | "queues";
	/** Null: there is only one of it. */
	name: string | null;
	breaker: Breaker;
	/** When somebody last wanted to call. */
	askedAt: Millis;
}

export interface ShownObject {
	kind: ObjectKind;
	name: string;
	state: "open" | "half-open";
	since: Millis;
}

export interface ShownObjects {
	/** Of each kind, how many are not closed. */
	open: Record<ObjectKind, number>;
	/** Those that have been in trouble for the longest. */
	worst: ShownObject[];
}

/** About 300 bytes each. An isolate talks to fewer objects at a time, unless nearly all of them are in trouble. */
export const objectsMax = 1_000;
/** Nobody has wanted it for this long: whether it is still in trouble nobody knows, and nobody cares. */
export const forgottenMs = 600_000;
/** As many as somebody who is on call reads. */
const worstMax = 5;

interface HeldObject extends HeldBreaker {
	of: ObjectKind;
	name: string;
}

export class ObjectBreakers {
	/** Closed ones, the longest unused first: forgotten when there is no room, at the cost of the figures of some seconds. */
	readonly #calm = new Map<string, HeldObject>();
	/** The others, as they came to be so: never pushed out by calm ones, nor by each other. */
	readonly #broken = new Map<string, HeldObject>();

	/** [K10] Null: all that there is room for are in trouble, and this one has to go without. */
	find({ of, name }: { of: ObjectKind; name: string }, now: Millis): HeldBreaker | null {
		const key = `${of} ${name}`;
		const broken = this.#broken.get(key);
		if (broken) return broken;
		const known = this.#calm.get(key);
		if (known) {
			this.#calm.delete(key);
			this.#calm.set(key, known);
			return known;
		}
		if (!this.#hasRoom(now)) return null;
		const made = { of, name, breaker: closedBreaker(now), askedAt: now };
		this.#calm.set(key, made);
		return made;
	}

	/** After a change of its state. */
	sort(held: HeldBreaker): void {
		const key = `${held.of} ${held.name}`;
		const [from, to] = held.breaker.state === "closed" ? [this.#broken, this.#calm] : [this.#calm, this.#broken];
		// One that was forgotten while a call of it was under way stays so.
		if (from.get(key) !== held) return;
		from.delete(key);
		to.set(key, held as HeldObject);
	}

	shown(now: Millis): ShownObjects {
		this.#forget(now);
		const open = Object.fromEntries(objectKinds.map((kind) => [kind, 0])) as ShownObjects["open"];
		const broken: ShownObject[] = [];
		for (const { of, name, breaker } of this.#broken.values()) {
			if (breaker.state === "closed") continue;
			open[of]++;
			broken.push({ kind: of, name, state: breaker.state, since: breaker.since });
		}
		return { open, worst: broken.sort((a, b) => a.since - b.since).slice(0, worstMax) };
	}

	#hasRoom(now: Millis): boolean {
		if (this.#calm.size + this.#broken.size < objectsMax) return true;
		for (const key of this.#calm.keys()) return this.#calm.delete(key);
		return this.#forget(now);
	}

	#forget(now: Millis): boolean {
		let forgotten = false;
		for (const [key, { askedAt }] of this.#broken) {
			if (now - askedAt >= forgottenMs) forgotten = this.#broken.delete(key);
		}
		return forgotten;
	}
}
