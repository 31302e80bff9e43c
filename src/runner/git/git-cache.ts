// Repositories that are kept between jobs, one bare one for each repository of the server's and each clone URL of its jobs: what is
// kept is given without asking its origin, so it is for those who fetched it. One job at a time brings something into each;
// what was not used for long, or is too much, goes when the runner starts. Losing a cache costs time and nothing else.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { makeFolder } from "../made-folder.ts";
import { pruneFolder } from "../machine/pruned-folder.ts";
import type { Pruning } from "../machine/pruned-folder.ts";

/** A repository that no job asked for in this time is forgotten. */
const unusedMsMax = 30 * 24 * 60 * 60 * 1_000;

export class GitCache {
	readonly #folder: string;
	/** By path: the end of the last of those that wait. */
	readonly #turns = new Map<string, Promise<void>>();

	constructor(folder: string) {
		this.#folder = folder;
	}

	/** Nothing of a URL that a file system could not take is in it. */
	pathOf(repository: string, cloneUrl: string): string {
		makeFolder(this.#folder);
		const name = createHash("sha256").update(`${repository} ${cloneUrl}`).digest("hex").slice(0, 32);
		return join(this.#folder, `${name}.git`);
	}

	/** Runs `work` when no other has the repository at `path`; null when the signal came first, and the line goes on without it. */
	async alone<T>(path: string, work: () => Promise<T>, signal: AbortSignal): Promise<T | null> {
		const before = this.#turns.get(path) ?? Promise.resolve();
		let leave: () => void = () => {};
		const left = new Promise<void>((resolve) => {
			leave = resolve;
		});
		const end = before.then(() => left);
		this.#turns.set(path, end);
		try {
			await Promise.race([before, untilAborted(signal)]);
			return signal.aborted ? null : await work();
		} finally {
			leave();
			void end.then(() => {
				if (this.#turns.get(path) === end) this.#turns.delete(path);
			});
		}
	}

	/** Before the first job: nobody uses any. */
	async prune(pruning: Pick<Pruning, "bytesMax" | "now" | "eventLog">): Promise<void> {
		await pruneFolder(this.#folder, { ...pruning, unusedMsMax, usedBy: "touch" });
	}
}

function untilAborted(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener("abort", () => resolve(), { once: true });
	});
}
