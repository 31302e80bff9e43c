// A pool of two shards, as far as what it believes of a repository goes: the rules of the real one, over rows that a sleep leaves
// and a memory that it takes.
import type { Demand } from "../contracts/objects/objects.ts";
import { sumFigures } from "../contracts/objects/pool-figures.ts";
import { DemandBook } from "../domain/pool/demand-book.ts";
import type { DemandRow } from "../domain/pool/demand-book.ts";
import type { Millis } from "../domain/ids.ts";

export const simulatedShards = 2;

/** What a repository answers to a shard that asks. */
export type AskRepository = (call: { pool: string; shard: number; known: number }) => Demand;

class SimulatedShard {
	#book = new DemandBook<Demand>();
	readonly #rows = new Map<string, string>();

	hear(demand: Demand, now: Millis): void {
		const repository = `${demand.owner}/${demand.repo}`;
		this.#write(repository, demand, this.#book.hear(repository, demand, now) ?? "keep");
	}

	confirm(now: Millis, ask: (known: number) => Demand): void {
		for (const { repository, version } of this.#book.doubtful(now)) {
			const demand = ask(version);
			this.#write(repository, demand, this.#book.learn(repository, demand, now));
		}
	}

	sleep(): void {
		this.#book = new DemandBook();
		for (const [repository, text] of this.#rows) this.#book.recall(repository, JSON.parse(text));
	}

	get demands(): Demand[] {
		return [...this.#book.all()].map(([, demand]) => demand);
	}

	figures(now: Millis) {
		return this.#book.figures(now);
	}

	#write(repository: string, demand: Demand, row: DemandRow): void {
		if (row === "save") this.#rows.set(repository, JSON.stringify(demand));
		if (row === "drop") this.#rows.delete(repository);
	}
}

export class SimulatedPool {
	readonly pool: string;
	readonly #shards = Array.from({ length: simulatedShards }, () => new SimulatedShard());

	constructor(pool: string) {
		this.pool = pool;
	}

	hear(shard: number, demand: Demand, now: Millis): void {
		this.#shards[shard]?.hear(demand, now);
	}

	sleep(shard: number): void {
		this.#shards[shard]?.sleep();
	}

	/** The newest that any of its shards believes. */
	get believed(): Demand | null {
		const all = this.#shards.flatMap(({ demands }) => demands);
		return all.reduce<Demand | null>((best, each) => (best && best.version >= each.version ? best : each), null);
	}

	/** What whoever asks is shown to wait, each shard having asked the repository where it must. */
	waiting(now: Millis, ask: AskRepository): number {
		this.#shards.forEach((each, shard) => {
			each.confirm(now, (known) => structuredClone(ask({ pool: this.pool, shard, known })));
		});
		const settings = { paused: false, pauseNote: null, draining: false };
		const none = { runners: [], waiting: 0, running: 0, idle: 0, busy: 0, oldestWaitingSeconds: null };
		const shards = this.#shards.map((each) => ({
			...{ owner: "acme", pool: this.pool, ...settings, ...none },
			...{ shards: simulatedShards, demands: each.figures(now) },
		}));
		const [first, ...rest] = shards;
		return first === undefined ? 0 : sumFigures(first, rest, now).waiting;
	}
}
