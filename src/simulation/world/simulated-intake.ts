// The intake as a spill meets it: records in memory, and far ends whose calls arrive when they are let, fail before or after they
// did their work, arrive late although their caller was told that nobody answers, or never end since whoever asked was killed.
import type { Intake, SpilledRun } from "../../contracts/objects/intake.ts";
import { Outage } from "../../contracts/wire/outage.ts";
import type { RunId } from "../../domain/ids.ts";
import type { Cancel } from "../../domain/job/job.ts";

/** What becomes of a call: done, not done and said so, done and said otherwise, said otherwise and done later, or nobody waits. */
export type Fate = "arrives" | "fails" | "answer lost" | "late" | "killed";

interface Pending {
	name: string;
	arrive: () => Promise<unknown>;
	resolve: (value: unknown) => void;
	reject: (cause: unknown) => void;
}

export class PendingCalls {
	readonly pending: Pending[] = [];

	call<T>(name: string, arrive: () => T | Promise<T>): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			this.pending.push({ name, arrive: async () => arrive(), resolve: resolve as Pending["resolve"], reject });
		});
	}

	async deliver(index: number, fate: Fate): Promise<void> {
		const [call] = this.pending.splice(index % Math.max(this.pending.length, 1), 1);
		if (!call) return;
		const { name, arrive, resolve, reject } = call;
		const nobody = new Outage(`${name} gave no answer`);
		switch (fate) {
			case "arrives":
				return arrive().then(resolve, reject);
			case "fails":
				return reject(nobody);
			case "answer lost":
				await arrive().catch(() => undefined);
				return reject(nobody);
			case "late":
				reject(nobody);
				this.pending.push({ ...call, resolve: () => undefined, reject: () => undefined });
				return;
			case "killed":
				await arrive().catch(() => undefined);
		}
	}
}

export class SimulatedIntake implements Intake {
	readonly records = new Map<RunId, SpilledRun>();
	readonly marks = new Map<RunId, Cancel>();
	readonly #keys = new Map<string, RunId>();
	/** Rings that nobody heard yet. */
	bells = 0;
	readonly #calls: PendingCalls;

	constructor(calls: PendingCalls) {
		this.#calls = calls;
	}

	put(spilled: SpilledRun): Promise<boolean> {
		return this.#calls.call("put", () => {
			const isNew = !this.records.has(spilled.run);
			if (isNew) this.records.set(spilled.run, spilled);
			return isNew;
		});
	}

	get(_: unknown, run: RunId): Promise<SpilledRun | null> {
		return this.#calls.call("get", () => this.records.get(run) ?? null);
	}

	takeKey(_: unknown, { key, run }: { key: string; run: RunId }): Promise<{ holder: RunId; isNew: boolean }> {
		return this.#calls.call("takeKey", () => {
			const holder = this.#keys.get(key);
			if (holder === undefined) this.#keys.set(key, run);
			return { holder: holder ?? run, isNew: holder === undefined };
		});
	}

	keyHolder(_: unknown, key: string): Promise<RunId | null> {
		return this.#calls.call("keyHolder", () => this.#keys.get(key) ?? null);
	}

	list(_: unknown, limit: number): Promise<RunId[]> {
		return this.#calls.call("list", () =>
			[...this.records.values()]
				.sort((a, b) => a.acceptedAt - b.acceptedAt)
				.slice(0, limit)
				.map(({ run }) => run),
		);
	}

	setRefused(spilled: SpilledRun): Promise<void> {
		throw new Error(`the repository refused ${spilled.run}, which it never may`);
	}

	remove(_: unknown, run: RunId): Promise<void> {
		return this.#calls.call("remove", () => {
			this.records.delete(run);
			this.marks.delete(run);
		});
	}

	cancel(_: unknown, run: RunId, wish: Cancel): Promise<void> {
		return this.#calls.call("cancel", () => {
			if (!this.marks.has(run)) this.marks.set(run, wish);
		});
	}

	canceled(_: unknown, run: RunId): Promise<Cancel | null> {
		return this.#calls.call("canceled", () => this.marks.get(run) ?? null);
	}

	async ring(): Promise<void> {
		this.bells++;
	}

	async repositories(): Promise<never[]> {
		return [];
	}

	async forgetRefused(): Promise<void> {}

	async forgetKeys(): Promise<void> {}
}
