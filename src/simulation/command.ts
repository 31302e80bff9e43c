// What may be asked of a repository's queue, as plain data: a list of commands can be printed, cut short and done again.
import type { CanceledState } from "../contracts/http/bulk-cancel.ts";
import type { RetriedOutcome } from "../contracts/http/bulk-retry.ts";
import type { LeaseIdentity, Submitted } from "../contracts/objects/objects.ts";
import type { RepositoryRequest } from "../contracts/http/repository.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import type { FinishReport, RunnerName } from "../domain/job/job.ts";
import type { Result } from "../domain/refusal.ts";
import type { JobRequest } from "../domain/job/submission.ts";
import type { QueuePort } from "./world/queue-port.ts";

export type Command =
	| {
			do: "submit";
			run: RunId;
			key: string | null;
			jobs: JobRequest[];
			ref: string;
			actor: string;
			supersedes: boolean;
	  }
	| { do: "add"; run: RunId; key: string | null; jobs: JobRequest[] }
	| { do: "claim"; runner: RunnerName; pool: string; shard?: number; labels: string[]; free: number }
	| { do: "start"; lease: LeaseIdentity }
	| { do: "finish"; lease: LeaseIdentity; report: FinishReport }
	| { do: "expire"; leases: LeaseIdentity[]; quietMs: number }
	| { do: "cancel-run"; run: RunId }
	| { do: "cancel-job"; job: JobId; force: boolean }
	| { do: "retry-run"; run: RunId; only: "failed" | "all"; key: string | null }
	| { do: "retry-job"; job: JobId; key: string | null }
	| { do: "cancel-matching"; state: CanceledState[]; label: string | null; ref: string | null }
	| { do: "retry-matching"; outcome: RetriedOutcome[]; label: string | null; ref: string | null; key: string | null }
	| { do: "priority"; job: JobId; priority: number }
	| { do: "configure"; request: RepositoryRequest }
	| { do: "clock"; byMs: number }
	| { do: "alarm" }
	| { do: "tell" }
	| { do: "evict" }
	| { do: "sleep-shard"; pool: string; shard: number }
	| { do: "look"; pool: string }
	| { do: "archive-fails"; how: "refused" | "answer-lost" };

export interface Answer {
	/** `ok`, or why not. */
	code: string;
	/** What a claim handed out. */
	grants: LeaseIdentity[];
	/** The demand that a claim left, in a fixed order. */
	demand: string[];
	/** How many jobs the run has that was submitted or added to; of what matched, how many were taken; how many are shown to wait. */
	jobs: number;
}

const done: Answer = { code: "ok", grants: [], demand: [], jobs: 0 };

function answerOf(result: Result<unknown>): Answer {
	return { ...done, code: result.ok ? "ok" : result.refusal.code };
}

function acceptedOf(result: Result<Submitted>): Answer {
	return { ...answerOf(result), jobs: result.ok ? (result.value.run.jobs?.length ?? 0) : 0 };
}

const dev = { actor: "dev", reason: null };

export async function perform(port: QueuePort, command: Command): Promise<Answer> {
	const { calls } = port;
	switch (command.do) {
		case "submit": {
			const { run, key, jobs, ref, actor, supersedes } = command;
			const source = { cloneUrl: "https://git.example/web.git", ref, commit: null };
			const rest = { source, title: null, trigger: "api", cancelSuperseded: supersedes } as const;
			const submission = { ...rest, actor, jobs };
			return acceptedOf(await calls.submit({ run, key, digest: JSON.stringify(jobs), submission }));
		}
		case "add": {
			const { run, key, jobs } = command;
			return acceptedOf(await calls.addJobs({ run, jobs, key, digest: JSON.stringify(jobs), ...dev }));
		}
		case "claim": {
			const { runner, pool, shard = 0, labels, free } = command;
			const { grants, demand } = await calls.claim({ runner, pool, labels, free, shard });
			if (demand !== null) await port.hear(demand, shard);
			const sets = (demand?.sets ?? []).map((set) => JSON.stringify(set)).sort();
			return { ...done, grants: grants.map(({ claim: lease }) => lease), demand: sets };
		}
		case "start":
			return answerOf(await calls.start(command.lease));
		case "finish":
			return answerOf(await calls.finish(command.lease, command.report));
		case "expire":
			await calls.expire(command.leases, command.quietMs);
			return done;
		case "cancel-run":
			return answerOf(await calls.cancelRun({ run: command.run, ...dev }));
		case "cancel-job":
			return answerOf(await calls.cancelJob({ job: command.job, force: command.force, ...dev }));
		case "retry-run":
			return answerOf(await calls.retryRun({ run: command.run, only: command.only, key: command.key, ...dev }));
		case "retry-job":
			return answerOf(await calls.retryJob({ job: command.job, key: command.key, ...dev }));
		case "cancel-matching": {
			const { state, label, ref } = command;
			const result = await calls.cancelMatching({ state, label, ref, dryRun: false, ...dev });
			return { ...answerOf(result), jobs: result.ok ? result.value.canceled : 0 };
		}
		case "retry-matching": {
			const { outcome, label, ref, key } = command;
			const call = { outcome, label, ref, key, since: null, dryRun: false };
			const result = await calls.retryMatching({ ...call, ...dev });
			return { ...answerOf(result), jobs: result.ok ? result.value.retried : 0 };
		}
		case "priority":
			return answerOf(await calls.reprioritise({ job: command.job, priority: command.priority }));
		case "configure": {
			const { owner } = port;
			return answerOf(await calls.configure({ owner, repo: "web", request: command.request, replace: false }));
		}
		case "clock":
			port.moveClock(command.byMs);
			return done;
		case "alarm":
			await port.alarm();
			return done;
		case "tell":
			await port.tell();
			return done;
		case "evict":
			await port.evict();
			return done;
		case "sleep-shard":
			port.sleepShard(command);
			return done;
		case "look":
			return { ...done, jobs: await port.waitingIn(command.pool) };
		case "archive-fails":
			port.failNextPut(command.how);
			return done;
	}
}

/**
 * Whether doing it twice has the effect of once. A claim asks for more each time. What matches may be more the second time: jobs
 * that were retried fail no more, but without a key nobody knows that it is the second time; and a canceled job may let one go on
 * that was blocked, which matches then unless it did before. The rest is no call.
 */
export function isIdempotent(command: Command): boolean {
	if (command.do === "retry-matching") return command.key !== null;
	if (command.do === "cancel-matching") return command.state.includes("blocked");
	return !["claim", "clock", "alarm", "tell", "evict", "sleep-shard", "look", "archive-fails"].includes(command.do);
}
