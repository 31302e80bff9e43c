// Accepting a run, or more jobs for one: once per key, whole or not at all; with a run the end of those that it supersedes.
import type { AddJobsCall, SubmitCall, Submitted } from "../../../contracts/objects/objects.ts";
import type { Decision, RunView } from "../../../domain/run/decide.ts";
import { decideCancelRun, leaseStateOf } from "../../../domain/run/decide.ts";
import { decideAddJobs, decideSubmit } from "../../../domain/run/decide-submit.ts";
import { checkReach } from "../../../domain/job/reach.ts";
import type { Result } from "../../../domain/refusal.ts";
import { accept, refuse } from "../../../domain/refusal.ts";
import type { Millis, RunId } from "../../../domain/ids.ts";
import type { Run } from "../../../domain/run/run.ts";
import { resolveSource } from "../../../domain/job/submission.ts";
import type { RepositorySettings, Submission } from "../../../domain/job/submission.ts";
import { once } from "./once.ts";
import type { RepoQueue } from "../repo-queue.ts";
import { showNewRun, showRun } from "../reads/repo-view.ts";

/** What was accepted, now or under the same key before. It is shown once it is written. */
export interface AcceptedRun {
	run: RunId;
	/** Null: it was there before. */
	made: Decision | null;
	replayed: boolean;
}

/** The runs that a submission ends, as things stand: their jobs decide whether the turn must give way [W92]. */
export function supersededBy(queue: RepoQueue, submission: Submission): RunId[] {
	const { repository, tables } = queue;
	const source = repository && resolveSource(submission.source, repository.settings);
	return submission.cancelSuperseded && source?.ref ? tables.openRuns(source.ref) : [];
}

export async function showSubmitted(
	queue: RepoQueue,
	{ run, made, replayed }: AcceptedRun,
): Promise<Result<Submitted>> {
	// A new run is put together from its decision. What was there before is read, since it may have moved on [W3].
	if (made !== null) return accept({ run: showNewRun(queue, made), replayed });
	const shown = await showRun(queue, run);
	return shown.ok ? accept({ run: shown.value, replayed }) : shown;
}

export function writeSubmission(queue: RepoQueue, settings: RepositorySettings, call: SubmitCall): Result<AcceptedRun> {
	// The id derives from key and body, so a run outlives its key.
	const isThere = queue.run(call.run) !== null;
	let made: Decision | null = null;
	const done = once(queue, { key: call.key, digest: call.digest, subject: call.run }, () => {
		if (isThere) return accept(null);
		// A key is forgotten after a day, the run's id is not: the same key and body would make the archived run a second time.
		if (queue.tombstones.isBuried(call.run)) return refuse({ code: "run-archived" });
		const decided = acceptRun(queue, settings, call);
		if (decided.ok) made = decided.value;
		return decided;
	});
	return done.ok ? accept({ run: done.value.earlier ?? call.run, made, replayed: made === null }) : done;
}

function acceptRun(queue: RepoQueue, settings: RepositorySettings, call: SubmitCall): Result<Decision> {
	const at = queue.now();
	const { submission } = call;
	const { counters, limits } = queue;
	const hasRoom = limits.refuseJobs(submission.jobs.length);
	const isInTime = hasRoom.ok ? limits.refuseRun() : hasRoom;
	if (!isInTime.ok) return isInTime;
	// By the number that it would get; it is taken only below.
	const asked = { id: call.run, number: counters.nextNumber, submission };
	const decided = limits.within(decideSubmit(asked, settings, at));
	if (!decided.ok) return decided;
	// After the decision: a number that is taken for a refused run would leave a gap [W4].
	counters.takeNumber(call.run, limits.nextBucket());
	queue.commit(decided.value);
	supersede(queue, decided.value.run, { submission, acceptedAt: at });
	return decided;
}

/** [W5] Ends the unfinished runs of the same ref that were accepted before it. */
export function supersede(
	queue: RepoQueue,
	{ id: newer, number, source }: Run,
	{ submission, acceptedAt }: { submission: Submission; acceptedAt: Millis },
): void {
	if (!submission.cancelSuperseded || !source?.ref) return;
	queue.supersessions.note(source.ref, newer, acceptedAt);
	for (const id of queue.tables.openRuns(source.ref)) {
		const other = queue.run(id);
		if (other === null || id === newer) continue;
		// Of two that were accepted in one millisecond the higher number is the newer: they must not end each other.
		const isEarlier = other.createdAt < acceptedAt || (other.createdAt === acceptedAt && other.number < number);
		if (isEarlier) cancelSuperseded(queue, id, { by: newer, number, actor: submission.actor });
	}
}

/** [Y5] A run that was spilled comes late to its queue: one that was accepted after it, and supersedes, ends it at once. */
export function endIfSuperseded(queue: RepoQueue, run: Run, acceptedAt: Millis): void {
	const by = run.source?.ref ? queue.supersessions.of(run.source.ref, acceptedAt) : null;
	if (by === null) return;
	const later = queue.run(by);
	cancelSuperseded(queue, run.id, { by, number: later?.number ?? null, actor: later?.actor ?? run.actor });
}

function cancelSuperseded(
	queue: RepoQueue,
	id: RunId,
	{ by, number, actor }: { by: RunId; number: number | null; actor: string },
): void {
	const wish = { actor, reason: `superseded by run ${number ?? by}`, at: queue.now() };
	queue.onRun(id, (view) => decideCancelRun(view, wish, by));
}

export function writeAddedJobs(queue: RepoQueue, settings: RepositorySettings, call: AddJobsCall): Result<AcceptedRun> {
	const { run, jobs, key, digest, actor, reason, lease } = call;
	const { defaults } = settings;
	// A job may ask for no more than it has itself; a person or a token for whatever the repository allows.
	const add = (view: RunView, at: number): Result<Decision> => {
		const within = lease ? checkReach(view, { lease: lease, jobs, defaults }) : accept(null);
		if (!within.ok) return within;
		return queue.limits.within(decideAddJobs(view, jobs, settings, { by: "submit", actor, reason, at }));
	};
	// Before the key is looked at: a lease that is over gets no answer out of a replay either.
	if (lease && leaseStateOf(queue.job(lease.job), lease) === "lost") return refuse({ code: "lease-stale" });
	const done = once(queue, { key, digest, subject: run }, () => queue.onRun(run, add));
	return done.ok ? accept({ run, made: null, replayed: done.value.earlier !== null }) : done;
}
