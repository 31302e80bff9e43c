// One line of the bench's result, and the table of all.

export interface Figure {
	name: string;
	value: number;
	unit: string;
	/** Value as a multiple of the two floors, in the unit that fits: rates by rates, times by times. Null: there is no such floor. */
	ratio: { call: number; insert: number } | null;
	/** Processor time of the server for one of what is counted, until all that follows from it was done. Null: not known here. */
	serverCpuMicros: number | null;
	aim: Aim | null;
	note: string;
}

export interface Aim {
	text: string;
	isMet: boolean;
}

const columns = ["figure", "value", "unit", "× call", "× insert", "server CPU µs", "aim", ""];

export function formatTable(figures: readonly Figure[]): string {
	const rows = figures.map((figure) => [
		figure.name,
		formatNumber(figure.value),
		figure.unit,
		figure.ratio === null ? "" : formatNumber(figure.ratio.call),
		figure.ratio === null ? "" : formatNumber(figure.ratio.insert),
		figure.serverCpuMicros === null ? "" : formatNumber(figure.serverCpuMicros),
		figure.aim?.text ?? "",
		figure.aim === null ? "" : figure.aim.isMet ? "met" : "NOT MET",
	]);
	const widths = columns.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
	const isText = (at: number) => at === 0 || at === 2 || at >= 6;
	const format = (row: readonly string[]) =>
		row
			.map((cell, at) => (isText(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
			.join("  ")
			.trimEnd();
	return [columns, widths.map((width) => "-".repeat(width)), ...rows].map(format).join("\n");
}

/** Three digits that mean something, thousands parted. */
export function formatNumber(value: number): string {
	const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
	return value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
