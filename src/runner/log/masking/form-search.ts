// Looks for all forms of all secrets at once, by their anchors: where one stands, the rest of its form is looked for on both
// sides of it. At the end of the bytes, where a form may not have reached its anchor yet, it looks for beginnings of forms.
import { anchorsOf, startBytesMin, startsFrom } from "./anchors.ts";
import type { Anchor } from "./anchors.ts";
import { FormWalk } from "./form-walk.ts";
import { KnownWay, Repeats } from "./known-way.ts";
import type { SecretForm } from "./secret-forms.ts";
import { longBytesMin, SkipSearch } from "./skip-search.ts";
import type { SoughtText } from "./skip-search.ts";
import { StartSearch } from "./start-search.ts";
import type { Unit } from "./writings.ts";

/** Of more texts too many bytes of a log look like the first bytes of one. */
const togetherMax = 500;
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

/** A form, whose beginnings without an anchor are no longer than `within`. */
interface Begun {
	repeats: Repeats;
	within: number;
}

export class FormSearch {
	/** Those of few bytes would keep all others from skipping far. */
	readonly #anchors: readonly SkipSearch<Repeats>[];
	readonly #beginnings = new StartSearch<Begun>();
	/** The longest of all. */
	readonly #within: number;

	/** At least one. */
	constructor(forms: readonly SecretForm[]) {
		const short: SoughtText<Repeats>[] = [];
		const long: SoughtText<Repeats>[] = [];
		let longest = 0;
		for (const form of forms) {
			const anchors = anchorsOf(form);
			for (const { from, starts } of anchors) {
				const of = new Repeats(form, from);
				const texts = [...starts].map((start) => ({ bytes: Buffer.from(start, "latin1"), of }));
				(isLong(starts) ? long : short).push(...texts);
			}
			const within = Math.max(...anchors.map(longestUpTo));
			longest = Math.max(longest, within);
			this.#beginnings.add(startsFrom(form, 0, startBytesMin), { repeats: new Repeats(form, 0), within });
		}
		const isOne = short.length + long.length <= togetherMax;
		const groups = isOne ? [[...short, ...long]] : [short, long].filter(({ length }) => length > 0);
		this.#anchors = groups.map((texts) => new SkipSearch(texts));
		this.#within = longest;
	}

	find(bytes: Uint8Array): FoundForms {
		const finding = new Finding(bytes);
		const around = (repeats: Repeats, at: number) => finding.around(repeats, at);
		for (const search of this.#anchors) search.find(bytes, around);
		const begins = (begun: Begun, at: number) => finding.begins(begun, at);
		this.#beginnings.find(bytes, Math.max(0, bytes.length - this.#within), begins);
		this.#beginnings.findCut(bytes, begins);
		return finding.found();
	}
}

class Finding {
	readonly #bytes: Uint8Array;
	readonly #matches: Match[] = [];
	readonly #beginnings: Beginning[] = [];
	readonly #ways = new Map<Repeats, KnownWay>();

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
	}

	/** A form may have its unit `from` at a place. */
	around(repeats: Repeats, at: number): void {
		const { form, from } = repeats;
		const start = FormWalk.backwards(form, this.#bytes, { unit: from, at }).end;
		if (start < 0) return;
		const { end, cutAfter } = this.#walk(repeats, start, at);
		if (end >= 0) this.#matches.push({ start, end });
		if (cutAfter >= 0) this.#beginnings.push({ start, isTelling: cutAfter >= form.partMin });
	}

	begins({ repeats, within }: Begun, at: number): void {
		if (at < this.#bytes.length - within) return;
		const { cutAfter } = this.#walk(repeats, at, at);
		if (cutAfter >= 0) this.#beginnings.push({ start: at, isTelling: cutAfter >= repeats.form.partMin });
	}

	found(): FoundForms {
		this.#matches.sort((one, other) => one.start - other.start);
		this.#beginnings.sort((one, other) => one.start - other.start);
		return { matches: this.#matches, beginnings: this.#beginnings };
	}

	#walk(repeats: Repeats, start: number, at: number): FormWalk {
		const way = this.#ways.get(repeats) ?? new KnownWay(repeats, this.#bytes);
		this.#ways.set(repeats, way);
		return way.walk(start, at);
	}
}

/** Of a form up to the end of an anchor, with a line break on each side of it. */
function longestUpTo({ form, to }: Anchor): number {
	const joins = form.join === null ? 0 : longestUnit(form.join) * joinsMax;
	return form.units.slice(0, to).reduce((sum, unit) => sum + longestUnit(unit), joins);
}

/** Where blanks are many they are written short. */
function longestUnit({ writings, depth, timesMax }: Unit): number {
	return writings.longest(depth) + timesMax - 1;
}

function isLong([start = ""]: ReadonlySet<string>): boolean {
	return start.length >= longBytesMin;
}
