// Follows a run: asks for its state again and again, and opens the live log of each job that has begun.
import { setTimeout as sleep } from "node:timers/promises";
import type { LogEvent } from "../client/log-viewer.ts";
import { viewLog } from "../client/log-viewer.ts";
import type { RepositoryName } from "../contracts/objects.ts";
import type { Job, Run } from "../contracts/run.ts";
import type { Connection } from "./connection.ts";

export interface RunPlace {
	repository: RepositoryName;
	run: string;
}

export type WatchEvent =
	| { type: "run"; run: Run }
	/** A job that was not in this state before. */
	| { type: "job"; job: Job }
	| { type: "log"; job: Job; event: LogEvent }
	/** A log that could not be followed to its end. */
	| { type: "log-lost"; job: Job; reason: string };

/** A second is soon enough for a person; logs come by themselves. */
const lookMs = 1_000;
/** A log is sealed seconds after its job; one that waits longer for bytes its runner owes is not waited for. */
const logsLateMsMax = 30_000;

/** Resolves to the finished run, once the logs that could be followed have ended. */
export async function watchRun(
	{ client, url, token }: Connection,
	{ repository, run: id }: RunPlace,
	onEvent: (event: WatchEvent) => void,
): Promise<Run> {
	const states = new Map<string, string>();
	const logs = new Map<string, Promise<void>>();
	const late = new AbortController();
	const follow = async (job: Job) => {
		try {
			for await (const event of viewLog({ url, token, repository, job: job.id, signal: late.signal })) {
				onEvent({ type: "log", job, event });
			}
		} catch (error) {
			const reason = error instanceof Error ? error.message : String(error);
			onEvent({ type: "log-lost", job, reason: late.signal.aborted ? "its end has not come" : reason });
		}
	};
	for (;;) {
		const run = await client.runs.get(repository, id);
		onEvent({ type: "run", run });
		for (const job of run.jobs ?? []) {
			const state = `${job.state} ${job.attempts.length}`;
			if (states.get(job.id) !== state) onEvent({ type: "job", job });
			states.set(job.id, state);
			if (job.attempts.length > 0 && !logs.has(job.id)) logs.set(job.id, follow(job));
		}
		if (run.state === "finished") {
			const timer = setTimeout(() => late.abort(), logsLateMsMax);
			await Promise.all(logs.values());
			clearTimeout(timer);
			return run;
		}
		await sleep(lookMs);
	}
}
