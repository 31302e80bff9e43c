// What was accepted is kept, each job has one live lease, and what is over stands. [I1] [I2] [I3] [D15]
import { leaseStateOf } from "../../domain/run/decide.ts";
import type { JobId } from "../../domain/ids.ts";
import { graceSeconds, stopAfterSeconds } from "../../domain/limits.ts";
import type { Facts } from "../facts.ts";
import { isHeld, isSameStored } from "../facts.ts";
import type { InvariantMemory } from "./memory.ts";

const secondMs = 1_000;
const graceMs = graceSeconds * secondMs;

/** What was accepted is there, and so is everything that was ever stored. */
export function isKept({ before, after, known }: Facts): string | null {
	for (const [run, jobs] of known.runs) {
		if (!after.runs.has(run)) return `run ${run} was accepted and is gone`;
		const kept = [...after.jobs.values()].filter((job) => job.run === run).length;
		if (kept !== jobs) return `run ${run} was accepted with ${jobs} jobs and has ${kept}`;
	}
	for (const key of before.texts.requests.keys()) {
		if (!after.texts.requests.has(key)) return `the idempotency key ${key} is forgotten`;
	}
	return null;
}

export function hasOneLease({ answer, before, after, known }: Facts): string | null {
	const live = new Map<JobId, number>();
	for (const { identity } of known.leases) {
		if (leaseStateOf(after.jobs.get(identity.job) ?? null, identity) === "lost") continue;
		const other = live.get(identity.job);
		if (other !== undefined) return `job ${identity.job} has live leases ${other} and ${identity.epoch}`;
		live.set(identity.job, identity.epoch);
	}
	for (const [id, job] of after.jobs) {
		const earlier = before.jobs.get(id);
		if (earlier === undefined) continue;
		const granted = answer.grants.filter((lease) => lease.job === id).length;
		if (job.epoch !== earlier.epoch + granted) return `job ${id} went from epoch ${earlier.epoch} to ${job.epoch}`;
	}
	return null;
}

export function isUntouchedByRefusals({ command, answer, before, after }: Facts): string | null {
	if (answer.code === "ok" || isSameStored(before.texts, after.texts)) return null;
	return `a ${command.do} that was refused as ${answer.code} changed what is stored`;
}

/** What reports a lease that has passed on changes nothing, whatever it is answered: a finish told twice gets its answer again. */
export function isUntouchedByTheStale({ command, before, after }: Facts): string | null {
	if (command.do !== "start" && command.do !== "finish") return null;
	const job = before.jobs.get(command.lease.job);
	if (job !== undefined && isHeld(job) && job.epoch === command.lease.epoch) return null;
	return isSameStored(before.texts, after.texts) ? null : `the ${command.do} of a stale lease changed what is stored`;
}

/** The slot of an exclusive job is freed by its runner's report, by force, or when the runner must have stopped. */
export function holdsExclusiveSlots(
	{ command, givenUp, before, after, now }: Facts,
	{ stopsBy }: InvariantMemory,
): string | null {
	for (const [id, job] of after.jobs) {
		const earlier = before.jobs.get(id);
		if (earlier === undefined || earlier === job || !job.spec.exclusive) continue;
		const lease = `${id}.${earlier.epoch}`;
		const isSame = isHeld(job) && job.epoch === earlier.epoch;
		if (isSame && (job.state === "running" || job.state === "canceling")) {
			const ends = [stopsBy.get(lease) ?? Number.POSITIVE_INFINITY];
			if (earlier.state === "leased") ends.push(now + job.spec.timeoutSeconds * secondMs + graceMs);
			// Whoever is given up as lost was heard of last when it was said, and stops by itself.
			const quietMs = command.do === "expire" ? command.quietMs : (givenUp.get(lease) ?? null);
			if (job.losesAt !== null && quietMs !== null) {
				ends.push(now + stopAfterSeconds * secondMs - quietMs + graceMs);
			}
			if (job.state === "canceling") ends.push(now + stopAfterSeconds * secondMs + graceMs);
			stopsBy.set(lease, Math.min(...ends));
			continue;
		}
		if (isSame || (earlier.state !== "running" && earlier.state !== "canceling")) continue;
		const isReported = command.do === "finish" && command.lease.job === id;
		const isForced = command.do === "cancel-job" && command.job === id && command.force;
		const by = stopsBy.get(lease) ?? Number.POSITIVE_INFINITY;
		if (!isReported && !isForced && now < by) return `the slot of exclusive job ${id} is free ${by - now} ms too early`;
	}
	return null;
}

/** All that is left of a canceled run is what stops, until somebody retries it. */
export function startsNothingCanceled(
	{ command, answer, before, after }: Facts,
	{ canceled }: InvariantMemory,
): string | null {
	if (command.do === "cancel-run" && answer.code === "ok") canceled.add(command.run);
	for (const [id, run] of after.runs) {
		const earlier = before.runs.get(id);
		if (run.supersededBy !== null && earlier?.supersededBy === null) canceled.add(id);
		if (earlier !== undefined && run.round > earlier.round) canceled.delete(id);
	}
	for (const [id, job] of after.jobs) {
		const isOver = job.state === "finished" || job.state === "canceling";
		if (!isOver && canceled.has(job.run)) return `job ${id} of a canceled run is ${job.state} after a ${command.do}`;
	}
	return null;
}

export function standsAsHistory({ command, before, after }: Facts): string | null {
	for (const [key, text] of before.texts.attempts) {
		if (after.texts.attempts.get(key) !== text) return `attempt ${key} was finished and has changed`;
	}
	for (const [id, job] of after.jobs) {
		const earlier = before.jobs.get(id);
		if (earlier === job) continue;
		const open = job.state === "running" || job.state === "canceling" ? 1 : 0;
		for (let number = 1; number <= job.attempts - open; number++) {
			if (!after.attempts.has(`${id}/${number}`)) return `job ${id} began attempt ${number}, and no end of it is kept`;
		}
		if (earlier?.state !== "finished" || job.state === "finished") continue;
		if (command.do !== "retry-job" && command.do !== "retry-run" && command.do !== "retry-matching")
			return `finished job ${id} was moved by ${command.do}`;
		const rounds = (after.runs.get(job.run)?.round ?? 0) - (before.runs.get(job.run)?.round ?? 0);
		if (rounds !== 1) return `job ${id} was retried in a round ${rounds} higher`;
	}
	return null;
}
