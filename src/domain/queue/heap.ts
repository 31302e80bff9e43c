// A binary heap: the least first. Entries that no longer count stay in it, and its reader passes over them: to find one in the
// middle would cost a pass over all.

export class Heap<T> {
	readonly #items: T[] = [];
	readonly #isBefore: (a: T, b: T) => boolean;

	constructor(isBefore: (a: T, b: T) => boolean) {
		this.#isBefore = isBefore;
	}

	get size(): number {
		return this.#items.length;
	}

	push(item: T): void {
		const items = this.#items;
		let at = items.length;
		items.push(item);
		while (at > 0) {
			const up = (at - 1) >> 1;
			const parent = items[up];
			if (parent === undefined || !this.#isBefore(item, parent)) break;
			items[at] = parent;
			at = up;
		}
		items[at] = item;
	}

	peek(): T | undefined {
		return this.#items[0];
	}

	/** The last entry sinks from the top into the gap. */
	pop(): T | undefined {
		const items = this.#items;
		const first = items[0];
		const last = items.pop();
		if (items.length === 0 || last === undefined) return first;
		let at = 0;
		for (let down = 1; down < items.length; down = 2 * at + 1) {
			const right = items[down + 1];
			let child = items[down];
			if (right !== undefined && child !== undefined && this.#isBefore(right, child)) {
				down++;
				child = right;
			}
			if (child === undefined || !this.#isBefore(child, last)) break;
			items[at] = child;
			at = down;
		}
		items[at] = last;
		return first;
	}

	/** In no order, those that no longer count included. */
	[Symbol.iterator](): Iterator<T> {
		return this.#items[Symbol.iterator]();
	}
}
