// Looks for all forms of all secrets at once, by their anchors (Wu and Manber): the shortest anchor has m bytes, and three
// bytes tell by how many, up to m - 2, the search may go on; so the time hardly depends on how many secrets there are.
import { anchorsOf } from "./anchors.ts";
import type { Anchor } from "./anchors.ts";
import { agrees, FormWalk } from "./form-walk.ts";
import type { SecretForm } from "./secret-forms.ts";
import type { Unit } from "./writings.ts";

/** Joins before the end of an anchor that are waited for. */
const joinsMax = 2;

export interface Match {
	start: number;
	end: number;
}

/** A beginning of a form at the end of the bytes: it may go on behind them. */
export interface Beginning {
	start: number;
	/** It has more of a secret than may be shown. */
	isTelling: boolean;
}

export interface FoundForms {
	/** Each in the order of their beginnings. */
	matches: Match[];
	beginnings: Beginning[];
}

export class FormSearch {
	/** No form is written longer up to the end of its anchors: a beginning that has none is as near to the end. */
	readonly #anchoredWithin: number;
	/** All that is said of an anchor by two of its bytes holds for its first `#window` bytes. */
	readonly #window: number;
	/** Three bytes, or two where an anchor has no more. */
	readonly #block: number;
	/** By a block's hash: how far the window may go on when it ends with such a block; 0 when an anchor's window does. */
	readonly #shifts: Uint8Array;
	readonly #byWindowEnd = new Map<number, Anchor[]>();
	/** By the first bytes of their writings, and by the first alone. */
	readonly #byStart = new Map<number, SecretForm[]>();
	readonly #byFirst = new Map<number, SecretForm[]>();
	/** By two bytes, whether a writing begins with them: most often none does. */
	readonly #mayStart = new Uint8Array(0x10000);

	/** At least one. */
	constructor(forms: readonly SecretForm[]) {
		const anchors = forms.flatMap(anchorsOf);
		this.#window = anchors.reduce((length, { bytes }) => Math.min(length, bytes.length), 0xff);
		this.#block = Math.min(3, this.#window);
		this.#anchoredWithin = anchors.reduce((longest, anchor) => Math.max(longest, longestUpTo(anchor)), 0);
		this.#shifts = new Uint8Array(hashes).fill(this.#window - this.#block + 1);
		for (const anchor of anchors) this.#addAnchor(anchor);
		for (const form of forms) this.#addStart(form);
	}

	find(bytes: Uint8Array): FoundForms {
		const window = this.#window;
		const block = this.#block;
		const shifts = this.#shifts;
		const found: FoundForms = { matches: [], beginnings: [] };
		for (let at = window - 1; at < bytes.length; ) {
			const hash = hashAt(bytes, at, block);
			const shift = shifts[hash] ?? 1;
			if (shift === 0) this.#findAround(found, bytes, { hash, at: at - window + 1 });
			at += shift === 0 ? 1 : shift;
		}
		this.#findAtEnd(found, bytes);
		found.matches.sort((one, other) => one.start - other.start);
		found.beginnings.sort((one, other) => one.start - other.start);
		return found;
	}

