// Before a shard says what waits, it asks the repositories that have not told it their demand lately. After a sleep it believes
// what was stored, which is no more than that somebody waited once; and a repository does not tell it when a claim of another
// shard only left less.
import type { PoolShardName } from "../../contracts/wire/object-name.ts";
import { readRepoObjectName } from "../../contracts/wire/object-name.ts";
import { demandAskedMax } from "../../domain/limits.ts";
import type { DoubtfulDemand } from "../../domain/pool/demand-book.ts";
import type { World } from "../ports.ts";
import type { PoolOutside } from "./pool-ports.ts";
import type { PoolTurns } from "./pool-turns.ts";

/** Whoever asks for a pool's figures is kept waiting for its repositories no longer than this. */
const answerMs = 1_000;

export class PoolDoubts {
	readonly #world: World;
	readonly #outside: PoolOutside;
	readonly #name: PoolShardName;
	readonly #turns: PoolTurns;
	readonly #asking = new Map<string, Promise<void>>();

	constructor({ world, outside, name }: { world: World; outside: PoolOutside; name: PoolShardName }, turns: PoolTurns) {
		this.#world = world;
		this.#outside = outside;
		this.#name = name;
		this.#turns = turns;
	}

	/** [P16] Resolves when what is believed is confirmed, or cannot be now: then it stays as it is, and is asked about again. */
	async ask(): Promise<void> {
		const doubtful = this.#turns.memory.demand.doubtful(this.#turns.now()).slice(0, demandAskedMax);
		if (doubtful.length === 0) return;
		const asked = Promise.all(doubtful.map((demand) => this.#askOne(demand)));
		const late = this.#world.wait(answerMs);
		await Promise.race([asked, late.done]).finally(late.cancel);
	}

	/** Never throws. */
	#askOne({ repository, version }: DoubtfulDemand): Promise<void> {
		const known = this.#asking.get(repository);
		if (known !== undefined) return known;
		const { pool, shard } = this.#name;
		const asking = this.#outside
			.repo(readRepoObjectName(repository))
			.demand({ pool, shard, known: version })
			.then((demand) => this.#turns.take((memory, now) => memory.demand.learn(repository, demand, now)))
			.catch((cause) => this.#world.report({ event: "demand-unconfirmed", repository, cause: String(cause) }))
			.finally(() => this.#asking.delete(repository));
		this.#asking.set(repository, asking);
		return asking;
	}
}
