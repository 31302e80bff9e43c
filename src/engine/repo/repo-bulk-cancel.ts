// Cancels many unfinished jobs of a repository at once: a bounded look at those that are open, then one decision for each run. The
// statement here only reads.
import type { BulkCancel } from "../../contracts/http/bulk-cancel.ts";
import type { BulkCancelCall } from "../../contracts/objects/objects.ts";
import { decideCancelJobs } from "../../domain/run/decide.ts";
import { parseJobId } from "../../domain/ids.ts";
import { bulkCancelMax } from "../../domain/limits.ts";
import type { Result } from "../../domain/refusal.ts";
import { accept } from "../../domain/refusal.ts";
import type { Sql } from "../ports.ts";
import type { RepoQueue } from "./repo-queue.ts";

/** [B19] [B20] Looks and cancels in one turn, so that what was found is what is canceled. */
export function cancelMatching(queue: RepoQueue, call: BulkCancelCall): Result<BulkCancel> {
	const { actor, reason, dryRun } = call;
	const found = findJobs(queue.sql, call);
	if (dryRun) return accept({ ...found, canceled: 0, dryRun });
	queue.transact(() => {
		const wish = { actor, reason, at: queue.now() };
		for (const [run, items] of Map.groupBy(found.items, (item) => item.run)) {
			const indexes = items.flatMap(({ job }) => parseJobId(job)?.index ?? []);
			queue.onRun(run, (view) => accept(decideCancelJobs(view, indexes, wish)));
		}
	});
	return accept({ ...found, canceled: found.items.length, dryRun });
}

/** All open jobs are passed over, by the index of those. */
function findJobs(sql: Sql, { state, label, ref }: BulkCancelCall): Pick<BulkCancel, "items" | "truncated"> {
	const items = sql
		.exec<BulkCancel["items"][number]>(
			`SELECT doc ->> 'id' AS job, run, doc ->> '$.spec.key' AS key, state FROM job
				WHERE open = 1 AND state IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR ref = ?2)
				AND (?3 IS NULL OR ?3 IN (SELECT value FROM json_each(doc, '$.spec.labels'))) ORDER BY run, place LIMIT ?4`,
			JSON.stringify(state),
			ref,
			label,
			bulkCancelMax + 1,
		)
		.toArray();
	return { items: items.slice(0, bulkCancelMax), truncated: items.length > bulkCancelMax };
}
