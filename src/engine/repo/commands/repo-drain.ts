// Taking in a run that was spilled. It was accepted when it was spilled, so this never refuses: a run that cannot be run any more
// ends as refused, with its reason. Its place in the queue, and what it supersedes, go by the time of its acceptance.
import type { DrainCall } from "../../../contracts/objects/objects.ts";
import type { Refusal, Result } from "../../../domain/refusal.ts";
import { accept } from "../../../domain/refusal.ts";
import type { Decision } from "../../../domain/run/decide.ts";
import { decideCancelRun } from "../../../domain/run/decide.ts";
import { decideRefused, decideSubmit } from "../../../domain/run/decide-submit.ts";
import { refusalReason } from "../../../domain/run/refusal-reason.ts";
import { resolveSource } from "../../../domain/job/submission.ts";
import type { RepositorySettings } from "../../../domain/job/submission.ts";
import type { RepoQueue } from "../repo-queue.ts";
import type { RepoTurns } from "../repo-turns.ts";
import { endIfSuperseded, supersede, supersededBy } from "./repo-submit.ts";

/** [V13] In slices of few jobs, each of which shares its commits: 200 runs of 100 jobs would keep the thread for seconds. */
export async function drainInTurns(
	queue: RepoQueue,
	turns: RepoTurns,
	calls: readonly DrainCall[],
): Promise<Result<null>[]> {
	const done: Result<null>[] = [];
	for (const slice of slicesOf(calls, queue.sliceJobs)) {
		if (done.length > 0) await queue.giveWay();
		done.push(...(await Promise.all(slice.map((call) => drainOne(queue, turns, call)))));
	}
	return done;
}

async function drainOne(queue: RepoQueue, turns: RepoTurns, call: DrainCall): Promise<Result<null>> {
	// What ends at once is taken in and ended in one piece, so that nothing of it runs; else it may be written in slices.
	const added = endsAtOnce(queue, call) ? 0 : call.submission.jobs.length;
	const done = await turns.writeOn({ runs: [], added }, ({ settings }) => admitSpilled(queue, settings, call));
	if (!done.ok || !call.submission.cancelSuperseded) return done;
	// In a turn of its own, since those that it supersedes may be large; repeated, it ends no more.
	const reach = { runs: supersededBy(queue, call.submission), added: 0 };
	return turns.writeOn(reach, () => supersedeEarlier(queue, call));
}

/** [Y3] Called again, or for a run that its first try landed, it changes nothing but a cancel that came since. */
function admitSpilled(queue: RepoQueue, settings: RepositorySettings, call: DrainCall): Result<null> {
	const { run, canceled } = call;
	return queue.transact(() => {
		const isThere = queue.run(run) !== null || queue.tombstones.isBuried(run);
		const admitted = isThere ? accept(null) : admit(queue, settings, call);
		if (!admitted.ok) return admitted;
		// One that has ended by itself meanwhile stays as it ended.
		if (canceled !== null) queue.onRun(run, (view) => orUnchanged(decideCancelRun(view, canceled), view.run));
		return accept(null);
	});
}

/** In order, each slice of no more than so many jobs, or of one call. */
function slicesOf(calls: readonly DrainCall[], jobsMax: number): DrainCall[][] {
	const slices: DrainCall[][] = [];
	// As if the slice before were full: the first call begins one, whatever its size.
	let jobs = Number.POSITIVE_INFINITY;
	for (const call of calls) {
		const added = call.submission.jobs.length;
		if (jobs + added > jobsMax) {
			slices.push([]);
			jobs = 0;
		}
		slices.at(-1)?.push(call);
		jobs += added;
	}
	return slices;
}

/** Whether it was canceled, or is superseded by a run that came here before it: then it never runs, and is taken in in one piece. */
function endsAtOnce(queue: RepoQueue, { submission, acceptedAt, canceled }: DrainCall): boolean {
	const { repository } = queue;
	const source = repository && resolveSource(submission.source, repository.settings);
	return canceled !== null || (!!source?.ref && queue.supersessions.of(source.ref, acceptedAt) !== null);
}

/** [Y5] Of the runs that were accepted before it. */
function supersedeEarlier(queue: RepoQueue, { run, submission, acceptedAt }: DrainCall): Result<null> {
	const drained = queue.run(run);
	if (drained !== null && drained.refusal == null)
		queue.transact(() => supersede(queue, drained, { submission, acceptedAt }));
	return accept(null);
}

function admit(queue: RepoQueue, settings: RepositorySettings, call: DrainCall): Result<null> {
	const { run, key, digest, submission, acceptedAt } = call;
	const asked = { id: run, number: queue.counters.nextNumber, submission };
	const earlier = key === null ? null : queue.tables.keys.find(key);
	// By its digest: the same key and body is this very run, and a key that another body used meanwhile makes it end as refused.
	const isReused = earlier !== null && earlier.digest !== digest;
	// [Y4] Past its repository's limits too it is there, and says why it was not run; how fast runs come is no reason.
	const decided = isReused
		? refusedBy({ code: "idempotency-key-reused" })
		: queue.limits.within(decideSubmit(asked, settings, acceptedAt));
	const reason = decided.ok ? null : refusalReason(decided.refusal);
	const made = reason === null ? decided : decideRefused(asked, settings, { reason, acceptedAt, now: queue.now() });
	// [Y4] Needs that do not form a graph have no jobs either: such a record is kept aside by whoever drains.
	if (!made.ok) return made;
	queue.counters.takeNumber(run, queue.limits.nextBucket());
	queue.commit(made.value);
	if (key !== null && earlier === null) queue.tables.keys.save(key, digest, run, queue.now());
	if (reason === null) endIfSuperseded(queue, made.value.run, acceptedAt);
	return accept(null);
}

function refusedBy(refusal: Refusal): Result<Decision> {
	return { ok: false, refusal };
}

/** A cancel that comes too late is no failure of the drain: the run stands as it is. */
function orUnchanged(decided: Result<Decision>, run: Decision["run"]): Result<Decision> {
	return decided.ok ? decided : accept({ run, moves: [] });
}
