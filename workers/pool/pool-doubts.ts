// Before a shard says what waits, it asks the repositories that have not told it lately. After a sleep it believes what was
// stored, which is no more than that somebody waited once; and where a claim of another shard only left less, it was not told.
import { demandAskedMax } from "../../src/domain/limits.ts";
import type { DoubtfulDemand } from "../../src/domain/pool/demand-book.ts";
import type { Env } from "../env.ts";
import type { PoolMembers } from "./pool-members.ts";
import type { PoolName } from "./pool-shards.ts";
import { repoCalls } from "../stubs.ts";
import { report } from "../report.ts";

/** Whoever asks for a pool's figures is kept waiting for its repositories no longer than this. */
const answerMs = 1_000;

export class PoolDoubts {
	readonly #env: Env;
	readonly #name: PoolName;
	readonly #members: PoolMembers;
	readonly #asking = new Map<string, Promise<void>>();

	constructor(env: Env, name: PoolName, members: PoolMembers) {
		this.#env = env;
		this.#name = name;
		this.#members = members;
	}

	/** [P16] Resolves when what is believed is confirmed, or cannot be now: then it stays as it is, and is asked about again. */
	async ask(): Promise<void> {
		const doubtful = this.#members.doubtful(Date.now()).slice(0, demandAskedMax);
		if (doubtful.length === 0) return;
		const asked = Promise.all(doubtful.map((demand) => this.#askOne(demand)));
		let timer: ReturnType<typeof setTimeout> | null = null;
		const late = new Promise<void>((resolve) => {
			timer = setTimeout(resolve, answerMs);
		});
		await Promise.race([asked, late]).finally(() => timer !== null && clearTimeout(timer));
	}

	/** Never throws. */
	#askOne({ repository, version }: DoubtfulDemand): Promise<void> {
		const known = this.#asking.get(repository);
		if (known !== undefined) return known;
		const [owner = "", repo = ""] = repository.split("/");
		const { pool, shard } = this.#name;
		const asking = repoCalls(this.#env, { owner, repo })
			.demand({ pool, shard, known: version })
			.then((demand) => this.#members.learn(repository, demand, Date.now()))
			.catch((cause) => report({ event: "demand-unconfirmed", repository, cause: String(cause) }))
			.finally(() => this.#asking.delete(repository));
		this.#asking.set(repository, asking);
		return asking;
	}
}
