// Which short part of each form of a secret the search looks for first: the part that has few writings and many bytes, letters
// and digits if the secret has some in a row. Where it stands, the rest of the form is looked for on both sides of it.
import type { SecretForm } from "./secret-forms.ts";
import { unitOf } from "./writings.ts";
import type { Unit } from "./writings.ts";

export interface Anchor {
	form: SecretForm;
	/** The first unit that it stands for, and the one behind its last. */
	from: number;
	to: number;
	bytes: Buffer;
}

/** What the search can find. */
const anchorBytesMin = 2;
/** Longer ones would not make the search much faster. */
const anchorBytesMax = 12;
/** From so many bytes on, few writings are worth more than many bytes. */
const anchorBytesEnough = 8;
/** Of one part, all its writings: each is looked for by itself. */
const writingsMax = 512;
/** A form that is shorter is looked for whole: halves of it would stand everywhere. */
const halvedUnitsMin = 8;

interface Part {
	from: number;
	to: number;
	/** Of its shortest writing. */
	bytesMin: number;
	writings: number;
}

export function anchorsOf(form: SecretForm): Anchor[] {
	const { units } = form;
	const end = units.length;
	if (!form.isWrapped) return anchorsAt(form, bestPart(units, 0, end));
	if (end < halvedUnitsMin) return brokenOnce(units).map((bytes) => ({ form, from: 0, to: end, bytes }));
	// A line break spoils one of two that are neighbours, and lines are longer than both.
	const middle = Math.min(Math.floor(end / 2), anchorBytesMax);
	return [
		...anchorsAt(form, bestPart(units, 0, middle)),
		...anchorsAt(form, bestPart(units, middle, Math.min(end, 2 * middle))),
	];
}

function anchorsAt(form: SecretForm, { from, to }: Part): Anchor[] {
	return writingsOf(form.units.slice(from, to)).map((bytes) => ({ form, from, to, bytes }));
}

const lineBreak = unitOf(["\n", "\r\n"]);

function brokenOnce(units: readonly Unit[]): Buffer[] {
	const places = [...units.keys()].slice(1);
	const broken = places.map((place) => [...units.slice(0, place), lineBreak, ...units.slice(place)]);
	return [units, ...broken].flatMap(writingsOf);
}

/** Without blanks, of which there may be any number, if it can be. */
function bestPart(units: readonly Unit[], start: number, end: number): Part {
	const solid = bestPartOf(units, { start, end, timesMax: 1 });
	return solid.bytesMin >= anchorBytesMin ? solid : bestPartOf(units, { start, end, timesMax: Number.MAX_VALUE });
}

function bestPartOf(
	units: readonly Unit[],
	{ start, end, timesMax }: { start: number; end: number; timesMax: number },
): Part {
	let best: Part = { from: start, to: start + 1, bytesMin: 0, writings: 0 };
	for (let from = start; from < end && !(best.bytesMin >= anchorBytesMax && best.writings === 1); from++) {
		let bytesMin = 0;
		let writings = 1;
		for (let to = from; to < end && bytesMin < anchorBytesMax; to++) {
			const unit = units[to];
			if (unit === undefined || unit.timesMax > timesMax) break;
			const count = unit.writings.length + (unit.isOptional ? 1 : 0);
			if (to > from && writings * count > writingsMax) break;
			writings *= count;
			bytesMin += unit.isOptional ? 0 : Math.min(...unit.writings.map(({ length }) => length));
			const part = { from, to: to + 1, bytesMin, writings };
			if (isBetter(part, best)) best = part;
		}
	}
	return best;
}

function isBetter(part: Part, than: Part): boolean {
	const enough = Math.min(part.bytesMin, anchorBytesEnough) - Math.min(than.bytesMin, anchorBytesEnough);
	if (enough !== 0) return enough > 0;
	return part.writings < than.writings || (part.writings === than.writings && part.bytesMin > than.bytesMin);
}

function writingsOf(units: readonly Unit[]): Buffer[] {
	const none: Buffer[] = [Buffer.alloc(0)];
	const all = units.reduce((before, unit) => {
		const writings = unit.isOptional ? [Buffer.alloc(0), ...unit.writings] : unit.writings;
		return before.flatMap((start) => writings.map((writing) => Buffer.concat([start, writing])));
	}, none);
	const distinct = new Map(all.map((bytes) => [bytes.toString("latin1"), bytes]));
	return [...distinct.values()].filter(({ length }) => length >= anchorBytesMin);
}
