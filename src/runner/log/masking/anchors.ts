// Where in each form of a secret the search begins: at letters and digits in a row, with the signs behind them if they are
// few, since these have many writings. Where that stands, the rest of the form is looked for on both sides of it.
import type { SecretForm } from "./secret-forms.ts";
import { byteJoin, byteJoinInLine } from "./writings.ts";
import type { Unit } from "./writings.ts";

export interface Anchor {
	form: SecretForm;
	/** The unit that it begins with. */
	from: number;
	/** The unit behind all that it may touch: a form written up to here has its anchor. */
	to: number;
	/** With one of these the form goes on there, a character for each byte. All are as long. */
	starts: ReadonlySet<string>;
}

/** Each form has as many bytes in each of its writings. */
export const startBytesMin = 3;
/** From so many bytes on, few starts are worth more than long ones. */
const startBytesEnough = 8;
/** Longer ones would not make the search much faster. */
const startBytesMax = 12;
/** Each is looked for by itself. */
const startsMax = 256;
/** A line break spoils one of two neighbours, and lines are longer than both. */
const neighbourUnitsMax = 16;
/** A form that is shorter has one anchor, which no line break spoils. */
const halvedUnitsMin = 8;

export function anchorsOf(form: SecretForm): Anchor[] {
	const { units } = form;
	if (!form.isWrapped) return [bestAnchor(form, { start: 0, end: units.length })];
	if (form.join === byteJoin) {
		const inLine = { ...form, join: byteJoinInLine };
		const second = Math.min(Math.floor(units.length / 2), neighbourUnitsMax / 2);
		return [0, second].map((from) => ({ ...anchorAt(inLine, from, startsOf(inLine, from)), form }));
	}
	if (units.length < halvedUnitsMin) return [anchorAt(form, 0, startsOf(form, 0))];
	const middle = Math.min(Math.floor(units.length / 2), neighbourUnitsMax);
	const unbroken = { ...form, join: null };
	return [
		bestAnchor(unbroken, { start: 0, end: middle }),
		bestAnchor(unbroken, { start: middle, end: Math.min(units.length, 2 * middle) }),
	].map((anchor) => ({ ...anchor, form }));
}

/** At the first of the longest rows of units that have one writing each. */
function bestAnchor(form: SecretForm, { start, end }: { start: number; end: number }): Anchor {
	let best = { from: start, bytes: "" };
	for (let from = start; from < end && best.bytes.length < startBytesMax; from++) {
		let bytes = "";
		for (let unit = from; unit < end && bytes.length < startBytesMax; unit++) {
			const { literal } = form.units[unit] ?? {};
			if (!literal) break;
			bytes += literal.toString("latin1");
		}
		if (bytes.length > best.bytes.length) best = { from, bytes };
	}
	if (best.bytes.length >= startBytesEnough) return anchorAt(form, best.from, new Set([best.bytes]));
	const within = { ...form, units: form.units.slice(0, end) };
	const from = withBytesBehind(within, best.from);
	return { ...anchorAt(within, from, startsOf(within, from)), form };
}

/** As long as they are few. */
function startsOf(form: SecretForm, from: number): Set<string> {
	let starts = startsFrom(form, 2 * from, startBytesMin);
	for (let length = startBytesMin + 1; length <= startBytesEnough; length++) {
		const longer = startsFrom(form, 2 * from, length);
		if (longer.size === 0 || longer.size > startsMax) break;
		starts = longer;
	}
	return starts;
}

function anchorAt(form: SecretForm, from: number, starts: ReadonlySet<string>): Anchor {
	const [{ length } = ""] = starts;
	let to = from;
	for (let begun = 0; to < form.units.length && begun < length; to++) begun += shortest(form.units[to]);
	return { form, from, to, starts };
}

/** The unit, or one before it if too little of the form is behind it. */
function withBytesBehind({ units }: SecretForm, unit: number): number {
	let from = units.length;
	for (let bytes = 0; from > 0 && (from > unit || bytes < startBytesMin); ) {
		from--;
		bytes += shortest(units[from]);
	}
	return from;
}

function shortest(unit: Unit | undefined): number {
	if (unit === undefined || unit.isOptional) return 0;
	return unit.literal?.length ?? 1;
}

/** With what the form goes on from a spot: 2n is before its unit n, 2n + 1 before the join behind that. */
export function startsFrom(form: SecretForm, spot: number, length: number): Set<string> {
	if (length === 0) return new Set([""]);
	const unit = spot % 2 === 1 ? joinBehind(form, (spot - 1) / 2) : form.units[spot / 2];
	if (unit === undefined) return new Set();
	const starts = new Set(unit === null || unit.isOptional ? startsFrom(form, spot + 1, length) : []);
	for (const start of unit?.writings.starts(unit.depth, length) ?? []) {
		const left = length - start.length;
		for (const rest of startsFrom(form, spot + 1, left)) starts.add(start + rest);
		if (left > 0 && unit !== null && unit.timesMax > 1) {
			for (const rest of startsFrom(form, spot, left)) starts.add(start + rest);
		}
	}
	return starts;
}

/** Shells join what they quote differently: signs, and what is beside them. */
function joinBehind({ units, join, isWrapped }: SecretForm, unit: number): Unit | null | undefined {
	const [one, other] = [units[unit], units[unit + 1]];
	if (other === undefined) return undefined;
	return isWrapped || !one?.literal || !other.literal ? join : null;
}