	#findAround(found: FoundForms, bytes: Uint8Array, { hash, at }: { hash: number; at: number }): void {
		for (const { form, from, to, bytes: anchor } of this.#byWindowEnd.get(hash) ?? []) {
			if (at + anchor.length > bytes.length || !agrees(anchor, bytes, at, anchor.length)) continue;
			const start = FormWalk.backwards(form, bytes, { unit: from, at }).end;
			if (start < 0) continue;
			const { end, cutAfter } = FormWalk.behind(form, bytes, { unit: to, at: at + anchor.length });
			if (end >= 0) found.matches.push({ start, end });
			if (cutAfter >= 0) found.beginnings.push({ start, isTelling: cutAfter >= form.partMin });
		}
	}

	/** Beginnings in which no anchor stands yet. */
	#findAtEnd({ beginnings }: FoundForms, bytes: Uint8Array): void {
		const whole = bytes.length - startBytes;
		for (let start = Math.max(0, bytes.length - this.#anchoredWithin); start < bytes.length; start++) {
			if (start <= whole && this.#mayStart[pairAt(bytes, start + 1)] === 0) continue;
			const forms = start <= whole ? this.#byStart.get(startAt(bytes, start)) : this.#byFirst.get(bytes[start] ?? 0);
			for (const form of forms ?? []) {
				const { cutAfter } = FormWalk.forwards(form, bytes, { unit: 0, at: start });
				if (cutAfter >= 0) beginnings.push({ start, isTelling: cutAfter >= form.partMin });
			}
		}
	}

	#addAnchor(anchor: Anchor): void {
		for (let at = this.#block - 1; at < this.#window; at++) {
			const hash = hashAt(anchor.bytes, at, this.#block);
			this.#shifts[hash] = Math.min(this.#shifts[hash] ?? 0, this.#window - 1 - at);
		}
		addTo(this.#byWindowEnd, hashAt(anchor.bytes, this.#window - 1, this.#block), anchor);
	}

	#addStart(form: SecretForm): void {
		for (const [byte, begins] of form.units[0]?.firsts.entries() ?? []) {
			if (begins === 1) addTo(this.#byFirst, byte, form);
		}
		const starts = new Set<number>();
		for (const start of startsOf(form, 0, noBytes)) {
			this.#mayStart[pairAt(start, 1)] = 1;
			starts.add(startAt(start, 0));
		}
		for (const start of starts) addTo(this.#byStart, start, form);
	}
}

/** So many bytes at least has each form in each of its writings. */
const startBytes = 3;
const noBytes = Buffer.alloc(0);

/** With what the form's writings begin from a spot on: 2n is before its unit n, 2n + 1 before the join behind that. */
function* startsOf(form: SecretForm, spot: number, before: Buffer): Generator<Buffer> {
	if (before.length >= startBytes) {
		yield before;
		return;
	}
	const unit = spot % 2 === 1 ? form.join : form.units[spot / 2];
	if (unit === undefined) return;
	if (unit === null || unit.isOptional) yield* startsOf(form, spot + 1, before);
	for (const writing of unit?.writings ?? []) {
		const start = Buffer.concat([before, writing]);
		yield* startsOf(form, spot + 1, start);
		if (unit !== null && unit.timesMax > 1) yield* startsOf(form, spot, start);
	}
}

function startAt(bytes: Uint8Array, at: number): number {
	return (pairAt(bytes, at + 1) << 8) | (bytes[at + 2] ?? 0);
}

/** Of a form up to the end of an anchor, with a line break on each side of it. */
function longestUpTo({ form, to }: Anchor): number {
	const joins = form.join === null ? 0 : longestUnit(form.join) * joinsMax;
	return form.units.slice(0, to).reduce((sum, unit) => sum + longestUnit(unit), joins);
}

function longestUnit({ writings, timesMax }: Unit): number {
	return timesMax * writings.reduce((longest, { length }) => Math.max(longest, length), 0);
}

const hashes = 0x40000;

/** Of the two or three bytes that end at `at`. Blocks with the same hash only slow the search. */
function hashAt(bytes: Uint8Array, at: number, block: number): number {
	const first = block === 3 ? (bytes[at - 2] ?? 0) << 10 : 0;
	return first ^ ((bytes[at - 1] ?? 0) << 5) ^ (bytes[at] ?? 0);
}

/** The byte at `at` and the one before it. */
function pairAt(bytes: Uint8Array, at: number): number {
	return ((bytes[at - 1] ?? 0) << 8) | (bytes[at] ?? 0);
}

function addTo<T>(map: Map<number, T[]>, key: number, item: T): void {
	const items = map.get(key);
	if (items) items.push(item);
	else map.set(key, [item]);
}
