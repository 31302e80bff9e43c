// Which run, and which job of it, the names that people use stand for.
import type { RepoCalls } from "../../../contracts/objects/objects.ts";
import type { RunId, RunName } from "../../../domain/ids.ts";
import { jobIdFrom, parseJobId } from "../../../domain/ids.ts";
import { accept, refuse } from "../../../domain/refusal.ts";
import type { RepoQueue } from "../repo-queue.ts";

type Located = Awaited<ReturnType<RepoCalls["locate"]>>;

/** A repository is known. */
export function locate(queue: RepoQueue, { run: name, job }: { run: RunName; job: string | null }): Located {
	const run = runNamed(queue, name);
	if (run === null) return refuse({ code: "run-unknown" });
	// An archived run is found by its name, and its jobs by whoever reads it there.
	if (queue.run(run) === null) {
		const unknown = queue.unknownRun(run);
		return unknown.refusal.code === "run-archived" ? accept({ run, job: null }) : unknown;
	}
	// An id of this run is never taken for a key, so that whoever has the id gets that very job.
	if (job === null || parseJobId(job)?.run === run) return accept({ run, job });
	const place = queue.tables.placeOf(run, job);
	return place === null ? refuse({ code: "job-unknown" }) : accept({ run, job: jobIdFrom(run, place) });
}

function runNamed(queue: RepoQueue, name: RunName): RunId | null {
	if (typeof name === "object" && "id" in name) return name.id;
	const newest = queue.counters.nextNumber - 1;
	const number = name === "latest" ? newest : name.number;
	if (number < 1 || number > newest) return null;
	// The newest stand in the repository's own row; of older ones one row holds 64.
	return queue.tables.row.recentRuns()[newest - number] ?? queue.numbers.find(number);
}
