// Changes on their way from a repository to the queue `events`. A change that no message can carry is sent by its name, and the
// consumer reads it here. A batch that the queue does not take is sent in ever smaller parts, until what it refuses stands alone:
// that is set aside, and the others go on. Kept in memory; after a death the marks in the tables say what to send again.
import type { ChangeEvent } from "../../../contracts/objects/events.ts";
import { batchLength, batchMax, jsonBytes, messageBytesMax } from "../../message-bytes.ts";
import type { World } from "../../ports.ts";

/** Changes kept while the queue does not take them; more are folded into the last state of each run. */
const changesMax = 2_000;
/** Refused one by one, and none taken between them: the queue is away, and no message is to blame. */
const refusedMax = 2;

export class ChangeOutbox {
	readonly #world: Pick<World, "report">;
	readonly #send: (changes: ChangeEvent[]) => Promise<void>;
	#changes: ChangeEvent[] = [];
	#foldAt = changesMax;

	/** `send` puts one batch into the queue, whole or not at all. */
	constructor(world: Pick<World, "report">, send: (changes: ChangeEvent[]) => Promise<void>) {
		this.#world = world;
		this.#send = send;
	}

	get length(): number {
		return this.#changes.length;
	}

	add(change: ChangeEvent): void {
		this.#changes.push(change);
		if (this.#changes.length <= this.#foldAt) return;
		this.#changes = fold(this.#changes);
		// Changes of distinct runs do not get fewer: to fold them again with each one more would take the object's whole time.
		this.#foldAt = Math.max(changesMax, 2 * this.#changes.length);
	}

	/** Sends what fits one batch. Throws when the queue takes nothing; what was not taken stays. */
	async send(): Promise<void> {
		const left = this.#take();
		const refused: ChangeEvent[] = [];
		let taken = 0;
		for (let size = left.length; left.length > 0; ) {
			const part = left.slice(0, size);
			try {
				await this.#send(part);
				left.splice(0, part.length);
				taken += part.length;
			} catch (cause) {
				size = Math.ceil(part.length / 2);
				if (part.length > 1) continue;
				refused.push(...left.splice(0, 1));
				if (taken > 0 || (refused.length < refusedMax && left.length > 0)) continue;
				// One of them may be to blame after all: next time others go before them.
				this.#changes = [...left, ...this.#changes, ...refused];
				throw cause;
			}
		}
		for (const change of refused) this.#setAside(change);
	}

	/** The first that fit one batch, each as it goes. */
	#take(): ChangeEvent[] {
		const first = this.#changes.slice(0, batchMax).map((change) => {
			const bytes = jsonBytes(change);
			if (bytes <= messageBytesMax) return { change, bytes };
			const named = byName(change);
			return { change: named, bytes: jsonBytes(named) };
		});
		const length = batchLength(first.map(({ bytes }) => bytes));
		this.#changes.splice(0, length);
		return first.slice(0, length).map(({ change }) => change);
	}

	/**
	 * By its name a change may go where it did not as a whole. If the queue refuses that too, the alarm or the sweep sends the
	 * run's state again, as it is then.
	 */
	#setAside(change: ChangeEvent): void {
		const { owner, repo, run, ask } = change;
		const named = run?.id ?? ask?.run ?? null;
		this.#world.report({ event: "change-set-aside", repository: `${owner}/${repo}`, run: named });
		if (!ask) this.#changes.push(byName(change));
	}
}

/** Names what changed; what it is now its consumer asks of the repository. */
function byName({ repository, run, ...change }: ChangeEvent): ChangeEvent {
	return { ...change, repository: null, run: null, ask: { repository: repository !== null, run: run?.id ?? null } };
}

/** The last state of each run, and of the repository. */
function fold(changes: readonly ChangeEvent[]): ChangeEvent[] {
	const last = new Map<string, ChangeEvent>();
	for (const change of changes) {
		const key = change.run?.id ?? change.ask?.run ?? "";
		const repository = change.repository ?? last.get(key)?.repository ?? null;
		last.set(key, { ...change, repository });
	}
	return [...last.values()];
}
