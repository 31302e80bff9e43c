// Reads a unit of a secret, in any of its writings, from a place in the bytes of a log, forwards or backwards.
import type { Automaton, ReadingState } from "./automaton.ts";
import type { Way } from "./signs.ts";
import type { Unit } from "./writings.ts";

export class UnitReading {
	/** Where one may be behind the unit. */
	readonly places: number[] = [];
	/** The bytes ended inside a writing. Backwards they never do. */
	isCut = false;
	readonly #bytes: Uint8Array;
	readonly #way: Way;

	/** From `at` on, where some writing of the unit may stand. */
	constructor(unit: Unit, bytes: Uint8Array, way: Way, at: number) {
		this.#bytes = bytes;
		this.#way = way;
		const automaton = way === 1 ? unit.forwards : unit.backwards;
		if (unit.isOptional) this.places.push(at);
		let newest = [at];
		for (let times = 0; times < unit.timesMax && newest.length > 0; times++) {
			const reached = newest.flatMap((place) => this.#readOnce(automaton, place));
			newest = reached.filter((place, index) => !this.places.includes(place) && reached.indexOf(place) === index);
			this.places.push(...newest);
		}
	}

	#readOnce(automaton: Automaton, from: number): number[] {
		const reached: number[] = [];
		let state: ReadingState | null = automaton.first;
		for (let at = from; state !== null; at += this.#way) {
			if (state.isEnd) reached.push(at);
			if (state.spots.length === 0) break;
			const byte = this.#bytes[this.#way === 1 ? at : at - 1];
			if (byte === undefined) {
				this.isCut ||= this.#way === 1;
				break;
			}
			state = automaton.next(state, byte);
		}
		return reached;
	}
}

/** The first `length` bytes of the writing are those of `bytes` at `at`. */
export function agrees(writing: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
	for (let done = 0; done < length; done++) if (writing[done] !== bytes[at + done]) return false;
	return true;
}
