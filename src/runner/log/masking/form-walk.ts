// Follows one form of a secret through the bytes of a log, forwards or backwards from a place in it. Several writings may fit
// at one place, so a walk follows all of them; it enters no fork twice, so that its time stays bounded.
import type { SecretForm } from "./secret-forms.ts";
import type { Way } from "./signs.ts";
import type { Unit } from "./writings.ts";
import { agrees, UnitReading } from "./unit-reading.ts";

export interface WalkStart {
	/** Before this unit of the form. */
	unit: number;
	/** At this place of the bytes. */
	at: number;
}

/** What walks from one anchor leave for the next ones. */
export interface Trail {
	/** Before each unit, and at the end, as long as there was one way only. */
	places: number[];
	/** Where the walk's form begins. */
	start: number;
	/** By fork: where the form began that entered it. What a form finds from there on, a later one need not find again. */
	entered: Map<number, number>;
}

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
	readonly #trail: Trail;
	#hasOneWay = true;
	/** Pairs of a spot and a place from which there is more to follow. */
	#forks: number[] | null = null;

	private constructor(form: SecretForm, bytes: Uint8Array, way: Way, trail: Trail) {
		this.#form = form;
		this.#bytes = bytes;
		this.#way = way;
		this.#lastSpot = way === 1 ? 2 * form.units.length - 1 : 0;
		this.#trail = trail;
	}

	/** To the end of the form, or to where an earlier walk had been. */
	static forwards(form: SecretForm, bytes: Uint8Array, { unit, at }: WalkStart, trail: Trail): FormWalk {
		return new FormWalk(form, bytes, 1, trail).#run(2 * unit, at);
	}

	/** To the beginning of the form. */
	static backwards(form: SecretForm, bytes: Uint8Array, { unit, at }: WalkStart): FormWalk {
		return new FormWalk(form, bytes, -1, { places: [], start: 0, entered: new Map() }).#run(2 * unit, at);
	}

	#run(spot: number, at: number): this {
		this.#follow(spot, at);
		this.#hasOneWay = false;
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
			if (index % 2 === 0) this.#note(at);
			const unit = this.#unitAt(index);
			spot += this.#way;
			if (unit === null) continue;
			const next = this.#stepOver(unit, at, Math.ceil(index / 2));
			if (typeof next !== "number") {
				const open = next.filter((place) => this.#mayGoOn(spot, place));
				if (open.length !== 1) {
					for (const place of open) this.#enter(spot, place);
					return;
				}
				at = open[0] ?? 0;
				continue;
			}
			if (next < 0) return;
			at = next;
		}
		this.#note(at);
		if (this.end < 0 || this.#way * (at - this.end) > 0) this.end = at;
	}

	#note(at: number): void {
		if (this.#hasOneWay && this.cutAfter < 0) this.#trail.places.push(at);
	}

	/** Odd for a join. */
	#unitAt(index: number): Unit | null {
		return index % 2 === 1 ? this.#form.join : (this.#form.units[index / 2] ?? null);
	}

	#enter(spot: number, at: number): void {
		const key = spot * (this.#bytes.length + 1) + at;
		const { entered, start } = this.#trail;
		if ((entered.get(key) ?? Number.MAX_VALUE) <= start) return;
		entered.set(key, start);
		this.#forks ??= [];
		this.#forks.push(spot, at);
	}

	/** Whether the next byte allows it. */
	#mayGoOn(from: number, at: number): boolean {
		const byte = this.#bytes[this.#way === 1 ? at : at - 1];
		if (byte === undefined) return true;
		for (let spot = from; spot !== this.#lastSpot; spot += this.#way) {
			const unit = this.#unitAt(this.#way === 1 ? spot : spot - 1);
			if (unit === null) continue;
			if ((this.#way === 1 ? unit.firsts : unit.lasts)[byte] === 1) return true;
			if (!unit.isOptional) return false;
		}
		return true;
	}

	/** Where one may be behind the unit: one place, -1 for none, or several. */
	#stepOver(unit: Unit, at: number, unitsBehind: number): number | readonly number[] {
		const next = this.#way === 1 ? at : at - 1;
		if (this.#way === 1 && at === this.#bytes.length) this.cutAfter = Math.max(this.cutAfter, unitsBehind);
		// Most often nothing fits, or no join stands there.
		const byte = this.#bytes[next];
		if (byte === (this.#way === 1 ? unit.onlyFirst : unit.onlyLast)) return at + this.#way;
		const mayFit = byte !== undefined && (this.#way === 1 ? unit.firsts : unit.lasts)[byte] === 1;
		if (!mayFit) return unit.isOptional ? at : -1;
		if (unit.literal !== null) return this.#stepOverLiteral(unit.literal, at, unitsBehind);
		const { places, isCut } = new UnitReading(unit, this.#bytes, this.#way, at);
		if (isCut) this.cutAfter = Math.max(this.cutAfter, unitsBehind);
		return places.length > 1 ? places : (places[0] ?? -1);
	}

	#stepOverLiteral(literal: Uint8Array, at: number, unitsBehind: number): number {
		const from = this.#way === 1 ? at : at - literal.length;
		const length = Math.min(literal.length, this.#bytes.length - from);
		if (from < 0 || !agrees(literal, this.#bytes, from, length)) return -1;
		if (length === literal.length) return at + this.#way * length;
		this.cutAfter = Math.max(this.cutAfter, unitsBehind);
		return -1;
	}
}
