// Reads a unit's writings byte by byte, forwards or backwards, wherever in how many escapes it may be. A state stands for all
// of these places at once; states are made when a log first needs them, so that reading on costs one look-up for each byte.
import type { Trie, Way, Writings } from "./signs.ts";

/** A place in a writing, and the one to go on from behind the sign that it is an escape of. */
interface Spot {
	readonly trie: Trie;
	readonly depth: number;
	readonly outer: Spot | null;
	readonly key: string;
}

/** What a log can have made of an automaton before it is made anew: some megabytes. */
const statesMax = 5_000;

export class ReadingState {
	readonly spots: readonly Spot[];
	/** A writing ends here. */
	readonly isEnd: boolean;
	/** By byte; null: no writing goes on with it. */
	readonly next: (ReadingState | null | undefined)[] = [];

	constructor(spots: readonly Spot[], isEnd: boolean) {
		this.spots = spots;
		this.isEnd = isEnd;
	}
}

export class Automaton {
	readonly #writings: Writings;
	readonly #depth: number;
	readonly #way: Way;
	readonly #states = new Map<string, ReadingState>();
	#first: ReadingState | null = null;

	constructor(writings: Writings, depth: number, way: Way) {
		this.#writings = writings;
		this.#depth = depth;
		this.#way = way;
	}

	get first(): ReadingState {
		this.#first ??= this.#stateOf([spotAt(this.#trieOf(this.#writings), this.#depth, null)]);
		return this.#first;
	}

	next(state: ReadingState, byte: number): ReadingState | null {
		const known = state.next[byte];
		if (known !== undefined) return known;
		const spots = state.spots.flatMap(({ trie, depth, outer }) => {
			const then = trie.bytes.get(byte);
			return then ? [spotAt(then, depth, outer)] : [];
		});
		const next = spots.length === 0 ? null : this.#stateOf(spots);
		state.next[byte] = next;
		return next;
	}

	#stateOf(from: readonly Spot[]): ReadingState {
		const reached = new Map<string, Spot>();
		for (const spot of from) this.#reach(spot, reached);
		const spots = [...reached.values()].filter(({ trie }) => trie.bytes.size > 0);
		const isEnd = [...reached.values()].some(({ trie, outer }) => trie.isEnd && outer === null);
		const key = `${isEnd} ${spots
			.map((spot) => spot.key)
			.toSorted()
			.join(" ")}`;
		const made = this.#states.get(key) ?? new ReadingState(spots, isEnd);
		if (this.#states.size >= statesMax) this.#forget();
		this.#states.set(key, made);
		return made;
	}

	/** States that are in use go on to be used. */
	#forget(): void {
		this.#states.clear();
		this.#first = null;
	}

	/** Where one is too without another byte: inside a sign, and behind one. */
	#reach(spot: Spot, reached: Map<string, Spot>): void {
		if (reached.has(spot.key)) return;
		reached.set(spot.key, spot);
		const { trie, depth, outer } = spot;
		if (trie.isEnd && outer !== null) this.#reach(outer, reached);
		for (const [sign, then] of trie.signs) {
			const behind = spotAt(then, depth, outer);
			this.#reach(spotAt(this.#trieOf(sign.plainly), 0, behind), reached);
			if (depth > 0) this.#reach(spotAt(this.#trieOf(sign.escapes), depth - 1, behind), reached);
		}
	}

	#trieOf({ forwards, backwards }: Writings): Trie {
		return this.#way === 1 ? forwards : backwards;
	}
}

function spotAt(trie: Trie, depth: number, outer: Spot | null): Spot {
	return { trie, depth, outer, key: `${trie.id},${depth}${outer === null ? "" : `;${outer.key}`}` };
}
