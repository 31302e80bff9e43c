// Who a job is to others: what its repository vouches for, and the one text that far ends trust by, `sub`. Only a run of the
// repository's own clone URL, of no pull request and no fork has a `sub` with `:ref:` directly behind the repository's name. Which
// commit, trigger and actor a run has, whoever submitted it says: docs/job-identity.md.
import type { JobId, Millis, RunId } from "../ids.ts";
import { jobIdentityMs } from "../limits.ts";
import type { Job } from "../job/job.ts";
import { isForksByWord } from "../job/secret-terms.ts";
import type { Source, Trigger } from "../job/submission.ts";
import type { Run } from "../run/run.ts";
import type { LeaseName } from "../run/decide.ts";
import { accept, refuse } from "../refusal.ts";
import type { Result } from "../refusal.ts";

export interface JobIdentity {
	owner: string;
	repo: string;
	subject: string;
	ref: string | null;
	commit: string | null;
	run: RunId;
	runNumber: number;
	job: JobId;
	jobKey: string;
	attempt: number;
	actor: string;
	trigger: Trigger;
	pool: string;
	/** When a token that says this must have expired. */
	until: Millis;
}

/** `cloneUrl`: the repository's own; null: it has none, and no source is its own. */
interface Repository {
	owner: string;
	repo: string;
	cloneUrl: string | null;
}

type Origin = Pick<Run, "source" | "trigger"> & { fork?: boolean | undefined };

/**
 * Refused unless the lease holds the job, its attempt has begun, and nobody asked it to stop: whoever cancels a job wants no more of
 * it, and least of all new keys.
 */
export function decideIdentity(
	{ owner, repo, cloneUrl }: Repository,
	{ job, run }: { job: Job | null; run: Run | null },
	{ lease, now }: { lease: LeaseName; now: Millis },
): Result<JobIdentity> {
	if (job === null || run === null || job.epoch !== lease.epoch) return refuse({ code: "lease-stale" });
	if (job.state === "leased") return refuse({ code: "lease-not-started" });
	if (job.state === "canceling") return refuse({ code: "job-canceling" });
	if (job.state !== "running" || job.losesAt !== null || job.overrunsAt <= now) return refuse({ code: "lease-stale" });
	const { source, trigger, actor, fork } = run;
	return accept({
		owner,
		repo,
		subject: identitySubject({ owner, repo, cloneUrl }, { source, trigger, fork }),
		ref: source?.ref ?? null,
		commit: source?.commit ?? null,
		run: run.id,
		runNumber: run.number,
		job: job.id,
		jobKey: job.spec.key,
		attempt: job.attempt.number,
		actor,
		trigger,
		pool: job.lease.pool,
		until: Math.min(now + jobIdentityMs, job.overrunsAt),
	});
}

/**
 * Neither names nor refs have a colon, so no part of it can be mistaken for another: `acme/web:ref:refs/heads/main` is said of
 * nothing but that.
 */
export function identitySubject({ owner, repo, cloneUrl }: Repository, run: Origin): string {
	const name = `${owner}/${repo}`;
	const place = placeOf(run.source);
	if (run.trigger === "pull_request") return `${name}:pull_request:${place}`;
	// By the present settings: once the repository's own, a place need not be its people's now.
	if (run.source !== null && run.source.cloneUrl !== cloneUrl) return `${name}:foreign:${place}`;
	return (run.fork ?? isForksByWord(run)) ? `${name}:fork:${place}` : `${name}:${place}`;
}

/** `head`: whatever the remote's HEAD is at the checkout. */
function placeOf(source: Source | null): string {
	if (source === null) return "no-source";
	const { ref, commit } = source;
	if (ref !== null) return `ref:${ref}`;
	return commit === null ? "head" : `commit:${commit}`;
}
