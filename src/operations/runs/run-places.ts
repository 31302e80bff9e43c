// Which run or job a name means. People know a run by its number and a job by its key, programs by their ids: each works wherever
// the other does. Names are looked up in the repository's own object, so that they work without the read model.
import type { Run } from "../../contracts/http/run.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { JobId, RunId, RunName } from "../../domain/ids.ts";
import { parseJobId } from "../../domain/ids.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { Ports } from "../ports.ts";
import { orSpilled } from "../spill/spilled-run.ts";

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

/** In a run that its id names also while it is only in the intake. */
export async function locateJob(
	ports: Pick<Ports, "repo" | "intake" | "archivedRun">,
	repository: RepositoryName,
	{ run, job }: JobName,
): Promise<Result<JobId>> {
	const own = parseJobId(job);
	if (run === null) return own === null ? refuse({ code: "job-unknown" }) : accept(job);
	if (own !== null && typeof run === "object" && "id" in run && run.id === own.run) return accept(job);
	const ask = () => ports.repo(repository).locate({ run, job });
	const isNamed = typeof run === "object" && "id" in run;
	const found = isNamed ? await orSpilled(ports.intake, { ...repository, run: run.id }, ask) : await ask();
	if ("spilled" in found) return jobIn(found.spilled, job);
	if (!found.ok) return found;
	if (found.value.job !== null) return accept(found.value.job);
	return jobIn(await ports.archivedRun(repository, found.value.run), job);
}

/** As `RepoCalls.locate` does it, for a run that its repository does not have, or has no more. */
function jobIn(run: Run | null, job: string): Result<JobId> {
	const jobs = run?.jobs ?? [];
	const found = jobs.find(({ id }) => id === job) ?? jobs.find(({ key }) => key === job);
	return found ? accept(found.id) : refuse({ code: "job-unknown" });
}
