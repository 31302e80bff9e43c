// Columns as wide as their widest cell. Colours do not count as width.
import { stripVTControlCharacters } from "node:util";

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
