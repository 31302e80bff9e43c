// Retrying a finished job, or those of a run, by name: once per key, as one more round.
import type { Actor } from "../../../contracts/objects/objects.ts";
import type { Job } from "../../../contracts/http/run.ts";
import { decideRetryJob, decideRetryRun } from "../../../domain/run/decide.ts";
import type { RunView } from "../../../domain/run/decide.ts";
import type { JobId, RunId } from "../../../domain/ids.ts";
import type { Result } from "../../../domain/refusal.ts";
import { accept, refuse } from "../../../domain/refusal.ts";
import { resolveSource } from "../../../domain/job/submission.ts";
import type { Cause } from "../../../domain/job/submission.ts";
import { once } from "./once.ts";
import type { RepoQueue } from "../repo-queue.ts";
import type { AcceptedRun } from "./repo-submit.ts";
import { showJob } from "../reads/repo-view.ts";

/** `key` null: each call is one more round, so that only a caller who will not send it twice leaves it out. */
export type RetryRunCall = { run: RunId; only: "failed" | "all"; key: string | null } & Actor;
export type RetryJobCall = { job: JobId; key: string | null } & Actor;

export function writeRunRetry(queue: RepoQueue, call: RetryRunCall): Result<AcceptedRun> {
	const act = () =>
		queue.onRun(call.run, (view, now) => {
			const sourced = withSource(queue, view);
			return sourced.ok ? queue.limits.within(decideRetryRun(sourced.value, call.only, cause(call, now))) : sourced;
		});
	// All calls share one space of keys: by its first word no retry is taken for a submission under the same key, nor the other way.
	const done = once(
		queue,
		{ key: call.key, digest: JSON.stringify(["retry", call.only, call.run, call.reason]), subject: call.run },
		act,
	);
	// Shown as it is now, also to a replay: what the first call made may have ended since.
	return done.ok ? accept({ run: call.run, made: null, replayed: done.value.earlier !== null }) : done;
}

export function writeJobRetry(queue: RepoQueue, call: RetryJobCall): Result<{ job: Job; replayed: boolean }> {
	const act = () =>
		queue.onJob(call.job, (view, index, now) => {
			const sourced = withSource(queue, view);
			return sourced.ok ? queue.limits.within(decideRetryJob(sourced.value, index, cause(call, now))) : sourced;
		});
	const done = once(
		queue,
		{ key: call.key, digest: JSON.stringify(["retry", call.job, call.reason]), subject: call.job },
		act,
	);
	const shown = done.ok ? showJob(queue, call.job) : done;
	return shown.ok ? accept({ job: shown.value, replayed: done.ok && done.value.earlier !== null }) : shown;
}

/** [Y4] A run that was refused for want of a clone URL takes the repository's as it is now, if it has one. */
function withSource({ repository }: RepoQueue, view: RunView): Result<RunView> {
	const { source } = view.run;
	if (source === null || source.cloneUrl !== "") return accept(view);
	const resolved = repository && resolveSource(source, repository.settings);
	return resolved ? accept({ ...view, run: { ...view.run, source: resolved } }) : refuse({ code: "clone-url-missing" });
}

function cause({ actor, reason }: Actor, at: number): Cause {
	return { by: "user", actor, reason, at };
}
