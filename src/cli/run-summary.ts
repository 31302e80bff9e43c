// A run and its jobs as a table: how it stands, or how it ended.
import type { Job, Run } from "../contracts/http/run.ts";
import type { Paint } from "./terminal/paint.ts";
import { spansText, spanText } from "./terminal/span.ts";
import type { Column } from "./terminal/table.ts";
import { table } from "./terminal/table.ts";
import { waitingText } from "./waiting-text.ts";

export function runSummary(run: Run, paint: Paint): string {
	const rows = (run.jobs ?? []).map((job) => jobRow(job, paint));
	const jobs = rows.length === 0 ? [] : [table([headings.map(paint.faint), ...rows])];
	return [...jobs, `${runTitle(run)} ${standing(run, paint)}`].join("\n");
}

export function runTitle({ id, number, title, fork = false }: Run): string {
	const named = `run ${number === null ? id : `#${number} ${id}`}${title === null ? "" : ` "${title}"`}`;
	return fork ? `${named} of a fork` : named;
}

export function standing({ state, outcome, startedAt, finishedAt, reason, round }: Run, paint: Paint): string {
	const span = spanText(startedAt, finishedAt, Date.now());
	const why = reason === null ? "" : `: ${reason}`;
	// From the first start to the last end: the gap before a retry is in it.
	const rounds = round === 1 ? "" : ` over ${round} rounds`;
	return `${outcome === null ? state : paint.outcome(outcome)}${span === "" ? "" : ` in ${span}${rounds}`}${why}`;
}

const headings = ["job", "outcome", "attempts", "time", "runner", "why"];

/** Of `jobRow`, in its order. */
export const jobColumns: Column[] = [
	{ heading: "job", least: 16 },
	{ heading: "outcome" },
	{ heading: "attempts", dropAt: 3 },
	{ heading: "time" },
	{ heading: "runner", dropAt: 2, least: 10 },
	{ heading: "why", least: 20 },
];

export function jobRow(job: Job, paint: Paint): string[] {
	const last = job.attempts.at(-1);
	return [
		job.key,
		job.outcome === null ? job.state : paint.outcome(job.outcome),
		job.attempts.length === 0 ? "" : String(job.attempts.length),
		spansText(job.attempts, Date.now()),
		last?.runner.name ?? "",
		whyOf(job),
	];
}

/** What somebody would ask next about the job. */
function whyOf(job: Job): string {
	if (job.waiting !== null) return waitingText(job.waiting, Date.now());
	if (job.outcome === "passed") return job.attempts.slice(0, -1).map(endText).join(", then ");
	return job.reason ?? job.attempts.at(-1)?.reason ?? "";
}

function endText({ outcome, exitCode }: Job["attempts"][number]): string {
	return `${outcome}${exitCode === null || exitCode === 0 ? "" : ` with ${exitCode}`}`;
}
