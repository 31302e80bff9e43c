// How far the read model lags behind a repository: the age of the oldest change that it has not confirmed. Measured, never assumed:
// a change in the middle of a run leaves no mark in the tables, so after waking it is not known whether the last one arrived, until
// the read model confirms the run anew or the sweep finds it there as it is.
import type { Millis, RunId } from "../../../domain/ids.ts";

interface Unconfirmed {
	/** When the oldest of them was made, or a little before: never after. */
	since: Millis;
	/** Of the last change. */
	version: number;
}

/** Stands for the repository's settings. */
type Subject = RunId | "";

export class ProjectionLag {
	readonly #note: (since: Millis | null) => void;
	readonly #unconfirmed = new Map<Subject, Unconfirmed>();
	/** Unfinished runs from before waking of which it is not known how the read model has them. */
	readonly #unseen = new Set<RunId>();
	/** See `since`; undefined: to be looked for. */
	#oldest: Millis | null | undefined = null;
	#noted: Millis | null | undefined;

	/** `note` hears of the oldest change whenever that is another one. */
	constructor(note: (since: Millis | null) => void) {
		this.#note = note;
	}

	/** When the oldest unconfirmed change was made; null: there is none that is known. */
	get since(): Millis | null {
		if (this.#oldest === undefined) {
			const sinces = [...this.#unconfirmed.values()].map(({ since }) => since);
			this.#oldest = sinces.reduce<Millis | null>((first, since) => Math.min(first ?? since, since), null);
		}
		return this.#oldest;
	}

	/** Null: not known yet since the object woke. */
	ms(now: Millis): Millis | null {
		const { since } = this;
		if (since !== null) return Math.max(0, now - since);
		return this.#unseen.size > 0 ? null : 0;
	}

	woke(unseen: readonly RunId[]): void {
		for (const run of unseen) this.#unseen.add(run);
		this.#tell();
	}

	changed(subject: Subject, change: Unconfirmed): void {
		const known = this.#unconfirmed.get(subject);
		this.#unseen.delete(subject);
		if (known) {
			known.version = change.version;
			return;
		}
		this.#unconfirmed.set(subject, { ...change });
		if (this.#oldest !== undefined) this.#oldest = Math.min(this.#oldest ?? change.since, change.since);
		this.#tell();
	}

	/** The read model has these versions, and so each change before them. */
	confirmed(runs: readonly { id: RunId; version: number }[]): void {
		for (const { id, version } of runs) {
			const known = this.#unconfirmed.get(id);
			this.#unseen.delete(id);
			if (!known) continue;
			this.#changeOldest(known);
			// A version keeps up with the clock: what is left was changed after it.
			if (version < known.version) known.since = Math.max(known.since, version);
			else this.#unconfirmed.delete(id);
		}
		this.#tell();
	}

	/** The read model has it as it is. */
	seen(subject: Subject): void {
		const known = this.#unconfirmed.get(subject);
		if (known) this.#changeOldest(known);
		this.#unconfirmed.delete(subject);
		this.#unseen.delete(subject);
		this.#tell();
	}

	/** A search through all of them is worth it only where the oldest itself goes. */
	#changeOldest({ since }: Unconfirmed): void {
		if (since === this.#oldest) this.#oldest = undefined;
	}

	#tell(): void {
		const { since } = this;
		if (since === this.#noted || (since === null && this.#unseen.size > 0)) return;
		this.#noted = since;
		this.#note(since);
	}
}
