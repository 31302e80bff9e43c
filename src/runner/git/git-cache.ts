// Repositories that are kept between jobs, one bare one for each clone URL. One job at a time brings something into each;
// what was not used for long, or is too much, goes when the runner starts. Losing a cache costs time and nothing else.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { EventLog } from "../event-log.ts";
import { removeFolder } from "../job/job-folder.ts";

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
	pathOf(cloneUrl: string): string {
		mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
		return join(this.#folder, `${createHash("sha256").update(cloneUrl).digest("hex").slice(0, 32)}.git`);
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
	async prune({ bytesMax, now, eventLog }: { bytesMax: number; now: number; eventLog: EventLog }): Promise<void> {
		const kept = listFolder(this.#folder)
			.map((name) => ({ name, ...measure(join(this.#folder, name)) }))
			.sort((a, b) => b.usedAt - a.usedAt);
		let bytes = 0;
		for (const repository of kept) {
			bytes += repository.bytes;
			if (bytes <= bytesMax && now - repository.usedAt <= unusedMsMax) continue;
			await removeFolder(join(this.#folder, repository.name));
			eventLog("cache-removed", { name: repository.name, bytes: repository.bytes });
		}
	}
}

function untilAborted(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve();
		else signal.addEventListener("abort", () => resolve(), { once: true });
	});
}

/** Each fetch touches the folder itself. */
function measure(path: string): { usedAt: number; bytes: number } {
	const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	const sizes = files.map((file) => statSync(join(file.parentPath, file.name), { throwIfNoEntry: false })?.size ?? 0);
	return { usedAt: statSync(path).mtimeMs, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

function listFolder(path: string): string[] {
	try {
		return readdirSync(path);
	} catch {
		return [];
	}
}
