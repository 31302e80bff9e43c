// Runs: submit, list, read, add jobs, cancel, retry.
import { hash, randomUUID } from "node:crypto";
import type { LeaseIdentity, RepositoryName, Submitted } from "../../contracts/objects/objects.ts";
import type { Job, Run, RunRequest } from "../../contracts/http/run.ts";
import { asOutage } from "../../contracts/wire/outage.ts";
import { readJobRequest } from "../../contracts/wire/view.ts";
import type { RunName } from "../../domain/ids.ts";
import { parseJobId, runIdFrom } from "../../domain/ids.ts";
import type { Submission } from "../../domain/job/submission.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { mayAskOfRepository } from "../access.ts";
import type { Caller } from "../access.ts";
import { noteAct } from "../act-notes.ts";
import type { NotePorts } from "../act-notes.ts";
import { readJobs, readRun } from "./archived-run.ts";
import type { ReadPorts } from "./archived-run.ts";
import type { Page, RunFilter } from "../../contracts/http/page.ts";
import type { Ports, Seen } from "../ports.ts";
import { locateRun } from "./run-places.ts";
import { submitOrSpill } from "../spill/spill.ts";
import type { Accepted, Arrival, SpillPorts } from "../spill/spill.ts";
import { cancelWhereItIs, onceTaken } from "../spill/spilled-run.ts";

/** Beside the caller's right, the operator's switch: nothing of a run need be read while none is taken. */
export function maySubmit(ports: Pick<Ports, "switches">, caller: Caller, repository: RepositoryName): Result<null> {
	const may = mayAskOfRepository(caller, "submitRun", repository);
	return !may.ok || ports.switches.current().acceptRuns ? may : refuse({ code: "runs-refused" });
}

export interface SubmitRunCall {
	repository: RepositoryName;
	request: RunRequest;
	key: string | null;
	arrival?: Arrival;
}

/** `key` null: each such call makes a run of its own. The same key and request make the same run, whatever door they came by. */
export async function submitRun(
	ports: SpillPorts,
	caller: Caller,
	{ repository, request, key, arrival }: SubmitRunCall,
): Promise<Result<Accepted>> {
	const may = maySubmit(ports, caller, repository);
	if (!may.ok) return may;
	const { owner, repo } = repository;
	const digest = hash("sha256", JSON.stringify(request), "hex");
	const run = runIdFrom(hash("sha256", `${owner}/${repo}\n${key ?? randomUUID()}\n${digest}`, "buffer"));
	const call = { run, key, digest, submission: submissionOf(request, caller.name) };
	return submitOrSpill(ports, repository, call, arrival);
}

function submissionOf(request: RunRequest, actor: string): Submission {
	const { source } = request;
	return {
		source: source && { cloneUrl: source.cloneUrl ?? "", ref: source.ref ?? null, commit: source.commit ?? null },
		title: request.title ?? null,
		trigger: request.trigger ?? "api",
		fork: request.fork,
		actor: request.actor ?? actor,
		cancelSuperseded: request.cancelSuperseded ?? false,
		jobs: request.jobs.map(readJobRequest),
	};
}

/** From the read model. */
export async function listRuns(
	ports: Pick<Ports, "readModel">,
	caller: Caller,
	call: { repository: RepositoryName; filter: RunFilter; limit: number; cursor: string | null },
): Promise<Result<Page<Run>>> {
	const { repository, ...page } = call;
	const may = mayAskOfRepository(caller, "listRuns", repository);
	return may.ok ? accept(await ports.readModel.runs({ ...repository, ...page })) : may;
}

/** While its repository does not answer, the run as it was told last, without its jobs. */
export async function getRun(
	ports: ReadPorts & Pick<Ports, "readModel" | "now">,
	caller: Caller,
	{ repository, run }: { repository: RepositoryName; run: RunName },
): Promise<Result<Seen<Run>>> {
	const may = mayAskOfRepository(caller, "getRun", repository);
	if (!may.ok) return may;
	try {
		const id = await locateRun(ports, repository, run);
		const seen = id.ok ? await readRun(ports, repository, { run: id.value }) : id;
		return seen.ok ? accept({ value: seen.value, asOf: null }) : seen;
	} catch (cause) {
		if (asOutage(cause) === null) throw cause;
		// [A75] Its version keeps up with the clock, so it says since when the run may have changed.
		const known = await ports.readModel.run(repository, run).catch(() => null);
		if (known === null) throw cause;
		return accept({ value: known, asOf: Math.min(known.version, ports.now()) });
	}
}

