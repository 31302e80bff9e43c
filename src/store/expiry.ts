// The end of runs in the read model, when nothing else is left of them either.
import { sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { RunId } from "../domain/ids.ts";
import { jobIdFrom } from "../domain/ids.ts";

/** Rows of one statement, and statements of one call: a database that is kept busy for long keeps everybody waiting. */
const limits = { rowsMax: 5_000, statementsMax: 10 };

/** Jobs first, so that an end in the middle is found again by the run. False: there is more, call again. */
export async function forgetRuns(
	db: DrizzleD1Database,
	runs: readonly RunId[],
	{ rowsMax, statementsMax } = limits,
): Promise<boolean> {
	// Jobs have no index by run; their ids begin with it.
	const prefixes = JSON.stringify(runs.map((run) => jobIdFrom(run, 0).slice(0, -"-0".length)));
	for (let statement = 0; statement < statementsMax; statement++) {
		const { meta } = await db.run(sql`DELETE FROM job WHERE id IN (
			SELECT job.id FROM json_each(${prefixes}) AS prefix CROSS JOIN job
			WHERE job.id > prefix.value || '-' AND job.id < prefix.value || '.' LIMIT ${rowsMax})`);
		if (meta.changes < rowsMax) {
			await db.run(sql`DELETE FROM run WHERE id IN (SELECT value FROM json_each(${JSON.stringify(runs)}))`);
			return true;
		}
	}
	return false;
}
