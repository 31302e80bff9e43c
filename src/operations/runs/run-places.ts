// Which run or job a name means. People know a run by its number and a job by its key, programs by their ids: each works wherever
// the other does. Names are looked up in the repository's own object, so that they work without the read model.
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { JobId, RunId, RunName } from "../../domain/ids.ts";
import { parseJobId } from "../../domain/ids.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { Ports } from "../ports.ts";

/** `run` null: the job is called by its id alone. In a run, what is no id of a job in that very run is a key. */
export interface JobName {
	run: RunName | null;
	job: string;
}

export async function locateRun(
	ports: Pick<Ports, "repo">,
	repository: RepositoryName,
	name: RunName,
): Promise<Result<RunId>> {
	if (typeof name === "object" && "id" in name) return accept(name.id);
	const found = await ports.repo(repository).locate({ run: name, job: null });
	return found.ok ? accept(found.value.run) : found;
}

export async function locateJob(
	ports: Pick<Ports, "repo" | "archivedRun">,
	repository: RepositoryName,
	{ run, job }: JobName,
): Promise<Result<JobId>> {
	const own = parseJobId(job);
	if (run === null) return own === null ? refuse({ code: "job-unknown" }) : accept(job);
	if (own !== null && typeof run === "object" && "id" in run && run.id === own.run) return accept(job);
	const found = await ports.repo(repository).locate({ run, job });
	if (!found.ok) return found;
	if (found.value.job !== null) return accept(found.value.job);
	return locateArchived(ports, repository, { run: found.value.run, job });
}

/** As `RepoCalls.locate` does it, for a run in the archive. */
async function locateArchived(
	ports: Pick<Ports, "archivedRun">,
	repository: RepositoryName,
	{ run, job }: { run: RunId; job: string },
): Promise<Result<JobId>> {
	const jobs = (await ports.archivedRun(repository, run))?.jobs ?? [];
	const found = jobs.find(({ id }) => id === job) ?? jobs.find(({ key }) => key === job);
	return found ? accept(found.id) : refuse({ code: "job-unknown" });
}
