// The steps in which behaviours are told: runs by their jobs' keys, leases by whoever holds them, time by how much passes.
import type {
	ClaimCall,
	Claimed,
	Demand,
	LeaseAnswer,
	LeaseIdentity,
	SubmitCall,
} from "../contracts/objects/objects.ts";
import type { RepositoryRequest } from "../contracts/http/repository.ts";
import type { Job, Run } from "../contracts/http/run.ts";
import { runIdFrom } from "../domain/ids.ts";
import { renewSeconds } from "../domain/limits.ts";
import type { FinishReport } from "../domain/job/job.ts";
import type { Result } from "../domain/refusal.ts";
import type { JobRequest, Submission } from "../domain/job/submission.ts";
import type { QueueCalls, QueuePort } from "./world/queue-port.ts";

/** A job as a behaviour names it: one step that nobody runs. */
export function job(key: string, rest: Partial<JobRequest> = {}): JobRequest {
	return { key, run: "true", ...rest };
}

export function aReport(rest: Partial<FinishReport> = {}): FinishReport {
	const silent = { exitCode: 0, signal: null, reason: null, steps: [], logSha256: null, retryAfterSeconds: null };
	return { outcome: "passed", logLength: 0, ...silent, ...rest };
}

export function aFailure(rest: Partial<FinishReport> = {}): FinishReport {
	return aReport({ outcome: "failed", exitCode: 1, reason: "exit code 1", ...rest });
}

/** Of a runner that is to be gone. */
export function aDrain(): FinishReport {
	return aReport({
		outcome: "canceled",
		exitCode: null,
		signal: "SIGTERM",
		reason: "stopped",
		platformFault: "drained",
	});
}

/** The value, or an error that names the refusal. */
export function must<T>(result: Result<T>): T {
	if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.refusal)}`);
	return result.value;
}

/** The refusal's code; `ok` when there is none. */
export function codeOf(result: Result<unknown>): string {
	return result.ok ? "ok" : result.refusal.code;
}

export class QueueDriver {
	readonly port: QueuePort;
	readonly #evicts: boolean;
	#submitted = 0;

	/** `evicts`: the object dies before each call, and nobody may notice. */
	constructor(port: QueuePort, { evicts }: { evicts: boolean }) {
		this.port = port;
		this.#evicts = evicts;
	}

	async calls(): Promise<QueueCalls> {
		if (this.#evicts) await this.port.evict();
		return this.port.calls;
	}

	/** What is not named stays as it is. */
	async configure(request: RepositoryRequest): Promise<void> {
		must(await (await this.calls()).configure({ owner: this.port.owner, repo: "web", request, replace: false }));
	}

	submission(
		jobs: JobRequest[],
		{ key = null, ...rest }: Partial<Submission> & { key?: string | null } = {},
	): SubmitCall {
		const digest = new TextEncoder().encode(`${++this.#submitted} of ${this.port.owner}`.padStart(15));
		const plain = { source: null, title: null, trigger: "api", actor: "dev", cancelSuperseded: false } as const;
		return { run: runIdFrom(digest), key, digest: JSON.stringify(jobs), submission: { ...plain, jobs, ...rest } };
	}

	/** The run's id. */
	async submit(jobs: JobRequest[], rest: Partial<Submission> = {}): Promise<string> {
		return must(await (await this.calls()).submit(this.submission(jobs, rest))).run.id;
	}

	async add(run: string, jobs: JobRequest[]): Promise<Result<unknown>> {
		return (await this.calls()).addJobs({ run, jobs, key: null, digest: "", actor: "dev", reason: null });
	}

	async run(id: string): Promise<Run> {
		return must(await (await this.calls()).run(id));
	}

	/** `key:state`, or `key:outcome` once finished, in order. */
	async states(run: string): Promise<string> {
		return ((await this.run(run)).jobs ?? []).map(({ key, state, outcome }) => `${key}:${outcome ?? state}`).join(" ");
	}

	async job(run: string, key: string): Promise<Job> {
		const found = (await this.run(run)).jobs?.find((candidate) => candidate.key === key);
		if (!found) throw new Error(`no job is called ${key}`);
		return found;
	}

	/** Why a job waits; null when it does not. */
	async waits(run: string, key: string): Promise<string | null> {
		return (await this.job(run, key)).waiting?.code ?? null;
	}

	async claim(call: Partial<ClaimCall> = {}): Promise<Claimed & { demand: Demand }> {
		const runner = { id: "rn1", name: "one" };
		const calls = await this.calls();
		const { grants, demand } = await calls.claim({ runner, pool: "default", shard: 0, labels: [], free: 1, ...call });
		if (demand === null) throw new Error("the repository is not known");
		return { grants, demand };
	}

	/** The keys of the jobs that a claim hands out, in order. */
	async granted(call: Partial<ClaimCall> = {}): Promise<string[]> {
		return (await this.claim(call)).grants.map(({ grant }) => grant.job.key);
	}

	async lease(call: Partial<ClaimCall> = {}): Promise<LeaseIdentity> {
		const [first] = (await this.claim(call)).grants;
		if (!first) throw new Error("nothing was granted");
		return first.claim;
	}

	/** Claims one job and starts it. */
	async start(call: Partial<ClaimCall> = {}): Promise<LeaseIdentity> {
		const lease = await this.lease(call);
		must(await (await this.calls()).start(lease));
		return lease;
	}

	async finish(lease: LeaseIdentity, report = aReport()): Promise<LeaseAnswer> {
		return must(await (await this.calls()).finish(lease, report));
	}

	async loses(lease: LeaseIdentity, quietMs = renewSeconds * 1_000): Promise<void> {
		await (await this.calls()).expire([lease], quietMs);
	}

	async cancelRun(run: string, reason: string | null = null): Promise<Result<Run>> {
		return (await this.calls()).cancelRun({ run, actor: "dev", reason });
	}

	async cancel(run: string, key: string, { force = false, reason = null as string | null } = {}): Promise<Result<Job>> {
		const { id } = await this.job(run, key);
		return (await this.calls()).cancelJob({ job: id, actor: "dev", reason, force });
	}

	async retry(run: string, key: string, idempotencyKey: string | null = null): Promise<Result<unknown>> {
		const { id } = await this.job(run, key);
		return (await this.calls()).retryJob({ job: id, key: idempotencyKey, actor: "dev", reason: "again" });
	}

	async retryRun(run: string, only: "failed" | "all"): Promise<Result<unknown>> {
		return (await this.calls()).retryRun({ run, only, key: null, actor: "dev", reason: null });
	}

	/** Time passes at once, and an alarm that came due goes off, late. */
	async later(ms: number): Promise<void> {
		this.port.moveClock(ms);
		if (this.#evicts) await this.port.evict();
		await this.port.alarm();
	}
}
