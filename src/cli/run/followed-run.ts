// A run as its events tell it: the state that the stream begins with, and each change applied to it. While no stream can be had,
// from an old server or through a proxy that holds streams back, there is no state here, and the watch asks for it.
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../../client/client.ts";
import { eventData } from "../../client/event-stream.ts";
import type { RunEvent } from "../../contracts/http/streams/run-events.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Run } from "../../contracts/http/run.ts";
import type { Connection } from "../connection.ts";

export interface RunPlace {
	repository: RepositoryName;
	run: string;
}

/** Between two tries to have the stream: meanwhile the watch asks for the run itself. */
const againMs = 5_000;

export class FollowedRun {
	#run: Run | null = null;
	#changed: () => void = () => {};

	/** Follows until `signal` is aborted. */
	constructor(connection: Connection, place: RunPlace, signal: AbortSignal) {
		void this.#follow(connection, place, signal);
	}

	/** The run as of the last event; null while there is no stream. */
	get run(): Run | null {
		return this.#run;
	}

	/** Resolves with the next event, and when the stream ends. */
	nextChange(): Promise<void> {
		return new Promise((resolve) => {
			this.#changed = resolve;
		});
	}

	async #follow({ url, token }: Connection, { repository, run }: RunPlace, signal: AbortSignal): Promise<void> {
		const client = createClient({ url, token, retry: { deadlineMs: 0 } });
		while (!signal.aborted) {
			try {
				const { body } = await client.runs.events(repository, run, { signal });
				if (body) for await (const data of eventData(body, { signal })) this.#take(JSON.parse(data));
			} catch {
				// Whatever it is, the watch asks for the run then, and says what is wrong.
			}
			this.#run = null;
			this.#changed();
			await sleep(againMs, undefined, { signal }).catch(() => {});
		}
	}

	#take(event: RunEvent): void {
		this.#run = applied(this.#run, event);
		this.#changed();
	}
}

/** A job that was added comes last, as its place in the run is. */
function applied(run: Run | null, event: RunEvent): Run | null {
	if (event.type === "snapshot") return event.run;
	if (run === null) return null;
	const { jobs = [] } = run;
	if (event.type === "run") return { ...event.run, jobs };
	const isKnown = jobs.some(({ id }) => id === event.job.id);
	const others = jobs.map((job) => (job.id === event.job.id ? event.job : job));
	return { ...run, jobs: isKnown ? others : [...jobs, event.job] };
}
