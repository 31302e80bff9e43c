// The end of runs in the read model, when nothing else is left of them either.
import { sql } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { RunId } from "../domain/ids.ts";

export async function forgetRuns(db: DrizzleD1Database, runs: readonly RunId[]): Promise<void> {
	await db.run(sql`DELETE FROM run WHERE id IN (SELECT value FROM json_each(${JSON.stringify(runs)}))`);
}
