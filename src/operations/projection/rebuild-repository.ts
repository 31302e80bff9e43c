// The rebuild of what the read model shows of one repository, from the repository's object and the archive, a bounded slice a call.
// First each run that there is, in the order of the ids: its row is compared, and written where it is not right. Then each row
// that there is, in the order of the lists: where no run belongs to it, it goes.
//
// It may run beside traffic, because each slice reads the rows before the truth and replaces a row only as it was read. A row
// that is newer than the truth that was read after it is false, and one that changed meanwhile was told by the repository itself.
import type { Projectable } from "../../contracts/objects/projectable.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Run } from "../../contracts/http/run.ts";
import type { RunId } from "../../domain/ids.ts";
import type { Ports } from "../ports.ts";

/** Runs compared in one call; of these, at most so many whole documents of the archive are read. */
const runsMax = 200;
const archivedMax = 20;
/** Rows looked at in one call. */
const rowsMax = 1_000;
/** At once from the archive: on one machine each is a file, on Cloudflare a connection of six. */
const readsAtOnce = 5;

export type RebuildPorts = Pick<Ports, "repo" | "archivedRun" | "projectionRows" | "now">;

export interface Rebuilt {
	/** Rows that were as they should be, that were missing or wrong, and that nothing belonged to. */
	right: number;
	written: number;
	removed: number;
	/** Where the next call goes on; null: all is done. */
	next: string | null;
}

/** `cursor` null: from the beginning. Begun anew at any point, it does the same again. */
export async function rebuildSlice(ports: RebuildPorts, name: RepositoryName, cursor: string | null): Promise<Rebuilt> {
	const [step, ...place] = (cursor ?? "runs").split(" ");
	const [at, id = ""] = place;
	if (step === "rows") return removeRows(ports, name, at === undefined ? null : { createdAt: Number(at), id });
	return writeRuns(ports, name, at ?? "");
}

async function writeRuns(ports: RebuildPorts, name: RepositoryName, from: RunId): Promise<Rebuilt> {
	const { projectionRows } = ports;
	const repo = ports.repo(name);
	const isFirst = from === "";
	const repositoryRow = isFirst ? await projectionRows.repository(name) : null;
	const { ids, archived, next } = cut(await repo.runIds({ from, limit: runsMax }));
	const rows = await projectionRows.runs(name, ids);
	const shown = await repo.projectable(ids);
	const done = { right: 0, written: 0, removed: 0 };
	if (isFirst) add(done, await writeRepository(ports, name, shown, repositoryRow));
	const runs = [...(shown?.runs ?? []), ...(await readArchived(ports, name, archived))];
	const wrong = runs.filter((run) => !rows.isRight(run)).map((run) => ({ run, seen: rows.version(run.id) }));
	await projectionRows.writeRuns(name, wrong);
	// A run may have gone, with its row, while its own row was on its way.
	const gone = new Set(wrong.length > 0 ? await repo.absentRuns(wrong.map(({ run }) => run.id)) : []);
	await projectionRows.deleteRuns(wrong.filter(({ run }) => gone.has(run.id)).map(({ run }) => run));
	add(done, { right: runs.length - wrong.length, written: wrong.length - gone.size });
	return { ...done, next: next === null ? "rows" : `runs ${next}` };
}

/** No more of the archive than one call may read. */
function cut({ runs, next }: { runs: { id: RunId; isArchived: boolean }[]; next: RunId | null }) {
	const archived = runs.filter(({ isArchived }) => isArchived);
	const beyond = archived[archivedMax];
	const kept = beyond ? runs.slice(0, runs.indexOf(beyond)) : runs;
	return {
		ids: kept.map(({ id }) => id),
		archived: kept.filter(({ isArchived }) => isArchived).map(({ id }) => id),
		next: beyond?.id ?? next,
	};
}

/** Without their jobs. One that is not in the archive any more came back, and tells itself, or has expired. */
async function readArchived(ports: RebuildPorts, name: RepositoryName, ids: readonly RunId[]): Promise<Run[]> {
	const found: Run[] = [];
	for (let from = 0; from < ids.length; from += readsAtOnce) {
		const read = ids.slice(from, from + readsAtOnce).map((id) => ports.archivedRun(name, id));
		for (const archived of await Promise.all(read)) {
			if (archived === null) continue;
			const { jobs: _, ...run } = archived;
			found.push(run);
		}
	}
	return found;
}

async function writeRepository(
	{ projectionRows }: RebuildPorts,
	name: RepositoryName,
	shown: Projectable | null,
	row: { version: number; doc: string } | null,
): Promise<Partial<Rebuilt>> {
	if (shown === null) {
		if (row !== null) await projectionRows.writeRepository(name, { repository: null, at: 0, seen: row.version });
		return { removed: row === null ? 0 : 1 };
	}
	const { repository, at } = shown;
	if (row && row.doc === JSON.stringify(repository) && row.version <= at) return { right: 1 };
	// A change of this very millisecond is told as of it, and is to win.
	await projectionRows.writeRepository(name, { repository, at: at - 1, seen: row?.version ?? null });
	return { written: 1 };
}

async function removeRows(
	{ repo, projectionRows }: RebuildPorts,
	name: RepositoryName,
	after: { createdAt: number; id: RunId } | null,
): Promise<Rebuilt> {
	const rows = await projectionRows.places(name, { after, limit: rowsMax });
	const gone = new Set(rows.length > 0 ? await repo(name).absentRuns(rows.map(({ id }) => id)) : []);
	await projectionRows.deleteRuns(rows.filter(({ id }) => gone.has(id)));
	const last = rows.at(-1);
	const next = rows.length < rowsMax || !last ? null : `rows ${last.createdAt} ${last.id}`;
	return { right: 0, written: 0, removed: gone.size, next };
}

function add(done: { right: number; written: number; removed: number }, more: Partial<Rebuilt>): void {
	done.right += more.right ?? 0;
	done.written += more.written ?? 0;
	done.removed += more.removed ?? 0;
}
