// From a scroll bar to a line and back. Browsers limit how tall an element may be, so a very long log has a spacer that is shorter
// than its rows: then the bar stands for shares of the log, and wheel and keys move by lines.

export const rowPixels = 18;
/** Firefox takes 17.9 million, Chrome 33.5. */
export const spacerPixelsMax = 10_000_000;

export interface Extent {
	lines: number;
	/** Of the box that shows them. */
	viewPixels: number;
}

export function spacerPixels({ lines, viewPixels }: Extent): number {
	return Math.max(viewPixels, Math.min(spacerPixelsMax, lines * rowPixels));
}

export function isScaled({ lines }: Extent): boolean {
	return lines * rowPixels > spacerPixelsMax;
}

/** Rows that fit whole. */
export function rowsInView({ viewPixels }: Extent): number {
	return Math.max(1, Math.floor(viewPixels / rowPixels));
}

/** The first line in view, from 1, with its fraction that is scrolled out. */
export function topLine(scrollTop: number, extent: Extent): number {
	if (!isScaled(extent)) return 1 + scrollTop / rowPixels;
	const share = scrollTop / (spacerPixels(extent) - extent.viewPixels);
	return 1 + Math.min(1, Math.max(0, share)) * lastTop(extent);
}

/** The scroll position that shows a line at the top. */
export function scrollTopFor(line: number, extent: Extent): number {
	if (!isScaled(extent)) return (line - 1) * rowPixels;
	return ((line - 1) / lastTop(extent)) * (spacerPixels(extent) - extent.viewPixels);
}

/** Lines above the view when it is at the end. */
function lastTop(extent: Extent): number {
	return Math.max(1, extent.lines - extent.viewPixels / rowPixels);
}
