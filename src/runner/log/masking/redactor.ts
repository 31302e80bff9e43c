// Masks secrets in a stream of bytes, wherever the stream is cut. What may be the beginning of a secret is held back until
// more is known. Where something else is put between two parts of the stream, or a viewer has waited long enough, a beginning
// that tells too little is let go: it is remembered, and if it goes on to be a secret, the rest is masked.
import { FormSearch } from "./form-search.ts";
import type { Match } from "./form-search.ts";
import type { SecretForm } from "./secret-forms.ts";

const mask = Buffer.from("***");
const noBytes = Buffer.alloc(0);

export class Redactor {
	readonly #emit: (bytes: Uint8Array) => void;
	readonly #search: FormSearch | null;
	/** The end of what came, which may be the beginning of a secret. */
	#held: Buffer = noBytes;
	/** So many of the held bytes were emitted already, as they are or as a mask. */
	#shown = 0;
	/** The last of these belong to a mask, which covers whatever overlaps with them. */
	#isMaskOpen = false;

	/** What is emitted must be used at once: the buffer is the caller's. */
	constructor(forms: readonly SecretForm[], emit: (bytes: Uint8Array) => void) {
		this.#emit = emit;
		this.#search = forms.length === 0 ? null : new FormSearch(forms);
	}

	/** Something is not emitted yet. */
	get isHolding(): boolean {
		return this.#held.length > this.#shown;
	}

	append(bytes: Uint8Array): void {
		if (this.#search === null) {
			this.#emit(bytes);
			return;
		}
		const data = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
		const found = this.#search.find(data);
		const from = found.beginnings[0]?.start ?? data.length;
		this.#pass(data, found.matches, { until: from, keptFrom: from });
	}

	/** Lets go of what tells no more of a secret than may be shown. What tells more is held on. */
	release(): void {
		if (this.#search === null || !this.isHolding) return;
		const data = this.#held;
		const { matches, beginnings } = this.#search.find(data);
		const until = beginnings.find(({ isTelling }) => isTelling)?.start ?? data.length;
		this.#pass(data, matches, { until, keptFrom: beginnings[0]?.start ?? data.length });
	}

	/** Something else is emitted next, or nothing: nothing is held back, and the beginning of a secret that tells is masked. */
	flush(): void {
		this.release();
		if (this.isHolding) this.#put(mask);
		this.#shown = this.#held.length;
		this.#isMaskOpen = false;
	}

	/** Secrets that overlap share one mask, so that no rest of one shows. */
	#pass(data: Uint8Array, matches: Match[], { until, keptFrom }: { until: number; keptFrom: number }): void {
		let passed = this.#shown;
		for (const { start, end } of matches) {
			if (start >= until || end <= passed) continue;
			if (start > passed) this.#put(data.subarray(passed, start));
			if (start >= passed || !this.#isMaskOpen) this.#put(mask);
			this.#isMaskOpen = true;
			passed = end;
		}
		if (passed < until) {
			this.#put(data.subarray(passed, until));
			this.#isMaskOpen = false;
			passed = until;
		}
		this.#shown = passed - keptFrom;
		this.#held = keptFrom === data.length ? noBytes : Buffer.from(data.subarray(keptFrom));
	}

	#put(bytes: Uint8Array): void {
		if (bytes.length > 0) this.#emit(bytes);
	}
}
