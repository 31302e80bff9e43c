// What a rebuild of the read model asks of a repository: which runs there are, here or in the archive, and how those here are now.
// Reads alone, a bounded slice a call, without a turn: what changes meanwhile is told to the read model as any change is.
import type { Projectable, RunIds } from "../../../contracts/objects/projectable.ts";
import { viewRepository, viewRun } from "../../../contracts/wire/view.ts";
import type { RunId } from "../../../domain/ids.ts";
import type { RepoQueue } from "../repo-queue.ts";

/** By id, from one on: the runs here, and those that can be read in the archive. */
export function listRunIds(queue: RepoQueue, { from, limit }: { from: RunId; limit: number }): RunIds {
	const rows = queue.sql
		.exec<{ id: string; archived: number }>(
			`SELECT id, 0 AS archived FROM run WHERE id >= ?1
			UNION ALL SELECT run, 1 FROM tombstone WHERE run >= ?1 AND expires_at > ?2 ORDER BY 1 LIMIT ?3`,
			from,
			queue.now(),
			limit + 1,
		)
		.toArray();
	const runs = rows.slice(0, limit).map(({ id, archived }) => ({ id, isArchived: archived === 1 }));
	return { runs, next: rows[limit]?.id ?? null };
}

/** Of these runs, those that are here, as they are at this moment. */
export function showProjectable(queue: RepoQueue, ids: readonly RunId[]): Projectable | null {
	const { repository } = queue;
	if (repository === null) return null;
	const { owner, repo, settings } = repository;
	const runs = ids.flatMap((id) => {
		const run = queue.run(id);
		return run === null ? [] : [viewRun(run)];
	});
	return { repository: viewRepository({ owner, repo }, settings), at: queue.now(), runs };
}

/** Of these runs, those that are neither here nor in the archive. */
export function absentRuns(queue: RepoQueue, ids: readonly RunId[]): RunId[] {
	if (queue.repository === null) return [...ids];
	return ids.filter((id) => queue.run(id) === null && !queue.tombstones.isArchived(id, queue.now()));
}
