// Rows that are wrapped are as tall as they turn out to be. The scroll bar stands for lines, as without: the line that it stands for is
// put as far down in the view as the bar is down, so that the first line is at the top of one end and the last at the foot of the other.
import { spacerPixels } from "./scroll.ts";
import type { Extent } from "./scroll.ts";

interface Wrapped {
	/** Lines that are drawn. */
	first: number;
	last: number;
	scrollTop: number;
	extent: Extent;
}

/** Called when the rows have been laid out. */
export function placeWrapped(rows: HTMLElement, { first, last, scrollTop, extent }: Wrapped): void {
	const room = spacerPixels(extent) - extent.viewPixels;
	const share = room <= 0 ? 0 : Math.min(1, scrollTop / room);
	const wanted = 1 + share * extent.lines;
	const at = Math.min(last, Math.max(first, Math.floor(wanted)));
	const row = rows.children[at - first];
	if (!(row instanceof HTMLElement)) return;
	const above = row.offsetTop + Math.min(1, wanted - at) * row.offsetHeight;
	const top = scrollTop + share * extent.viewPixels - above;
	rows.style.transform = `translateY(${first === 1 ? Math.min(top, scrollTop) : top}px)`;
}