export async function listJobs(
	ports: Pick<Ports, "repo" | "intake" | "archivedRun">,
	caller: Caller,
	call: { repository: RepositoryName; run: RunName; from: number; limit: number },
): Promise<Result<{ items: Job[]; next: number | null }>> {
	const { repository, run, from, limit } = call;
	const may = mayAskOfRepository(caller, "listJobs", repository);
	const id = may.ok ? await locateRun(ports, repository, run) : may;
	return id.ok ? readJobs(ports, repository, { run: id.value, from, limit }) : id;
}

/** [B5] A job that runs may add jobs to its own run with its lease, which its repository looks at; anybody else needs the right. */
export type JobAdder = Caller | LeaseIdentity;

/** Whether the adder may add to some run of the repository. A lease may to its own run alone: that is seen once it is known which. */
export function mayAddJobs(adder: JobAdder, repository: RepositoryName): Result<null> {
	if ("who" in adder) return mayAskOfRepository(adder, "addJobs", repository);
	const isOwn = adder.owner === repository.owner && adder.repo === repository.repo;
	return isOwn ? accept(null) : refuse({ code: "unknown" });
}

export async function addJobs(
	ports: Pick<Ports, "repo" | "intake">,
	adder: JobAdder,
	call: { repository: RepositoryName; run: RunName; jobs: RunRequest["jobs"]; key: string | null },
): Promise<Result<Submitted>> {
	const { repository, jobs, key } = call;
	const may = mayAddJobs(adder, repository);
	const located = may.ok ? await locateRun(ports, repository, call.run) : may;
	const isCaller = "who" in adder;
	// [A125] To a lease each run but its own is unknown, one that is not there too.
	const isOwn = isCaller || (located.ok && parseJobId(adder.job)?.run === located.value);
	if (!isOwn) return refuse({ code: "unknown" });
	if (!located.ok) return located;
	const run = located.value;
	const digest = hash("sha256", `${run}\n${JSON.stringify(jobs)}`, "hex");
	const by = isCaller ? { actor: adder.name } : { actor: `job ${adder.job}`, lease: adder };
	const added = { run, jobs: jobs.map(readJobRequest), key, digest, reason: null, ...by };
	return onceTaken(ports.intake, { ...repository, run }, () => ports.repo(repository).addJobs(added));
}

export async function cancelRun(
	ports: Pick<Ports, "repo" | "intake"> & NotePorts,
	caller: Caller,
	{ repository, run, reason }: { repository: RepositoryName; run: RunName; reason: string | null },
): Promise<Result<Run>> {
	const may = mayAskOfRepository(caller, "cancelRun", repository);
	const id = may.ok ? await locateRun(ports, repository, run) : may;
	if (!id.ok) return id;
	const canceled = await cancelWhereItIs(ports, repository, { run: id.value, actor: caller.name, reason });
	if (canceled.ok) noteAct(ports, caller, { action: "run-cancel", ...repository, subject: id.value, reason });
	return canceled;
}

export async function retryRun(
	ports: Pick<Ports, "repo" | "intake"> & NotePorts,
	caller: Caller,
	call: { repository: RepositoryName; run: RunName; only: "failed" | "all"; key: string | null; reason: string | null },
): Promise<Result<Submitted>> {
	const { repository, run: name, only, key, reason } = call;
	const may = mayAskOfRepository(caller, "retryRun", repository);
	const located = may.ok ? await locateRun(ports, repository, name) : may;
	if (!located.ok) return located;
	const run = located.value;
	const wish = { run, only, key, actor: caller.name, reason };
	const retried = await onceTaken(ports.intake, { ...repository, run }, () => ports.repo(repository).retryRun(wish));
	if (retried.ok && !retried.value.replayed) {
		noteAct(ports, caller, { action: "run-retry", ...repository, subject: run, reason, details: { only } });
	}
	return retried;
}
