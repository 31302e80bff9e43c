// Handing jobs to a pool's runner: chosen under the present limits, granted, and shown with all that a runner needs, secrets
// included. The pool adds the tokens.
import type { ClaimCall, Claimed } from "../../../contracts/objects/objects.ts";
import { settle } from "../../../domain/run/decide.ts";
import type { LeasedJob, Move, WaitingJob } from "../../../domain/job/job.ts";
import { grant, holdBack, refuseJob } from "../../../domain/job/job.ts";
import { claimMax, renewSeconds, startBySeconds, stopAfterSeconds } from "../../../domain/limits.ts";
import type { Lane } from "../../../domain/queue/queue.ts";
import { chooseLane } from "../../../domain/queue/queue.ts";
import { assert } from "../../../domain/refusal.ts";
import type { Run } from "../../../domain/run/run.ts";
import type { RepoQueue } from "../repo-queue.ts";
import type { RepoTurns } from "../repo-turns.ts";
import type { OpenedSecrets } from "../repo-secrets.ts";
import type { ConfiguredRepository } from "../repository-row.ts";

/** For so long a job waits whose secrets nobody could be asked for. */
const heldBackMs = 15_000;

/** Jobs with secrets of the owner's that are not known, for which one claim asks; the rest is held back as if nobody answered. */
const secretQuestionsMax = 4;

/** Has an answer, an empty one, for a repository that was never configured too. */
export async function claimInTurns(queue: RepoQueue, turns: RepoTurns, call: ClaimCall): Promise<Claimed> {
	const grants: Claimed["grants"] = [];
	// Between the turns, since none may wait: the owner's object is asked for what the first job wants that is not known.
	for (let asked = 1, isAway = false; ; asked++) {
		const { free } = call;
		const { wanted, ...claimed } = await turns.take(() => {
			// What is handed to nobody would have to lapse before it is handed out again.
			if (turns.isLate(call)) return { grants: [], demand: queue.outgoing.demand(call.pool), wanted: [] };
			return claimJobs(queue, { ...call, free: free - grants.length }, { isAway });
		});
		grants.push(...claimed.grants);
		if (wanted.length === 0) {
			queue.secrets.afterClaim();
			return { ...claimed, grants };
		}
		isAway = asked >= secretQuestionsMax || !(await queue.secrets.copies.learn(wanted));
	}
}

/** `wanted`: names of secrets of which the owner's object must be asked before the next job can be granted or refused. */
export interface ClaimedJobs extends Claimed {
	wanted: string[];
}

/**
 * [Q5] At most `claimMax` at a time, each under the limits as the ones before it left them. `isAway`: the owner's object was asked in
 * vain, and jobs that need it hold up no other.
 */
export function claimJobs(queue: RepoQueue, call: ClaimCall, { isAway }: { isAway: boolean }): ClaimedJobs {
	const grants: Claimed["grants"] = [];
	let wanted: string[] = [];
	const { repository } = queue;
	if (repository === null) return { grants, demand: null, wanted };
	const { standing } = queue;
	// As the other shards heard it: what the claim leaves is compared with it, and less need not be announced [P10].
	const before = queue.outgoing.demand(call.pool);
	assert(before, "a known repository has a demand");
	// A claim is news of a runner, too: a job that was shown to have none may have one now.
	queue.outgoing.pools.seen(call);
	const offered = { pool: call.pool, labels: new Set(call.labels) };
	const isOnlyOne = (lane: Pick<Lane, "pool" | "labels">) => queue.outgoing.pools.runnersFor(lane) === 1;
	const asker = { runner: call.runner.id, now: queue.now(), isOnlyOne };
	// `tried` and not `grants` is bounded: a queue full of jobs that are refused must not make one turn of any length.
	for (let tried = 0; grants.length < call.free && tried < claimMax; tried++) {
		const lane = chooseLane(standing.lanes(asker), offered, repository.settings, standing.load);
		if (lane === null) break;
		const job = queue.tables.job(lane.head.run, lane.head.index);
		assert(job?.state === "waiting", "what stands in a lane waits");
		const run = queue.run(job.run);
		assert(run, `the run of job ${job.id} is stored`);
		// Before the transaction, since it writes nothing and takes time.
		const opened = queue.secrets.open(job, run);
		if (opened.is === "unknown" && !isAway) {
			wanted = opened.names;
			break;
		}
		const granted = grantOr(grants, () => queue.transact(() => grantJob(queue, { job, run, call, opened })));
		// The transaction took back what the fault had begun; the jobs behind it wait for the next claim.
		if (granted === "broken") break;
		if (granted && opened.is === "open") grants.push(viewGrant(granted, run, repository, opened.values));
	}
	return { grants, demand: queue.outgoing.claimed(call, before), wanted };
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

/** Null when the job was refused or held back, since what it needs is not there: the next one is not held up. */
function grantJob(
	queue: RepoQueue,
	{ job, run, call, opened }: { job: WaitingJob; run: Run; call: ClaimCall; opened: OpenedSecrets },
): LeasedJob | null {
	const now = queue.now();
	const settled = (move: Move) => queue.commit(settle(queue.tables.view(run), [move], now));
	if (opened.is === "refused") {
		settled(refuseJob(job, opened.reason, now));
		return null;
	}
	if (opened.is === "unknown") {
		const reason = `its owner does not say at present what the secret "${opened.names[0]}" is`;
		settled(holdBack(job, { reason, until: now + heldBackMs }));
		return null;
	}
	const { runner, pool, shard } = call;
	const move = grant(job, { runner, pool, shard }, now);
	settled(move);
	return move.after;
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
