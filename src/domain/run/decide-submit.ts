// What a submission makes of a run: all of its jobs, or more of them, or none that can run. Plain data in, moves out.
import type { NodeReadiness, Node } from "./graph.ts";
import { carryOn, checkGraph } from "./graph.ts";
import { followed, nodeOf } from "./decide.ts";
import type { Decision, RunView } from "./decide.ts";
import type { Millis, RunId } from "../ids.ts";
import type { Move } from "../job/job.ts";
import { create, refuseNew } from "../job/job.ts";
import { runJobsMax } from "../limits.ts";
import type { Result } from "../refusal.ts";
import { accept, assert, refuse } from "../refusal.ts";
import type { Run } from "./run.ts";
import { createRun, tally } from "./run.ts";
import type { Cause, JobRequest, RepositorySettings, Submission } from "../job/submission.ts";
import { resolveSource, resolveSpec } from "../job/submission.ts";
import { isForks } from "../job/secret-terms.ts";

/** [D1] A submission is accepted whole or not at all. `number` is the next in its repository. */
export function decideSubmit(
	{ id, number, submission }: { id: RunId; number: number; submission: Submission },
	settings: RepositorySettings,
	now: Millis,
): Result<Decision> {
	if (settings.draining) return refuse({ code: "repository-draining" });
	const source = resolveSource(submission.source, settings);
	if (source === undefined) return refuse({ code: "clone-url-missing" });
	const resolved = { ...submission, source, fork: isForks({ ...submission, source }, settings) };
	const cause: Cause = { by: "submit", actor: submission.actor, reason: null, at: now };
	const run = createRun(id, number, resolved, now);
	return append({ run, known: new Map() }, submission.jobs, settings, cause);
}

/**
 * [Y4] A run that was accepted and cannot be run any more: it is there with all its jobs, finished, and says why. A retry runs
 * it once that has gone.
 */
export function decideRefused(
	{ id, number, submission }: { id: RunId; number: number; submission: Submission },
	settings: RepositorySettings,
	{ reason, acceptedAt, now }: { reason: string; acceptedAt: Millis; now: Millis },
): Result<Decision> {
	const source = resolveSource(submission.source, settings) ?? submission.source ?? null;
	const cause: Cause = { by: "submit", actor: submission.actor, reason: null, at: acceptedAt };
	const fork = isForks({ ...submission, source }, settings);
	const run = createRun(id, number, { ...submission, source, fork }, acceptedAt);
	const made = append({ run, known: new Map() }, submission.jobs, settings, cause);
	if (!made.ok) return made;
	const moves = made.value.moves.map(({ after }) => {
		assert(after.state === "blocked" || after.state === "waiting", "a new job is blocked or waits");
		return refuseNew(after, reason, now);
	});
	return accept({ run: tally({ ...run, refusal: reason }, moves, now), moves });
}

/**
 * [D2] Jobs may be added while the run is unfinished; they may need jobs that are there already, whatever their state.
 * [D15] A run that was canceled takes none until a retry has lifted the cancel.
 */
export function decideAddJobs(
	view: RunView,
	jobs: JobRequest[],
	settings: RepositorySettings,
	cause: Cause,
): Result<Decision> {
	const { run } = view;
	if (run.state === "finished") return refuse({ code: "run-finished" });
	// While its last jobs stop, one of them, or somebody who has not heard of it, may still want more.
	if (run.cancel !== null) return refuse({ code: run.supersededBy === null ? "run-canceled" : "run-superseded" });
	if (run.jobs + jobs.length > runJobsMax) return refuse({ code: "run-jobs-max", max: runJobsMax });
	const added = append({ run, known: view.keys() }, jobs, settings, cause);
	if (!added.ok) return added;
	const nodes = view.nodes();
	const needed = new Set<number>();
	for (const { after } of added.value.moves) {
		nodes.set(after.index, nodeOf(after));
		for (const need of after.needs) needed.add(need);
	}
	const moves: Move[] = [];
	for (const index of needed) {
		const job = view.job(index);
		if (job && !job.needed) moves.push({ before: job, after: { ...job, needed: true } });
	}
	// Their needs may have ended already, and one that is skipped at once may be needed by another, in whatever order they stand.
	const found = new Map(carryOn(nodes, [...needed]).map((next) => [next.index, next.readiness]));
	for (const move of added.value.moves) {
		moves.push(placed(move, found.get(move.after.index) ?? "open", { nodes, now: cause.at }));
	}
	return accept({ run: tally(run, moves, cause.at), moves });
}

/** A new job whose needs have ended already waits, or is skipped, at once. */
function placed(
	move: Move,
	found: NodeReadiness,
	{ nodes, now }: { nodes: ReadonlyMap<number, Node>; now: Millis },
): Move {
	const { after } = move;
	if (after.state !== "blocked" || found === "open") return move;
	return { before: null, after: followed(after, found, { nodes, now }).after };
}

/** `known` are the places of the jobs that the run has, by key. */
function append(
	{ run, known }: { run: Run; known: ReadonlyMap<string, number> },
	jobs: JobRequest[],
	settings: RepositorySettings,
	cause: Cause,
): Result<Decision> {
	const specs = jobs.map((job) => resolveSpec(job, settings.defaults));
	// As they were asked for: a spec names each need once, and a fault names the place that its caller wrote.
	const faults = checkGraph(
		jobs.map(({ key, needs = [] }) => ({ key, needs })),
		known,
	);
	if (faults.length > 0) return refuse({ code: "graph-invalid", faults });
	const places = new Map(known);
	specs.forEach((spec, at) => {
		places.set(spec.key, run.jobs + at);
	});
	const needed = new Set(specs.flatMap((spec) => spec.needs));
	const moves = specs.map((spec, at): Move => {
		const needs = spec.needs.map((key) => places.get(key) ?? -1);
		return {
			before: null,
			after: create(
				{
					run: run.id,
					index: run.jobs + at,
					spec,
					needs,
					needed: needed.has(spec.key),
					ref: run.source?.ref ?? null,
					actor: run.actor,
					cause,
				},
				cause.at,
			),
		};
	});
	return accept({ run: tally(run, moves, cause.at), moves });
}
