// Follows one form of a secret through the bytes of a log, forwards or backwards from a place in it. Several writings may fit
// at one place, so a walk follows all of them; it enters no fork twice, so that its time stays bounded.
import type { SecretForm } from "./secret-forms.ts";
import type { Unit } from "./writings.ts";

export interface WalkStart {
	/** Before this unit of the form. */
	unit: number;
	/** At this place of the bytes. */
	at: number;
}

type Way = 1 | -1;

export class FormWalk {
	/** Where the form ends, or begins if the walk went backwards: the furthest of all places; -1: nowhere. */
	end = -1;
	/** The bytes ended inside the form, behind so many of its units; -1: they did not. Backwards they never do. */
	cutAfter = -1;
	readonly #form: SecretForm;
	readonly #bytes: Uint8Array;
	readonly #way: Way;
	/** A spot 2n is before unit n of the form; 2n + 1 is behind it, where a join may stand. */
	readonly #lastSpot: number;
	/** Pairs of a spot and a place from which there is more to follow. */
	#forks: number[] | null = null;
	#entered: Set<number> | null = null;

	private constructor(form: SecretForm, bytes: Uint8Array, way: Way) {
		this.#form = form;
		this.#bytes = bytes;
		this.#way = way;
		this.#lastSpot = way === 1 ? 2 * form.units.length - 1 : 0;
	}

	/** To the end of the form. */
	static forwards(form: SecretForm, bytes: Uint8Array, { unit, at }: WalkStart): FormWalk {
		return new FormWalk(form, bytes, 1).#run(2 * unit, at);
	}

	/** From behind the unit before `unit`, where a join may stand. */
	static behind(form: SecretForm, bytes: Uint8Array, { unit, at }: WalkStart): FormWalk {
		return new FormWalk(form, bytes, 1).#run(2 * unit - 1, at);
	}

	/** To the beginning of the form. */
	static backwards(form: SecretForm, bytes: Uint8Array, { unit, at }: WalkStart): FormWalk {
		return new FormWalk(form, bytes, -1).#run(2 * unit, at);
	}

	#run(spot: number, at: number): this {
		this.#follow(spot, at);
		while (this.#forks !== null && this.#forks.length > 0) {
			const place = this.#forks.pop() ?? 0;
			this.#follow(this.#forks.pop() ?? 0, place);
		}
		return this;
	}

	/** To the end, or to the next fork. */
	#follow(from: number, start: number): void {
		let spot = from;
		let at = start;
		while (spot !== this.#lastSpot) {
			const index = this.#way === 1 ? spot : spot - 1;
			const unit = index % 2 === 1 ? this.#form.join : (this.#form.units[index / 2] ?? null);
			spot += this.#way;
			if (unit === null) continue;
			const next = this.#stepOver(unit, at, Math.ceil(index / 2));
			if (typeof next !== "number") {
				for (const place of next) this.#enter(spot, place);
				return;
			}
			if (next < 0) return;
			at = next;
		}
		if (this.end < 0 || this.#way * (at - this.end) > 0) this.end = at;
	}

	#enter(spot: number, at: number): void {
		const key = spot * (this.#bytes.length + 1) + at;
		this.#entered ??= new Set();
		if (this.#entered.has(key)) return;
		this.#entered.add(key);
		this.#forks ??= [];
		this.#forks.push(spot, at);
	}

	/** Where one may be behind the unit: one place, -1 for none, or several. */
	#stepOver(unit: Unit, at: number, unitsBehind: number): number | number[] {
		const next = this.#way === 1 ? at : at - 1;
		if (this.#way === 1 && at === this.#bytes.length) this.cutAfter = Math.max(this.cutAfter, unitsBehind);
		// Most often nothing fits, or no join stands there.
		const byte = this.#bytes[next];
		if (byte === unit.byte) return at + this.#way;
		const mayFit = byte !== undefined && (this.#way === 1 ? unit.firsts : unit.lasts)[byte] === 1;
		if (!mayFit) return unit.isOptional ? at : -1;
		const places = unit.isOptional ? [at] : [];
		let newest = [at];
		for (let times = 0; times < unit.timesMax && newest.length > 0; times++) {
			const reached: number[] = [];
			for (const place of newest) this.#behind(unit, place, unitsBehind, reached);
			newest = reached.filter((place, index) => !places.includes(place) && reached.indexOf(place) === index);
			places.push(...newest);
		}
		return places.length > 1 ? places : (places[0] ?? -1);
	}

	#behind(unit: Unit, at: number, unitsBehind: number, places: number[]): void {
		const bytes = this.#bytes;
		const isForwards = this.#way === 1;
		const writings = isForwards ? unit.byFirst.get(bytes[at] ?? -1) : unit.byLast.get(bytes[at - 1] ?? -1);
		for (const writing of writings ?? []) {
			const from = isForwards ? at : at - writing.length;
			if (from < 0) continue;
			const length = Math.min(writing.length, bytes.length - from);
			if (!agrees(writing, bytes, from, length)) continue;
			if (length === writing.length) places.push(at + this.#way * length);
			else this.cutAfter = Math.max(this.cutAfter, unitsBehind);
		}
	}
}

/** The first `length` bytes of the writing are those of `bytes` at `at`. */
export function agrees(writing: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
	for (let done = 0; done < length; done++) if (writing[done] !== bytes[at + done]) return false;
	return true;
}
