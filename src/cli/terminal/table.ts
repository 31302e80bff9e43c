// Columns as wide as their widest cell. Colours do not count as width.
import { stripVTControlCharacters } from "node:util";
import type { Paint } from "./paint.ts";

/** The first row is the heading; it must be as long as the longest. */
export function table(rows: string[][]): string {
	const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => widthOf(row[column] ?? ""))));
	return rows
		.map((row) => row.map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell))).join("  "))
		.map((line) => line.trimEnd())
		.join("\n");
}

/** Counts characters, not cells: a name in a wide script makes its row a little crooked. */
export function widthOf(text: string): number {
	return [...stripVTControlCharacters(text)].length;
}

export interface Column {
	heading: string;
	/** Left out where there is no room for all: the lowest first. Absent: it stays. */
	dropAt?: number;
	/** Cut down to so many characters where there is no room; its cells must be plain. Absent: it is not cut. */
	least?: number;
}

const gap = 2;

/** A table no wider than `width`, as far as leaving out and cutting can do it; null: as wide as it is, with every column. */
export function fittedTable(
	columns: readonly Column[],
	rows: readonly string[][],
	{ width, paint }: { width: number | null; paint: Paint },
): string {
	let kept = columns.map((column, at) => ({ ...column, cells: [column.heading, ...rows.map((row) => row[at] ?? "")] }));
	const natural = (cells: string[]) => Math.max(...cells.map(widthOf));
	const widthsBy = (bound: (of: { least?: number }, full: number) => number) =>
		kept.map((column) => bound(column, natural(column.cells)));
	const total = (widths: number[]) => widths.reduce((sum, one) => sum + one, 0) + gap * (widths.length - 1);
	const leastOf = ({ least }: { least?: number }, full: number) => Math.min(full, least ?? full);
	if (width !== null) {
		while (total(widthsBy(leastOf)) > width) {
			const [first] = kept
				.filter(({ dropAt }) => dropAt !== undefined)
				.sort((a, b) => (a.dropAt ?? 0) - (b.dropAt ?? 0));
			if (first === undefined) break;
			kept = kept.filter((column) => column !== first);
		}
	}
	const widths = widthsBy((_, full) => full);
	const floors = widthsBy(leastOf);
	while (width !== null && total(widths) > width) {
		const spare = widths.map((one, at) => one - (floors[at] ?? one));
		const widest = spare.indexOf(Math.max(...spare));
		if ((spare[widest] ?? 0) === 0) break;
		widths[widest] = (widths[widest] ?? 0) - 1;
	}
	const heading = kept.map(({ heading: text }, at) => paint.faint(cut(text, widths[at] ?? 0)));
	const body = rows.map((_, row) => kept.map(({ cells }, at) => cut(cells[row + 1] ?? "", widths[at] ?? 0)));
	return table([heading, ...body]);
}

function cut(text: string, width: number): string {
	return widthOf(text) <= width ? text : `${[...text].slice(0, Math.max(0, width - 1)).join("")}…`;
}
