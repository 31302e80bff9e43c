// What the end of a lease, or a cancel, means to those who hold or log it: hints for pools and logs, collected until the outbox
// sends them. A lost hint costs time only, since a heartbeat or the next append brings the same.
import type { RepositoryName } from "../../../contracts/objects/objects.ts";
import type { HeldJob, Move } from "../../../domain/job/job.ts";
import type { Outbox } from "./outbox.ts";

export function hintMove(outbox: Outbox, repository: RepositoryName, { before, after, attempt }: Move): void {
	if (before === null || !("lease" in before)) return;
	const { pool, shard, id } = before.lease;
	if (!("lease" in after)) {
		// The lease is over. Its pool hears beside it what it holds against the runner: a grant that was never started, a
		// machine that failed.
		const { ended, lapsed, faulted } = outbox.leases(pool, shard);
		ended.push(id);
		if (before.state === "leased" && after.state === "waiting") lapsed.push(id);
		if (attempt?.platformFault === "machine-fault") faulted.push(id);
	} else if (after.state === "canceling" && before.state === "running") {
		// The pool tells the runner over its session, the log with its next answer: whichever comes first stops the job.
		outbox.leases(pool, shard).canceled.push(id);
		outbox.hintLog({ ...nameOf(repository, after), state: "canceling" });
	} else if (before.state !== "leased" && after.state !== "leased" && before.losesAt !== after.losesAt) {
		// It was given up, or the wish to stop it came later than that: the pool knows, and its runner may still be
		// uploading.
		outbox.hintLog({ ...nameOf(repository, after), state: "lost" });
	}
}

function nameOf({ owner, repo }: RepositoryName, { id, attempt, epoch }: HeldJob) {
	return { owner, repo, job: id, attempt: attempt.number, epoch };
}
