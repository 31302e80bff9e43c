// Handing jobs to a pool's runner: chosen under the present limits, granted, and shown with all that a runner needs, secrets
// included. The pool adds the tokens.
import type { ClaimCall, Claimed } from "../../../contracts/objects/objects.ts";
import { settle } from "../../../domain/run/decide.ts";
import type { LeasedJob, WaitingJob } from "../../../domain/job/job.ts";
import { grant, refuseJob } from "../../../domain/job/job.ts";
import { claimMax, renewSeconds, startBySeconds, stopAfterSeconds } from "../../../domain/limits.ts";
import { whyWithheld } from "../../../domain/job/secret-terms.ts";
import type { Lane } from "../../../domain/queue/queue.ts";
import { chooseLane } from "../../../domain/queue/queue.ts";
import { assert } from "../../../domain/refusal.ts";
import type { Run } from "../../../domain/run/run.ts";
import type { RepoQueue } from "../repo-queue.ts";
import type { ConfiguredRepository } from "../repository-row.ts";

/** [Q5] At most `claimMax` at a time, each under the limits as the ones before it left them. */
export function claimJobs(queue: RepoQueue, call: ClaimCall): Claimed {
	const grants: Claimed["grants"] = [];
	const { repository } = queue;
	if (repository === null) return { grants, demand: null };
	const { standing } = queue;
	// As the other shards heard it: what the claim leaves is compared with it, and less need not be announced [P10].
	const before = queue.outgoing.demand(call.pool);
	assert(before, "a known repository has a demand");
	// A claim is news of a runner, too: a job that was shown to have none may have one now.
	queue.outgoing.pools.seen(call);
	const wanted = { pool: call.pool, labels: new Set(call.labels) };
	const isOnlyOne = (lane: Pick<Lane, "pool" | "labels">) => queue.outgoing.pools.runnersFor(lane) === 1;
	const asker = { runner: call.runner.id, now: queue.now(), isOnlyOne };
	// `tried` and not `grants` is bounded: a queue full of jobs that are refused must not make one turn of any length.
	for (let tried = 0; grants.length < call.free && tried < claimMax; tried++) {
		const lane = chooseLane(standing.lanes(asker), wanted, repository.settings, standing.load);
		if (lane === null) break;
		const job = queue.tables.job(lane.head.run, lane.head.index);
		assert(job?.state === "waiting", "what stands in a lane waits");
		// Before the transaction, since it writes nothing and takes time.
		const secrets = openSecrets(queue, job);
		const granted = grantOr(grants, () => queue.transact(() => grantJob(queue, { job, call, secrets })));
		// The transaction took back what the fault had begun; the jobs behind it wait for the next claim.
		if (granted === "broken") break;
		if (granted) grants.push(viewGrant(granted.job, granted.run, repository, secrets.values));
	}
	return { grants, demand: queue.outgoing.claimed(call, before) };
}

/** What was granted before a fault is handed out all the same: nobody else would ever start it. */
function grantOr<T>(granted: readonly unknown[], work: () => T): T | "broken" {
	try {
		return work();
	} catch (cause) {
		if (granted.length === 0) throw cause;
		return "broken";
	}
}

/** Null when the job was refused, since what it needs is not there: the next one is not held up. */
function grantJob(
	queue: RepoQueue,
	{ job, call, secrets }: { job: WaitingJob; call: ClaimCall; secrets: Secrets },
): { job: LeasedJob; run: Run } | null {
	const now = queue.now();
	const run = queue.run(job.run);
	assert(run, `the run of job ${job.id} is stored`);
	if (secrets.missing !== null) {
		queue.commit(settle(queue.tables.view(run), [refuseJob(job, secrets.missing, now)], now));
		return null;
	}
	const { runner, pool, shard } = call;
	const move = grant(job, { runner, pool, shard }, now);
	queue.commit(settle(queue.tables.view(run), [move], now));
	return { job: move.after, run };
}

/** In the clear, only on their way to the grant: no table, message or log has them [W17]. `missing` says what is wrong with one of them; null: all are there. */
interface Secrets {
	values: Record<string, string>;
	missing: string | null;
}

function openSecrets(queue: RepoQueue, job: WaitingJob): Secrets {
	const { secrets: names } = job.spec;
	const values: Record<string, string> = {};
	if (names.length === 0 || queue.repository === null) return { values, missing: null };
	const { owner, repo, settings } = queue.repository;
	const run = queue.run(job.run);
	assert(run, `the run of job ${job.id} is stored`);
	const sealed = queue.tables.secrets.named(names);
	for (const name of names) {
		const secret = sealed.get(name);
		if (secret === undefined) return { values: {}, missing: `the secret "${name}" is not set` };
		// Here and nowhere else: whatever made the attempt, it is granted here [B29].
		const withheld = whyWithheld(name, secret, { run, settings });
		if (withheld !== null) return { values: {}, missing: withheld };
		try {
			values[name] = queue.openSecret(`${owner}/${repo}/${name}`, secret.sealed);
		} catch {
			// The cause may quote the value.
			return { values: {}, missing: `the secret "${name}" cannot be opened: set it again` };
		}
	}
	return { values, missing: null };
}

function viewGrant(
	job: LeasedJob,
	run: Run,
	{ owner, repo, settings }: ConfiguredRepository,
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
