// Reading a run or a job wherever it is: in its repository's object, or, a week after its end, in the archive.
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { Job, Run } from "../contracts/http/run.ts";
import { parseJobId } from "../domain/ids.ts";
import type { Result } from "../domain/refusal.ts";
import { accept, refuse } from "../domain/refusal.ts";
import type { Ports } from "./ports.ts";

const jobsShown = 1_000;

/** `watchedUntil`: as for the object's own `run`. */
export async function readRun(
	ports: Pick<Ports, "repo" | "archivedRun">,
	name: RepositoryName,
	{ run: id, watchedUntil }: { run: string; watchedUntil?: number },
): Promise<Result<Run>> {
	const run = await ports.repo(name).run(id, watchedUntil);
	if (run.ok || run.refusal.code !== "run-archived") return run;
	const archived = await ports.archivedRun(name, id);
	if (archived === null) return refuse({ code: "run-unknown" });
	return accept({ ...archived, jobs: archived.jobs?.slice(0, jobsShown) ?? [] });
}

export async function readJobs(
	ports: Pick<Ports, "repo" | "archivedRun">,
	name: RepositoryName,
	call: { run: string; from: number; limit: number },
): Promise<Result<{ items: Job[]; next: number | null }>> {
	const jobs = await ports.repo(name).jobs(call);
	if (jobs.ok || jobs.refusal.code !== "run-archived") return jobs;
	const all = (await ports.archivedRun(name, call.run))?.jobs ?? [];
	const next = call.from + call.limit;
	return accept({ items: all.slice(call.from, next), next: next < all.length ? next : null });
}

export async function readJob(
	ports: Pick<Ports, "repo" | "archivedRun">,
	name: RepositoryName,
	id: string,
): Promise<Result<Job>> {
	const job = await ports.repo(name).job(id);
	if (job.ok || job.refusal.code !== "run-archived") return job;
	const archived = await ports.archivedRun(name, parseJobId(id)?.run ?? "");
	const found = archived?.jobs?.find((candidate) => candidate.id === id);
	return found ? accept(found) : refuse({ code: "job-unknown" });
}
