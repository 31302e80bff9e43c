// Retries many finished jobs of a repository at once: a bounded look at its newest runs, then one decision for each run. The
// statements here only read.
import type { BulkRetryCall } from "../../../contracts/objects/objects.ts";
import type { BulkRetry } from "../../../contracts/http/bulk-retry.ts";
import { decideRetryJobs } from "../../../domain/run/decide.ts";
import { parseJobId } from "../../../domain/ids.ts";
import type { FinishedJob } from "../../../domain/job/job.ts";
import { bulkRetryMax, bulkRowsMax, bulkRunsMax, bulkTombstonesMax } from "../../../domain/limits.ts";
import type { Result } from "../../../domain/refusal.ts";
import { accept } from "../../../domain/refusal.ts";
import type { Sql } from "../../ports.ts";
import { hotMs } from "../archive/repo-archive.ts";
import { once } from "./once.ts";
import type { RepoQueue } from "../repo-queue.ts";

type Found = Pick<BulkRetry, "items" | "truncated" | "archived">;

/** [B1] [B2] Looks and retries in one turn, so that what was found is what is retried. */
export function writeBulkRetry(queue: RepoQueue, call: BulkRetryCall): Result<BulkRetry & Replay> {
	const { key, actor, reason, dryRun, outcome, since, label, ref } = call;
	// Field by field: the digest of a key is made of it, and the same call made again has another deadline.
	const filter = { outcome, since, label, ref };
	const found = { ...findJobs(queue.sql, filter), archived: countArchived(queue.sql, filter, queue.now()) };
	if (dryRun) return accept({ ...found, retried: 0, dryRun, replayed: false });
	const act = () => {
		const cause = { by: "user", actor, reason, at: queue.now() } as const;
		const byRun = Map.groupBy(found.items, ({ run }) => run);
		for (const [run, items] of byRun) {
			const indexes = items.flatMap(({ job }) => parseJobId(job)?.index ?? []);
			const decided = queue.onRun(run, (view) => decideRetryJobs(view, indexes, cause));
			if (!decided.ok) return decided;
		}
		// Once for all of them: a limit that they pass together takes all of them back.
		return queue.limits.refuseMoves();
	};
	// What was retried is remembered with the key: a replay could not find it again.
	const done = once(
		queue,
		{ key, digest: JSON.stringify(["retry-matching", filter, reason]), subject: JSON.stringify(found) },
		act,
	);
	if (!done.ok) return done;
	const { earlier } = done.value;
	const shown: Found = earlier === null ? found : JSON.parse(earlier);
	return accept({ ...shown, retried: shown.items.length, dryRun, replayed: earlier !== null });
}

interface Replay {
	replayed: boolean;
}

type Filter = Pick<BulkRetryCall, "outcome" | "since" | "label" | "ref">;

/**
 * Newest runs first. Runs have no index by age, since a row more for each costs every submission and this is asked for rarely:
 * all runs of the hot week are passed over, without their documents. A run that a newer one superseded is left alone.
 */
function findJobs(sql: Sql, { outcome, since, label, ref }: Filter): Omit<Found, "archived"> {
	const runs = sql
		.exec<{ id: string }>(
			`SELECT id FROM run WHERE (?1 IS NULL OR ref = ?1) AND (finished_at IS NULL OR finished_at >= ?2)
				AND doc ->> 'supersededBy' IS NULL ORDER BY doc ->> 'number' DESC LIMIT ?3`,
			ref,
			since ?? 0,
			bulkRunsMax + 1,
		)
		.toArray();
	const items: BulkRetry["items"] = [];
	let rowsLeft = bulkRowsMax;
	for (const { id } of runs.slice(0, bulkRunsMax)) {
		const rows = sql.exec<{ doc: string }>(
			`SELECT doc FROM job WHERE run = ?1 AND state = 'finished' AND doc ->> 'finishedAt' >= ?2
				AND doc ->> 'outcome' IN (SELECT value FROM json_each(?3))
				AND (?4 IS NULL OR ?4 IN (SELECT value FROM json_each(doc, '$.spec.labels'))) ORDER BY place LIMIT ?5`,
			id,
			since ?? 0,
			JSON.stringify(outcome),
			label,
			bulkRetryMax + 1 - items.length,
		);
		for (const { doc } of rows) items.push(viewItem(JSON.parse(doc)));
		rowsLeft -= rows.rowsRead;
		if (items.length > bulkRetryMax) return { items: items.slice(0, bulkRetryMax), truncated: true };
		if (rowsLeft < 0) return { items, truncated: true };
	}
	return { items, truncated: runs.length > bulkRunsMax };
}

/**
 * [B18] Whoever asks for what failed in a month must hear that most of a month is in the archive. Tombstones are looked at
 * only when somebody asks that far back, and so many that the object is not held up; beyond them there are more than is said.
 * When its jobs ended is not known of each, so the run's end counts.
 */
function countArchived(sql: Sql, { outcome, since, label, ref }: Filter, now: number): number {
	if (since !== null && since > now - hotMs) return 0;
	const counted = sql.exec<{ n: number | null }>(
		`SELECT SUM(ended.value ->> 2) AS n FROM
				(SELECT ends FROM tombstone WHERE finished_at >= ?1 AND (?2 IS NULL OR ref = ?2) LIMIT ?5) AS old,
				json_each(old.ends) AS ended
			WHERE ended.value ->> 0 IN (SELECT value FROM json_each(?3))
			AND (?4 IS NULL OR ?4 IN (SELECT value FROM json_each(ended.value, '$[1]')))`,
		since ?? 0,
		ref,
		JSON.stringify(outcome),
		label,
		bulkTombstonesMax,
	);
	return counted.one().n ?? 0;
}

function viewItem({ id, run, spec, outcome }: FinishedJob): BulkRetry["items"][number] {
	return { job: id, run, key: spec.key, outcome: outcome as BulkRetry["items"][number]["outcome"] };
}
