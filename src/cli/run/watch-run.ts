// Follows a run by its events, and opens the live log of each job that has begun. Where there are no events the run is asked for
// again and again.
import { setTimeout as sleep } from "node:timers/promises";
import type { LogEvent } from "../../client/log-viewer.ts";
import { viewLog } from "../../client/log-viewer.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Job, Run } from "../../contracts/http/run.ts";
import type { Connection } from "../connection.ts";
import type { Patience } from "../patience.ts";
import { FollowedRun } from "./followed-run.ts";
import type { RunPlace } from "./followed-run.ts";
import type { SharedWait } from "./waits.ts";
import { Waits } from "./waits.ts";

export type WatchEvent =
	| { type: "run"; run: Run }
	/** A job that was not in this state before. */
	| { type: "job"; job: Job }
	/** A job that has waited for a while, with its position; and how many others of the run wait for the same. */
	| ({ type: "waits" } & SharedWait)
	| { type: "log"; job: Job; event: LogEvent }
	/** A log that could not be followed to its end. */
	| { type: "log-lost"; job: Job; reason: string };

/** How often the run is looked at: as its events tell it, which costs nobody a call, or else by asking for it. */
const lookMs = 1_000;
/** A log is sealed seconds after its job; one that waits longer for bytes its runner owes is not waited for. */
const logsLateMsMax = 30_000;
/** Jobs that wait are listened to ahead, so that their first line is seen at once; more would be too many sockets. */
const logsAheadMax = 64;

export interface Watching {
	patience: Patience;
	/** Ends the watching; the promise rejects with its reason. */
	signal: AbortSignal;
	onEvent: (event: WatchEvent) => void;
}

/** Resolves to the finished run, once the logs that could be followed have ended. Absences of the server are sat through. */
export async function watchRun(connection: Connection, place: RunPlace, watching: Watching): Promise<Run> {
	const over = new AbortController();
	const signal = AbortSignal.any([watching.signal, over.signal]);
	try {
		return await watchToFinish(connection, place, {
			...watching,
			followed: new FollowedRun(connection, place, signal),
		});
	} finally {
		over.abort();
	}
}

async function watchToFinish(
	connection: Connection,
	{ repository, run: id }: RunPlace,
	watching: Watching & { followed: FollowedRun },
): Promise<Run> {
	const { patience, signal, onEvent, followed } = watching;
	const states = new Map<string, string>();
	const logs = new Logs(connection, repository, watching);
	const waits = new Waits();
	let waitsLookedAt = Number.NEGATIVE_INFINITY;
	let version = 0;
	const look = () => patience.ask((client) => client.runs.get(repository, id), signal);
	for (;;) {
		signal.throwIfAborted();
		// What the stream begins with may be older than what was asked for before.
		const isCurrent = followed.run !== null && followed.run.version >= version;
		const run = isCurrent && followed.run !== null ? followed.run : await look();
		version = run.version;
		onEvent({ type: "run", run });
		for (const job of run.jobs ?? []) {
			const state = `${job.state} ${job.attempts.length}`;
			if (states.get(job.id) !== state) onEvent({ type: "job", job });
			states.set(job.id, state);
			logs.follow(job);
		}
		if (performance.now() - waitsLookedAt >= lookMs * 0.9) {
			waitsLookedAt = performance.now();
			for (const { job, others } of waits.look(run.jobs ?? [])) {
				const placed = await patience.ask((client) => client.jobs.get(repository, job.id), signal);
				if (placed.state === "waiting") onEvent({ type: "waits", job: placed, others });
			}
		}
		if (run.state === "finished") {
			await logs.ended();
			// Once more: what the log's end told may have come after the run's.
			return look();
		}
		await Promise.race([sleep(lookMs, undefined, { signal }), logs.nextEnd(), followed.nextChange()]);
	}
}

/** The live logs of a run's jobs, each followed once through all its attempts. */
class Logs {
	readonly #connection: Connection;
	readonly #repository: RepositoryName;
	readonly #watching: Watching;
	readonly #open = new Map<string, Promise<void>>();
	readonly #late = new AbortController();
	#onEnd: () => void = () => {};

	constructor(connection: Connection, repository: RepositoryName, watching: Watching) {
		this.#connection = connection;
		this.#repository = repository;
		this.#watching = watching;
		watching.signal.addEventListener("abort", () => this.#late.abort(), { once: true });
	}

	follow(job: Job): void {
		if (this.#open.has(job.id) || job.state === "blocked") return;
		const hasBegun = job.attempts.length > 0;
		if (!hasBegun && (job.state === "finished" || this.#open.size >= logsAheadMax)) return;
		this.#open.set(job.id, this.#view(job));
	}

	async ended(): Promise<void> {
		const timer = setTimeout(() => this.#late.abort(), logsLateMsMax);
		await Promise.all(this.#open.values());
		clearTimeout(timer);
	}

	nextEnd(): Promise<void> {
		return new Promise((resolve) => {
			this.#onEnd = resolve;
		});
	}

	async #view(job: Job): Promise<void> {
		const { url, token } = this.#connection;
		const { patience, signal: stop, onEvent } = this.#watching;
		const signal = this.#late.signal;
		try {
			const log = viewLog({ url, token, repository: this.#repository, job: job.id, signal, ...patience.viewing });
			for await (const event of log) {
				onEvent({ type: "log", job, event });
				if (event.type === "end") this.#onEnd();
			}
		} catch (error) {
			if (stop.aborted) return;
			const reason = error instanceof Error ? error.message : String(error);
			onEvent({ type: "log-lost", job, reason: signal.aborted ? "its end has not come" : reason });
		}
	}
}
