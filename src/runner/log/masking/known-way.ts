// The way that a form of a secret went through the bytes of a log from one anchor, for the walks from the next anchors. Where a
// secret repeats itself, one walk's way is the beginning of the next one's, from the same units over the same bytes: a walk
// begins where the known way ends, or where the form does not repeat itself any more (the Z algorithm, over units). So the time
// for a log is linear, whatever the secret.
import { FormWalk } from "./form-walk.ts";
import type { SecretForm } from "./secret-forms.ts";
import type { Unit } from "./writings.ts";

/** How a form repeats what it has from a unit on. */
export class Repeats {
	readonly form: SecretForm;
	readonly from: number;
	#lengths: Int32Array | null = null;

	constructor(form: SecretForm, from: number) {
		this.form = form;
		this.from = from;
	}

	/** So many units from `from` on are the same as those `by` further on. */
	length(by: number): number {
		this.#lengths ??= repeatLengths(this.form.units.slice(this.from));
		return this.#lengths[by] ?? 0;
	}
}

/** Whether one way is left at a fork depends on so many units behind it: an optional one, and the next. */
const unitsAhead = 2;

/** From one anchor of a form, through bytes that stay the same. */
export class KnownWay {
	readonly #repeats: Repeats;
	readonly #bytes: Uint8Array;
	/** Before each unit, and at the form's end if it got there. The way begins at `#base`. */
	#places: number[] = [];
	#base = 0;
	readonly #entered = new Map<number, number>();

	constructor(repeats: Repeats, bytes: Uint8Array) {
		this.#repeats = repeats;
		this.#bytes = bytes;
	}

	/** To the end of the form, which begins at `start`, from a place further on than the last one. */
	walk(start: number, at: number): FormWalk {
		const { form, from } = this.#repeats;
		const by = this.#unitsTo(at);
		const known = this.#places.length - 1 - this.#base - by;
		const same = by < 0 ? 0 : Math.max(0, Math.min(this.#repeats.length(by), known) - unitsAhead);
		const place = by < 0 ? at : (this.#places[this.#base + by + same] ?? at);
		const added: number[] = [];
		const walk = FormWalk.forwards(
			form,
			this.#bytes,
			{ unit: from + same, at: place },
			{ places: added, start, entered: this.#entered },
		);
		if ((added.at(-1) ?? -1) > (this.#places.at(-1) ?? -1))
			this.#keep(by < 0 ? this.#places.length : this.#base + by, same, added);
		return walk;
	}

	#keep(base: number, same: number, added: number[]): void {
		this.#base = base;
		this.#places.length = base + same;
		for (const place of added) this.#places.push(place);
	}

	/** So many units from the beginning of the way; -1: it did not come by. */
	#unitsTo(at: number): number {
		let low = this.#base;
		let high = this.#places.length - 1;
		while (low <= high) {
			const middle = (low + high) >> 1;
			const place = this.#places[middle] ?? 0;
			if (place === at) return middle - this.#base;
			if (place < at) low = middle + 1;
			else high = middle - 1;
		}
		return -1;
	}
}

/** By how many units further on: how many units are the same as from the first one on. */
function repeatLengths(units: readonly Unit[]): Int32Array {
	const lengths = new Int32Array(units.length + 1);
	lengths[0] = units.length;
	let start = 0;
	let end = 0;
	for (let at = 1; at < units.length; at++) {
		let length = at < end ? Math.min(lengths[at - start] ?? 0, end - at) : 0;
		while (at + length < units.length && units[length] === units[at + length]) length++;
		lengths[at] = length;
		if (at + length > end) {
			start = at;
			end = at + length;
		}
	}
	return lengths;
}
