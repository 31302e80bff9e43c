// Wakes whoever waits for a job's next attempt, by the changes of its run: without it each look is a call to the repository, and
// a look a second is late by a second. A feed that cannot be had, or that ends, only makes the looks more frequent again.
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { RunEvent } from "../../contracts/http/streams/run-events.ts";
import { parseJobId } from "../../domain/ids.ts";
import type { Ports } from "../ports.ts";

export class JobWatch {
	/** Until the feed ends, or was never to be had. */
	isLive = true;
	readonly #left = new AbortController();
	#isNews = false;
	#tell: () => void = () => undefined;

	/** `gone` ends it, and so does `leave`. */
	constructor(ports: Pick<Ports, "followRun">, place: RepositoryName & { job: string }, gone: AbortSignal) {
		const signal = AbortSignal.any([gone, this.#left.signal]);
		this.#listen(ports, place, signal)
			.catch(() => undefined)
			.finally(() => {
				this.isLive = false;
				this.#wake();
			});
	}

	/** To be said before a look: what comes from here on is news. */
	begin(): void {
		this.#isNews = false;
	}

	/** Resolves when the job may have changed since `begin`, and when this is of no more use. */
	changed(): Promise<void> {
		return new Promise((resolve) => {
			this.#tell = resolve;
			if (this.#isNews || !this.isLive) resolve();
		});
	}

	leave(): void {
		this.#left.abort();
	}

	async #listen(
		ports: Pick<Ports, "followRun">,
		place: RepositoryName & { job: string },
		signal: AbortSignal,
	): Promise<void> {
		const { owner, repo, job } = place;
		const run = parseJobId(job)?.run;
		if (run === undefined) return;
		const feed = await ports.followRun({ owner, repo, run }, { after: null });
		if (!feed.ok) return;
		for await (const text of feed.value(signal)) {
			const event = JSON.parse(text) as RunEvent;
			// The snapshot too: what changed between the last look and now is in it.
			if (event.type === "snapshot" || (event.type === "job" && event.job.id === job)) this.#wake();
		}
	}

	#wake(): void {
		this.#isNews = true;
		this.#tell();
	}
}
