// The last good pages of lists, by owner: who reads many lists pushes out pages of its own, and of nobody who has fewer.
export class LastPages<T> {
	readonly #max: number;
	/** By owner, by question; the oldest first. */
	readonly #pages = new Map<string | null, Map<string, T>>();
	#count = 0;

	constructor(max: number) {
		this.#max = max;
	}

	find(owner: string | null, question: string): T | null {
		return this.#pages.get(owner)?.get(question) ?? null;
	}

	keep(owner: string | null, question: string, page: T): void {
		const own = this.#pages.get(owner) ?? new Map<string, T>();
		this.#pages.set(owner, own);
		if (own.delete(question)) this.#count--;
		own.set(question, page);
		this.#count++;
		if (this.#count > this.#max) this.#dropOne();
	}

	/** The oldest page of the owner who has the most. */
	#dropOne(): void {
		let [most, pages]: [string | null, Map<string, T>] = [null, new Map()];
		for (const [owner, own] of this.#pages) if (own.size > pages.size) [most, pages] = [owner, own];
		const [oldest] = pages.keys();
		if (oldest === undefined) return;
		pages.delete(oldest);
		this.#count--;
		if (pages.size === 0) this.#pages.delete(most);
	}
}
