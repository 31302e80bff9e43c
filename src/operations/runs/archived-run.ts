// Reading a run or a job wherever it is: in its repository's object; a week after its end, in the archive; and while its
// repository has not heard of it yet, in the intake.
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Job, Run } from "../../contracts/http/run.ts";
import { parseJobId } from "../../domain/ids.ts";
import type { Result } from "../../domain/refusal.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Ports } from "../ports.ts";
import { orSpilled } from "../spill/spilled-run.ts";

const jobsShown = 1_000;

export type ReadPorts = Pick<Ports, "repo" | "intake" | "archivedRun">;

/** `watchedUntil`: as for the object's own `run`. */
export async function readRun(
	ports: ReadPorts,
	name: RepositoryName,
	{ run: id, watchedUntil }: { run: string; watchedUntil?: number },
): Promise<Result<Run>> {
	const run = await orSpilled(ports.intake, { ...name, run: id }, () => ports.repo(name).run(id, watchedUntil));
	if ("spilled" in run) return accept(run.spilled);
	if (run.ok || run.refusal.code !== "run-archived") return run;
	const archived = await ports.archivedRun(name, id);
	if (archived === null) return refuse({ code: "run-unknown" });
	return accept({ ...archived, jobs: archived.jobs?.slice(0, jobsShown) ?? [] });
}

export async function readJobs(
	ports: ReadPorts,
	name: RepositoryName,
	call: { run: string; from: number; limit: number },
): Promise<Result<{ items: Job[]; next: number | null }>> {
	const jobs = await orSpilled(ports.intake, { ...name, run: call.run }, () => ports.repo(name).jobs(call));
	if (!("spilled" in jobs) && (jobs.ok || jobs.refusal.code !== "run-archived")) return jobs;
	const all = ("spilled" in jobs ? jobs.spilled : await ports.archivedRun(name, call.run))?.jobs ?? [];
	const next = call.from + call.limit;
	return accept({ items: all.slice(call.from, next), next: next < all.length ? next : null });
}

export async function readJob(ports: ReadPorts, name: RepositoryName, id: string): Promise<Result<Job>> {
	const run = parseJobId(id)?.run ?? "";
	const job = await orSpilled(ports.intake, { ...name, run }, () => ports.repo(name).job(id));
	if (!("spilled" in job) && (job.ok || job.refusal.code !== "run-archived")) return job;
	const whole = "spilled" in job ? job.spilled : await ports.archivedRun(name, run);
	const found = whole?.jobs?.find((candidate) => candidate.id === id);
	return found ? accept(found) : refuse({ code: "job-unknown" });
}
