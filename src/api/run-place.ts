// Which run or job a path is about. People know a run by its number and a job by its key, programs by their ids: each works
// wherever the other does. Names are looked up in the repository's own object, so that they work without the read model.
import type { Context } from "hono";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { JobId, RunId, RunName } from "../domain/ids.ts";
import { parseJobId, parseRunName } from "../domain/ids.ts";
import { refuse } from "../domain/refusal.ts";
import { orThrow } from "./answer.ts";
import type { ApiEnv } from "./context.ts";
import type { Services } from "./services.ts";

/** Where a job stands in paths, as Hono writes them: below its repository by its id, below its run by its key too. */
export const jobPaths = ["/v1/repos/:owner/:repo/jobs/:job", "/v1/repos/:owner/:repo/runs/:run/jobs/:job"];

/** Everything at `below` of each of a job's paths. */
export function belowJob(below: string): string[] {
	return jobPaths.map((path) => path + below);
}

/** The id of the run in the path: what cannot be its name is no run we have. Throws 404. */
export async function readRunId(c: Context<ApiEnv>, repository: RepositoryName): Promise<RunId> {
	const name = readRunName(c);
	if (typeof name === "object" && "id" in name) return name.id;
	return orThrow(await c.get("services").repo(nameOf(repository)).locate({ run: name, job: null })).run;
}

/** The id of the job in the path; below a run, what is no id of a job in that very run is a key. Throws 404. */
export async function readJobId(c: Context<ApiEnv>, repository: RepositoryName): Promise<JobId> {
	const job = c.req.param("job") ?? "";
	const own = parseJobId(job);
	if (c.req.param("run") === undefined) return own === null ? orThrow(refuse({ code: "job-unknown" })) : job;
	const name = readRunName(c);
	if (own !== null && typeof name === "object" && "id" in name && name.id === own.run) return job;
	const services = c.get("services");
	const found = orThrow(await services.repo(nameOf(repository)).locate({ run: name, job }));
	return found.job ?? archivedJob(services, nameOf(repository), { run: found.run, job });
}

/** As `RepoCalls.locate` does it, for a run in the archive. */
async function archivedJob(
	services: Services,
	repository: RepositoryName,
	{ run, job }: { run: RunId; job: string },
): Promise<JobId> {
	const jobs = (await services.archivedRun(repository, run))?.jobs ?? [];
	const found = jobs.find(({ id }) => id === job) ?? jobs.find(({ key }) => key === job);
	return found?.id ?? orThrow(refuse({ code: "job-unknown" }));
}

function readRunName(c: Context<ApiEnv>): RunName {
	return parseRunName(c.req.param("run") ?? "") ?? orThrow(refuse({ code: "run-unknown" }));
}

function nameOf({ owner, repo }: RepositoryName): RepositoryName {
	return { owner, repo };
}
