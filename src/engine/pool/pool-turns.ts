// The turns of a shard: a turn changes memory, and collects what is to be stored and what is to be done to others. All of it is
// stored in one transaction, and done after the commit. A turn that breaks off leaves no trace: nothing is stored, nobody hears of
// it, and memory is read anew, as after a sleep.
import type { Millis } from "../../domain/ids.ts";
import { assert } from "../../domain/refusal.ts";
import type { World } from "../ports.ts";
import { PoolMemory } from "./pool-memory.ts";
import type { RunnerSockets } from "./pool-ports.ts";
import { PoolTables } from "./pool-tables.ts";

export class PoolTurns {
	readonly #world: World;
	readonly #sockets: RunnerSockets;
	readonly #tables: PoolTables;
	#memory: PoolMemory | null;
	/** Of the turn that is under way; null outside of one. */
	#effects: (() => void)[] | null = null;

	constructor({ world, sockets }: { world: World; sockets: RunnerSockets }) {
		this.#world = world;
		this.#sockets = sockets;
		this.#tables = new PoolTables(world.storage);
		this.#memory = this.#read();
	}

	/** To look at. It is another one after a turn that broke off, so nobody keeps it. */
	get memory(): PoolMemory {
		this.#memory ??= this.#read();
		return this.#memory;
	}

	now(): Millis {
		return this.#world.now();
	}

	/** `work` waits for nothing and takes no other turn. What it throws, or the disk does, is thrown. */
	take<T>(work: (memory: PoolMemory, now: Millis) => T): T {
		assert(this.#effects === null, "turns are not nested");
		const effects: (() => void)[] = [];
		const { memory } = this;
		this.#effects = effects;
		let result: T;
		try {
			result = work(memory, this.#world.now());
			this.#tables.commit();
		} catch (cause) {
			this.#tables.discard();
			this.#memory = null;
			throw cause;
		} finally {
			this.#effects = null;
		}
		for (const effect of effects) effect();
		return result;
	}

	#read(): PoolMemory {
		return new PoolMemory({ tables: this.#tables, sockets: this.#sockets }, (effect) => {
			assert(this.#effects, "what is done to others belongs to a turn");
			this.#effects.push(effect);
		});
	}
}
