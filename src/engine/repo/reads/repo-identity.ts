// What a repository says of a job that asks for its identity: the job, its run and the repository as they stand here, and nothing that
// the job says of itself.
import { decideIdentity } from "../../../domain/identity/job-identity.ts";
import type { JobIdentity } from "../../../domain/identity/job-identity.ts";
import type { LeaseIdentity } from "../../../contracts/objects/objects.ts";
import type { Millis } from "../../../domain/ids.ts";
import type { Result } from "../../../domain/refusal.ts";
import type { RepoQueue } from "../repo-queue.ts";
import type { ConfiguredRepository } from "../repository-row.ts";

export function identityOf(
	queue: RepoQueue,
	{ owner, repo, settings: { cloneUrl } }: ConfiguredRepository,
	{ lease, now }: { lease: LeaseIdentity; now: Millis },
): Result<JobIdentity> {
	const job = queue.job(lease.job);
	const run = job === null ? null : queue.run(job.run);
	return decideIdentity({ owner, repo, cloneUrl }, { job, run }, { lease, now });
}
