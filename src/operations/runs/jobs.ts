// Jobs: read, cancel, retry, reprioritise.
import type { RepoCalls, RepositoryName } from "../../contracts/objects/objects.ts";
import type { Job } from "../../contracts/http/run.ts";
import { viewStep } from "../../contracts/wire/view.ts";
import { parseJobId } from "../../domain/ids.ts";
import type { JobId } from "../../domain/ids.ts";
import { accept } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { mayAskOfRepository } from "../access.ts";
import type { Caller, RepositoryOperation } from "../access.ts";
import { noteAct } from "../act-notes.ts";
import type { NotePorts } from "../act-notes.ts";
import { readJob } from "./archived-run.ts";
import type { Ports } from "../ports.ts";
import { locateJob } from "./run-places.ts";
import type { JobName } from "./run-places.ts";
import { onceTaken } from "../spill/spilled-run.ts";

type JobPorts = Pick<Ports, "repo" | "intake" | "archivedRun">;
interface JobCall {
	repository: RepositoryName;
	name: JobName;
}

export async function getJob(
	ports: JobPorts & Pick<Ports, "log">,
	caller: Caller,
	call: JobCall,
): Promise<Result<Job>> {
	const id = await find(ports, caller, "getJob", call);
	const job = id.ok ? await readJob(ports, call.repository, id.value) : id;
	return job.ok ? accept(await withLiveSteps(ports, call.repository, job.value)) : job;
}

export async function prioritiseJob(
	ports: JobPorts & NotePorts,
	caller: Caller,
	{ priority, ...call }: JobCall & { priority: number },
): Promise<Result<Job>> {
	const id = await find(ports, caller, "prioritiseJob", call);
	if (!id.ok) return id;
	const job = await onceTakenWith(ports, call.repository, id.value, (repo) =>
		repo.reprioritise({ job: id.value, priority }),
	);
	const act = { action: "job-prioritise", ...call.repository, subject: id.value, details: { priority } } as const;
	if (job.ok) noteAct(ports, caller, act);
	return job;
}

/** `force`: its lease is ended at once, and nobody waits for its runner to stop it. */
export async function cancelJob(
	ports: JobPorts & NotePorts,
	caller: Caller,
	{ reason, force, ...call }: JobCall & { reason: string | null; force: boolean },
): Promise<Result<Job>> {
	const id = await find(ports, caller, "cancelJob", call);
	if (!id.ok) return id;
	const asked = { job: id.value, actor: caller.name, reason, force };
	const job = await onceTakenWith(ports, call.repository, id.value, (repo) => repo.cancelJob(asked));
	const act = { action: "job-cancel", ...call.repository, subject: id.value, reason, details: { force } } as const;
	if (job.ok) noteAct(ports, caller, act);
	return job;
}

export async function retryJob(
	ports: JobPorts & NotePorts,
	caller: Caller,
	{ key, reason, ...call }: JobCall & { key: string | null; reason: string | null },
): Promise<Result<{ job: Job; replayed: boolean }>> {
	const id = await find(ports, caller, "retryJob", call);
	if (!id.ok) return id;
	const asked = { job: id.value, key, actor: caller.name, reason };
	const retried = await onceTakenWith(ports, call.repository, id.value, (repo) => repo.retryJob(asked));
	const act = { action: "job-retry", ...call.repository, subject: id.value, reason } as const;
	if (retried.ok && !retried.value.replayed) noteAct(ports, caller, act);
	return retried;
}

/** An act on a job, once its repository has the job's run. */
function onceTakenWith<T>(
	ports: JobPorts,
	repository: RepositoryName,
	job: JobId,
	act: (repo: RepoCalls) => Promise<Result<T>>,
): Promise<Result<T>> {
	const run = parseJobId(job)?.run ?? "";
	return onceTaken(ports.intake, { ...repository, run }, () => act(ports.repo(repository)));
}

async function find(
	ports: JobPorts,
	caller: Caller,
	operation: RepositoryOperation,
	{ repository, name }: JobCall,
): Promise<Result<JobId>> {
	const may = mayAskOfRepository(caller, operation, repository);
	return may.ok ? locateJob(ports, repository, name) : may;
}

/** Steps in progress and the bytes so far are the log object's; while it does not answer, the job is shown without them. */
async function withLiveSteps(ports: Pick<Ports, "log">, { owner, repo }: RepositoryName, job: Job): Promise<Job> {
	const open = job.attempts.at(-1);
	// What has ended gets its steps when its log is sealed, unless its end named them.
	if (!open || (open.outcome !== null && (open.log.state !== "sealing" || open.steps.length > 0))) return job;
	const status = await ports
		.log({ owner, repo, job: job.id, attempt: open.number })
		.status()
		.catch(() => null);
	if (status === null) return job;
	const log = open.outcome === null ? { ...open.log, length: status.length } : open.log;
	const live = { ...open, steps: status.steps.map(viewStep), log };
	return { ...job, attempts: [...job.attempts.slice(0, -1), live] };
}
