// What a runner is given with a lease: all it needs to run the job, secrets included. The pool adds the token.
import type { Claimed } from "../src/contracts/objects.ts";
import type { LeasedJob } from "../src/domain/job.ts";
import { renewSeconds, startBySeconds, stopAfterSeconds } from "../src/domain/limits.ts";
import type { Run } from "../src/domain/run.ts";
import type { Repository } from "./repo-tables.ts";

export function viewGrant(
	job: LeasedJob,
	run: Run,
	{ owner, repo, settings }: Repository,
	secrets: Record<string, string>,
): Claimed["grants"][number] {
	const { lease, spec, epoch } = job;
	const attempt = job.attempts + 1;
	return {
		claim: { owner, repo, pool: lease.pool, shard: lease.shard, job: job.id, attempt, epoch },
		grant: {
			lease: { id: lease.id, epoch, startBySeconds, renewSeconds, stopAfterSeconds },
			job: {
				id: job.id,
				key: spec.key,
				name: spec.name,
				steps: spec.steps,
				env: spec.env,
				secrets,
				timeoutSeconds: spec.timeoutSeconds,
				attempt,
				exclusive: spec.exclusive,
				logBytesMax: settings.logBytesMax,
			},
			run: { id: run.id, number: run.number, source: run.source, title: run.title },
			repository: { owner, repo },
		},
	};
}
