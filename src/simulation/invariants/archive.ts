// What leaves for the archive is what was here, and what comes back is what left. [T30]
import type { Job } from "../../domain/job/job.ts";
import type { RunId } from "../../domain/ids.ts";
import type { Run } from "../../domain/run/run.ts";
import type { Facts, Stored } from "../facts.ts";

/** What no retry changes of a run. */
const lasting = ["id", "number", "title", "source", "trigger", "actor", "jobs", "createdAt", "startedAt"] as const;

/** The alarm takes a run away and ends none of its jobs: a run that ended a week ago has nothing left that could end. */
export function leavesAsItWas({ before, after }: Facts): string | null {
	for (const id of after.texts.archived) {
		if (before.texts.archived.has(id)) continue;
		for (const job of jobsOf(before, id)) {
			if (before.texts.jobs.get(job.id) !== after.texts.jobs.get(job.id))
				return `job ${job.id} was archived otherwise than it was`;
		}
	}
	return null;
}

/** Only a retry brings a run back. The jobs that it does not move are as they were, and all attempts with what became of their logs. */
export function comesBackAsItWas({ command, before, after }: Facts): string | null {
	for (const id of before.texts.archived) {
		if (after.texts.archived.has(id) || !after.runs.has(id)) continue;
		if (command.do !== "retry-run" && command.do !== "retry-job") return `run ${id} was brought back by ${command.do}`;
		const [left, back] = [before.runs.get(id), after.runs.get(id)];
		const lost = lasting.find((field) => textOf(left, field) !== textOf(back, field));
		if (lost !== undefined) return `run ${id} came back with another ${lost}`;
		for (const job of jobsOf(before, id)) {
			const wrong = differenceOf(job, after.jobs.get(job.id) ?? null);
			if (wrong !== null) return `job ${job.id} came back ${wrong}`;
		}
	}
	for (const [key, log] of before.texts.logs) {
		const run = before.jobs.get(before.attempts.get(key)?.job ?? "")?.run ?? "";
		if (before.texts.archived.has(run) && after.texts.logs.get(key) !== log)
			return `the log of attempt ${key} came back otherwise`;
	}
	return null;
}

function differenceOf(left: Job, back: Job | null): string | null {
	if (back === null) return "as none";
	if (back.state === "finished")
		return JSON.stringify(left) === JSON.stringify(back) ? null : "finished, and otherwise";
	const isSame = left.epoch === back.epoch && left.attempts === back.attempts && left.createdAt === back.createdAt;
	return isSame && JSON.stringify(left.spec) === JSON.stringify(back.spec) ? null : "with another past";
}

function jobsOf({ jobs }: Stored, run: RunId): Job[] {
	return [...jobs.values()].filter((job) => job.run === run);
}

function textOf(run: Run | undefined, field: (typeof lasting)[number]): string {
	return JSON.stringify(run?.[field]);
}
