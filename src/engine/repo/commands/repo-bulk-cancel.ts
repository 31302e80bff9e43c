// Cancels many unfinished jobs of a repository at once: a look at all of them in memory, then one decision for each run. The
// statement here only reads.
import type { BulkCancel } from "../../../contracts/http/bulk-cancel.ts";
import type { BulkCancelCall } from "../../../contracts/objects/objects.ts";
import { decideCancelJobs } from "../../../domain/run/decide.ts";
import { parseJobId } from "../../../domain/ids.ts";
import type { RunId } from "../../../domain/ids.ts";
import { bulkCancelMax } from "../../../domain/limits.ts";
import type { Result } from "../../../domain/refusal.ts";
import { accept } from "../../../domain/refusal.ts";
import type { Sql } from "../../ports.ts";
import type { RepoQueue } from "../repo-queue.ts";

/** [B19] [B20] Looks and cancels in one turn, so that what was found is what is canceled. */
export function writeBulkCancel(queue: RepoQueue, call: BulkCancelCall): Result<BulkCancel> {
	const { actor, reason, dryRun } = call;
	const found = findJobs(queue, call);
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

/** [W93] All unfinished jobs are passed over in memory; only those that are taken are read, for their keys. */
function findJobs(queue: RepoQueue, { state, label, ref }: BulkCancelCall): Pick<BulkCancel, "items" | "truncated"> {
	// In the order of their ids, so that a dry run names the very jobs that the call after it takes; and one more than may
	// be taken, by which it is known that there are more.
	const matching = queue.standing.matching({ states: new Set(state), label, ref });
	const items: BulkCancel["items"] = [];
	for (const [run, places] of [...Map.groupBy(matching, (place) => place.run)].sort(([a], [b]) => (a < b ? -1 : 1))) {
		const indexes = places.map(({ index }) => index).sort((a, b) => a - b);
		items.push(...readItems(queue.sql, run, indexes.slice(0, bulkCancelMax + 1 - items.length)));
		if (items.length > bulkCancelMax) return { items: items.slice(0, bulkCancelMax), truncated: true };
	}
	return { items, truncated: false };
}

function readItems(sql: Sql, run: RunId, indexes: readonly number[]): BulkCancel["items"] {
	const named = `SELECT doc ->> 'id' AS job, run, doc ->> '$.spec.key' AS key, state FROM job
		WHERE run = ? AND place IN (SELECT value FROM json_each(?)) ORDER BY place`;
	return sql.exec<BulkCancel["items"][number]>(named, run, JSON.stringify(indexes)).toArray();
}
