// What is under way in a simulated world: calls between engines, which arrive when they are let, and timers, which go off when the
// clock is moved. With an engine that dies its calls are lost, answers to it too, and its timers never go off.
import type { Millis } from "../../domain/ids.ts";
import type { World } from "../../engine/ports.ts";

/** Stands for one engine from its waking to its death. */
export type Caller = object;

export class UnderWay {
	#legs: { caller: Caller; go: () => void }[] = [];
	#timers: { caller: Caller; at: Millis; goOff: () => void }[] = [];
	readonly #dead = new WeakSet<Caller>();

	/** Whether a call or an answer is under way; `of` an engine, or of any. */
	isAny(of: Caller | null = null): boolean {
		return this.#legs.some(({ caller }) => of === null || caller === of);
	}

	/** A call whose answer comes as soon as it has arrived. */
	call<T>(caller: Caller, arrive: () => T | Promise<T>): Promise<T> {
		return new Promise((resolve, reject) => {
			this.#add(caller, () => {
				Promise.resolve().then(arrive).then(resolve, reject);
			});
		});
	}

	/** A call whose answer is under way in turn: between the two the caller may die, and what was done is done. */
	callAndAnswer<T>(caller: Caller, arrive: () => Promise<T>): Promise<T> {
		return new Promise((resolve, reject) => {
			this.#add(caller, () => {
				arrive().then(
					(value) => this.#add(caller, () => resolve(structuredClone(value))),
					(cause) => this.#add(caller, () => reject(cause)),
				);
			});
		});
	}

	timer(caller: Caller, at: Millis): ReturnType<World["wait"]> {
		const { promise, resolve } = Promise.withResolvers<void>();
		const timer = { caller, at, goOff: resolve };
		this.#timers.push(timer);
		return {
			done: promise,
			cancel: () => {
				this.#timers = this.#timers.filter((each) => each !== timer);
			},
		};
	}

	goOff(now: Millis): void {
		const due = this.#timers.filter(({ at }) => at <= now);
		this.#timers = this.#timers.filter(({ at }) => at > now);
		for (const { goOff } of due) goOff();
	}

	/** Lets all arrive that is under way now; `only` of these engines. */
	deliver(only: ReadonlySet<Caller> | null = null): void {
		const isMeant = ({ caller }: { caller: Caller }) => only === null || only.has(caller);
		const legs = this.#legs.filter(isMeant);
		this.#legs = this.#legs.filter((leg) => !isMeant(leg));
		for (const { go } of legs) go();
	}

	/** Lets one of them arrive, whichever is at this place in their order. */
	deliverOne(at: number): void {
		const [leg] = this.#legs.splice(at % Math.max(1, this.#legs.length), 1);
		leg?.go();
	}

	lose(caller: Caller): void {
		this.#dead.add(caller);
		this.#legs = this.#legs.filter((leg) => leg.caller !== caller);
		this.#timers = this.#timers.filter((timer) => timer.caller !== caller);
	}

	#add(caller: Caller, go: () => void): void {
		if (!this.#dead.has(caller)) this.#legs.push({ caller, go });
	}
}
