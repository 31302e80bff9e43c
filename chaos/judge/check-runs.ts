// Every accepted submission is one run, which is finished, and whose jobs ended as they had to.
import type { Attempt, Job, Run } from "../../src/contracts/http/run.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { Accepted, Acted } from "../load/submitter.ts";
import type { Ending, Submission } from "../plan/submissions.ts";
import { endingVariable, endOf } from "../plan/submissions.ts";
import type { Violation } from "./violation.ts";

export interface RunEvidence {
	accepted: readonly Accepted[];
	acted: readonly Acted[];
	/** As their repositories have them. */
	runs: ReadonlyMap<RunId, Run>;
	/** What the lists show, whatever it is. */
	listed: readonly Run[];
}

export function checkRuns({ accepted, acted, runs, listed }: RunEvidence): Violation[] {
	return [
		...accepted.flatMap(({ id, submission }) => checkThere(submission, runs.get(id) ?? null, id)),
		...checkOnce(accepted, listed),
		...acted.flatMap((act) => checkActed(act, runs.get(act.run) ?? null)),
		...submissionsOnce(accepted).flatMap(({ submission, id }) => {
			const run = runs.get(id);
			return (run?.jobs ?? []).flatMap((job) => checkJob(submission, job, id));
		}),
	];
}

function checkThere({ key }: Submission, run: Run | null, id: RunId): Violation[] {
	if (run === null) return [{ kind: "lost", run: id, text: `${key} was accepted and is not there` }];
	if (run.state === "finished") return [];
	return [{ kind: "lost", run: id, text: `${key} was accepted and is still ${run.state}` }];
}

function submissionsOnce(accepted: readonly Accepted[]): Accepted[] {
	return [...new Map(accepted.map((one) => [one.submission.key, one])).values()];
}

/** One key, one run; one run, one number; and no run of which nobody knows. */
function checkOnce(accepted: readonly Accepted[], listed: readonly Run[]): Violation[] {
	const found: Violation[] = [];
	const ids = new Map<string, RunId>();
	for (const { submission, id } of accepted) {
		const known = ids.get(submission.key);
		if (known !== undefined && known !== id)
			found.push({ kind: "doubled", run: id, text: `${submission.key} was answered with ${known} and with ${id}` });
		ids.set(submission.key, id);
	}
	const repos = new Map(accepted.map(({ submission, id }) => [id, submission.repo]));
	const numbers = new Map<string, RunId>();
	const titles = new Map<string, RunId>();
	for (const { id, title, number } of new Map(listed.map((run) => [run.id, run])).values()) {
		if (!repos.has(id)) found.push({ kind: "doubled", run: id, text: `${title} is a run that no answer named` });
		const places: [Map<string, RunId>, string][] = [
			[numbers, `${repos.get(id)} #${number}`],
			[titles, `${title}`],
		];
		for (const [names, name] of places) {
			const other = names.get(name);
			if (other !== undefined) found.push({ kind: "doubled", run: id, text: `${name} is ${other} and ${id}` });
			names.set(name, id);
		}
	}
	return found;
}

function checkActed({ act, key, run: id }: Acted, run: Run | null): Violation[] {
	if (!act.startsWith("retry") || run === null || run.round > 1) return [];
	return [{ kind: "lost", run: id, text: `${act} of ${key} was answered, and the run is in its first round` }];
}

function checkJob({ key, request }: Submission, job: Job, run: RunId): Violation[] {
	const ending = (request.jobs.find((one) => one.key === job.key)?.env?.[endingVariable] ?? "passed") as Ending;
	const say = (kind: Violation["kind"], text: string): Violation => ({ kind, run, text: `${key} ${job.key}: ${text}` });
	const found: Violation[] = [];
	if (job.state !== "finished") found.push(say("lost", `it is ${job.state}`));
	for (const [at, attempt] of job.attempts.entries()) {
		const before = job.attempts[at - 1];
		if (attempt.number !== at + 1) found.push(say("doubled", `its attempts are numbered ${numbersOf(job)}`));
		if (attempt.outcome === null) found.push(say("lost", `attempt ${attempt.number} has no end`));
		if (before && isDoubled(before, attempt)) {
			found.push(say("doubled", `attempt ${attempt.number} (by ${attempt.by}) after one that ${before.outcome}`));
		}
		if (before && startOf(attempt) < finishOf(before)) {
			found.push(say("two-leases", `attempt ${attempt.number} began before attempt ${before.number} had ended`));
		}
		if (!endsAsAsked(ending, attempt)) {
			found.push(
				say("doubled", `attempt ${attempt.number} ${attempt.outcome} with ${attempt.exitCode}: no runner did that`),
			);
		}
	}
	return found;
}

/** An attempt after a good end is a person's doing, and one that the platform made follows a loss. */
function isDoubled(before: Attempt, attempt: Attempt): boolean {
	if (attempt.by === "user") return false;
	if (attempt.by === "platform") return before.outcome !== "lost";
	return attempt.by !== "rule" || before.outcome !== "failed";
}

/** What a runner reports is known; a canceled job's report, and a lost one's, depends on the moment. */
function endsAsAsked(ending: Ending, { outcome, number, exitCode }: Attempt): boolean {
	if (outcome !== "passed" && outcome !== "failed") return true;
	const end = endOf(ending, number);
	return outcome === end.outcome && exitCode === end.exitCode;
}

function numbersOf({ attempts }: Job): string {
	return attempts.map(({ number }) => number).join(", ");
}

function startOf({ startedAt }: Attempt): number {
	return Date.parse(startedAt);
}

function finishOf({ finishedAt }: Attempt): number {
	return Date.parse(finishedAt ?? "");
}
