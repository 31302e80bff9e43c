// A run that is only in the intake, as everybody is shown it. Its ids are those that its repository will give it; what the
// repository's settings would fill in is shown by the product's own defaults, since nobody can be asked.
import type { Cancel } from "../../domain/job/job.ts";
import { settingsDefaults } from "../../domain/job/submission.ts";
import type { Result } from "../../domain/refusal.ts";
import { accept } from "../../domain/refusal.ts";
import { decideRefused, decideSubmit } from "../../domain/run/decide-submit.ts";
import type { SpilledRun } from "../objects/intake.ts";
import type { Run } from "../http/run.ts";
import { viewJob, viewRun } from "./view.ts";

/** As many as a run shows with itself. */
const jobsShown = 1_000;
/** In place of the repository's own, where the submission names none: so that a source without one is no fault yet. */
const unknownCloneUrl = "";

/** Refuses needs that form no graph: whatever the repository says, that will not do. */
export function viewSpilled(
	{ run, submission, acceptedAt, refused }: SpilledRun,
	canceled: Cancel | null,
): Result<Run> {
	const settings = { ...settingsDefaults, cloneUrl: unknownCloneUrl };
	const asked = { id: run, number: 0, submission };
	const decided = refused
		? decideRefused(asked, settings, { reason: refused.reason, acceptedAt, now: refused.at })
		: decideSubmit(asked, settings, acceptedAt);
	if (!decided.ok) return decided;
	const jobs = decided.value.moves.slice(0, jobsShown).map(({ after }) => viewJob(after, [], null));
	const shown = viewRun(decided.value.run, jobs);
	const reason = refused?.reason ?? (canceled && (canceled.reason ?? "canceled before its repository had it"));
	const source = submission.source ?? null;
	return accept({ ...shown, number: null, spilled: true, version: 0, source, reason });
}
