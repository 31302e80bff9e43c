// The digests of what came over the WebSockets, by job key and attempt: what the archive is compared with.
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import type { WatchEvent } from "../src/cli/run/watch-run.ts";

export class StreamedLogs {
	readonly #hashes = new Map<string, Hash>();
	readonly #attempts = new Map<string, number>();
	readonly #lost = new Map<string, string>();

	add(event: WatchEvent): void {
		if (event.type === "log-lost") this.#lost.set(event.job.key, event.reason);
		if (event.type !== "log") return;
		const { key } = event.job;
		if (event.event.type === "attempt") {
			this.#attempts.set(key, event.event.number);
			this.#hashes.set(nameOf(key, event.event.number), createHash("sha256"));
		}
		if (event.event.type === "output")
			this.#hashes.get(nameOf(key, this.#attempts.get(key)))?.update(event.event.bytes);
	}

	digest(key: string, attempt: number): string {
		const lost = this.#lost.get(key);
		if (lost !== undefined) throw new Error(`the log of ${key} could not be followed: ${lost}`);
		const hash = this.#hashes.get(nameOf(key, attempt));
		if (!hash) throw new Error(`the log of ${nameOf(key, attempt)} was not streamed`);
		return hash.copy().digest("hex");
	}
}

function nameOf(key: string, attempt: number | undefined): string {
	return `${key} ${attempt}`;
}
