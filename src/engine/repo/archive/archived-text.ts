// A run in the archive as text: one JSON document with each job and each attempt on a line of its own, so that it is written and
// read in slices, between which others on the thread have their turn. What was stored before has no line break and is read whole.
import type { ArchivedRun } from "../../../contracts/wire/view.ts";
import { sliceJobs } from "../../../domain/limits.ts";

export type GiveWay = () => Promise<void>;

/** A line of its own, by which the jobs end. No row is written like that, as each begins with a brace and has no line break. */
const between = '],"attempts":[';
const end = "]}";

/** Whole it is valid JSON too, so that any tool reads what is in the archive. */
export async function writeArchived({ run, jobs, attempts }: ArchivedRun, giveWay: GiveWay): Promise<string> {
	const head = `{"run":${JSON.stringify(run)},"jobs":[`;
	return [head, await linesOf(jobs, giveWay), between, await linesOf(attempts, giveWay), end].join("\n");
}

async function linesOf(rows: readonly object[], giveWay: GiveWay): Promise<string> {
	const lines: string[] = [];
	for (const row of rows) {
		lines.push(JSON.stringify(row));
		if (lines.length % sliceJobs === 0) await giveWay();
	}
	return lines.join(",\n");
}

export async function parseArchived(text: string, giveWay: GiveWay): Promise<ArchivedRun> {
	let from = text.indexOf("\n") + 1;
	// Without a line break: of a version that wrote no lines.
	if (from === 0) return JSON.parse(text);
	// The run's own fields, and two empty lists for the rows that come.
	const archived: ArchivedRun = JSON.parse(`${text.slice(0, from)}],"attempts":[]}`);
	let rows: object[] = archived.jobs;
	let count = 0;
	for (let to = text.indexOf("\n", from); to >= 0; from = to + 1, to = text.indexOf("\n", from)) {
		const line = text.slice(from, to);
		if (line === between) rows = archived.attempts;
		else if (line !== "") rows.push(JSON.parse(line.endsWith(",") ? line.slice(0, -1) : line));
		if (++count % sliceJobs === 0) await giveWay();
	}
	return archived;
}
