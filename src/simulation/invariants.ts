// The invariants of the rule book, checked after each step against what is stored and what those outside know. Each counts anew
// what the rules keep count of, and says what is wrong, or null.
import { readiness } from "../domain/graph.ts";
import { nodeOf, leaseStateOf } from "../domain/decide.ts";
import type { JobId, Millis, RunId } from "../domain/ids.ts";
import type { Job } from "../domain/job.ts";
import { deadlineOf } from "../domain/job-deadline.ts";
import {
	alarmNearestMs,
	avoidMs,
	blockedMaxMs,
	cancelMarginMs,
	graceSeconds,
	interruptionBackoffMaxMs,
	interruptionsMax,
	lapseBackoffMaxMs,
	lossBackoffMs,
	lossesMax,
	overrunMarginMs,
	retryAfterSecondsMax,
	startBySeconds,
	startMarginMs,
	stopAfterSeconds,
} from "../domain/limits.ts";
import type { Run } from "../domain/run.ts";
import { weightOf } from "../domain/run.ts";
import { Standing } from "../domain/standing.ts";
import { explainWaiting } from "../domain/waiting.ts";
import type { Facts, Stored } from "./facts.ts";
import { isHeld, isOpen, isSameStored, limitOf, loadOf, startable } from "./facts.ts";

const secondMs = 1_000;
const graceMs = graceSeconds * secondMs;

type Check = (facts: Facts, memory: InvariantMemory) => string | null;

/** What the invariants remember from step to step. */
export class InvariantMemory {
	/** When the runner of each lease must have stopped by itself, should it say nothing more. */
	readonly stopsBy = new Map<string, Millis>();
	/** The highest version ever shown of each run, and what it showed. */
	readonly shown = new Map<RunId, { run: Run; version: number; text: string }>();
	/** Jobs that somebody retried by name since they were accepted. */
	readonly retried = new Set<JobId>();
}

const checks: readonly [string, Check][] = [
	["I1", isKept],
	["I2", hasOneLease],
	["I2", isUntouchedByRefusals],
	["I2", isUntouchedByTheStale],
	["I2", holdsExclusiveSlots],
	["I3", standsAsHistory],
	["I6", isBounded],
	["I7", keepsLimits],
	["I8", keepsBooks],
	["I9", isFair],
	["I10", hasDeadlines],
	["I10", leavesNobodyBehind],
	["I10", tellsDemand],
	["I10", forgetsNothing],
	["E1", namesReasons],
];

/** Throws with the id of the first invariant that does not hold. */
export function checkInvariants(facts: Facts, memory: InvariantMemory): void {
	for (const [id, check] of checks) {
		const wrong = check(facts, memory);
		if (wrong !== null) throw new Error(`[${id}] ${wrong}`);
	}
}

/** What was accepted is there, and so is everything that was ever stored. */
function isKept({ before, after, known }: Facts): string | null {
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

function hasOneLease({ before, after, known }: Facts): string | null {
	const live = new Map<JobId, number>();
	for (const { claim } of known.leases) {
		if (leaseStateOf(after.jobs.get(claim.job) ?? null, claim) === "lost") continue;
		const other = live.get(claim.job);
		if (other !== undefined) return `job ${claim.job} has live leases ${other} and ${claim.epoch}`;
		live.set(claim.job, claim.epoch);
	}
	for (const [id, job] of after.jobs) {
		const earlier = before.jobs.get(id);
		if (earlier === undefined) continue;
		const isGranted = job.state === "leased" && earlier.state !== "leased";
		if (job.epoch !== earlier.epoch + (isGranted ? 1 : 0))
			return `job ${id} went from epoch ${earlier.epoch} to ${job.epoch}`;
	}
	return null;
}

function isUntouchedByRefusals({ command, answer, before, after }: Facts): string | null {
	if (answer.code === "ok" || isSameStored(before.texts, after.texts)) return null;
	return `a ${command.do} that was refused as ${answer.code} changed what is stored`;
}

/** What reports a lease that has passed on changes nothing, whatever it is answered: a finish told twice gets its answer again. */
function isUntouchedByTheStale({ command, before, after }: Facts): string | null {
	if (command.do !== "start" && command.do !== "finish") return null;
	const job = before.jobs.get(command.lease.job);
	if (job !== undefined && isHeld(job) && job.epoch === command.lease.epoch) return null;
	return isSameStored(before.texts, after.texts) ? null : `the ${command.do} of a stale lease changed what is stored`;
}

/** The slot of an exclusive job is freed by its runner's report, by force, or when the runner must have stopped. */
function holdsExclusiveSlots({ command, before, after, now }: Facts, { stopsBy }: InvariantMemory): string | null {
	for (const [id, job] of after.jobs) {
		const earlier = before.jobs.get(id);
		if (earlier === undefined || earlier === job || !job.spec.exclusive) continue;
		const lease = `${id}.${earlier.epoch}`;
		const isSame = isHeld(job) && job.epoch === earlier.epoch;
		if (isSame && (job.state === "running" || job.state === "canceling")) {
			const ends = [stopsBy.get(lease) ?? Number.POSITIVE_INFINITY];
			if (earlier.state === "leased") ends.push(now + job.spec.timeoutSeconds * secondMs + graceMs);
			// Whoever is given up as lost was not heard of for long, and is stopping already.
			if (job.losesAt !== null) ends.push(now + graceMs);
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

function standsAsHistory({ command, before, after }: Facts): string | null {
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
		if (command.do !== "retry-job" && command.do !== "retry-run")
			return `finished job ${id} was moved by ${command.do}`;
		const rounds = (after.runs.get(job.run)?.round ?? 0) - (before.runs.get(job.run)?.round ?? 0);
		if (rounds !== 1) return `job ${id} was retried in a round ${rounds} higher`;
	}
	return null;
}

/** Retries by rule, after losses and after lapses each have their bound, in number and in waiting. */
function isBounded({ before, after, now }: Facts): string | null {
	for (const [key, attempt] of after.attempts) {
		if (before.attempts.has(key)) continue;
		const job = after.jobs.get(attempt.job);
		if (job === undefined) return `attempt ${key} is nobody's`;
		const attempts = Array.from({ length: attempt.number }, (_, at) => after.attempts.get(`${job.id}/${at + 1}`));
		const { maxAttempts, backoff } = job.spec.retry;
		const isRetried = attempt.next !== null && "at" in attempt.next;
		const byRule = attempts.filter(
			(each) => each && each.outcome !== "lost" && each.next !== null && "at" in each.next,
		);
		if (byRule.length > maxAttempts - 1)
			return `job ${job.id} is retried ${byRule.length} times, and may have ${maxAttempts} attempts`;
		const asked = attempts.findLastIndex((each) => each?.cause.by === "user");
		const ended = attempts.findLastIndex((each) => each?.outcome !== "lost");
		const inARow = attempts.slice(Math.max(asked, ended + 1));
		const losses = inARow.filter((each) => each?.platformFault === "lost").length;
		if (isRetried && losses >= lossesMax) return `job ${job.id} was lost ${losses} times in a row and goes on`;
		if (isRetried && inARow.length - losses >= interruptionsMax)
			return `job ${job.id} was stopped by its runners ${inARow.length - losses} times in a row and goes on`;
		if (attempt.next === null || !("at" in attempt.next)) continue;
		const longestMs =
			attempt.outcome === "lost"
				? Math.max(lossBackoffMs * 2 ** lossesMax, interruptionBackoffMaxMs)
				: Math.max(backoff.maxSeconds, retryAfterSecondsMax) * secondMs;
		if (attempt.next.at > now + longestMs) return `attempt ${key} backs off ${attempt.next.at - now} ms`;
	}
	for (const [id, job] of after.jobs) {
		const earlier = before.jobs.get(id);
		if (earlier?.state !== "leased" || job.state !== "waiting") continue;
		if (job.attempts !== earlier.attempts || job.used !== earlier.used) return `the lapse of ${id} used up an attempt`;
		if ((job.notBefore ?? now) > now + lapseBackoffMaxMs) return `the lapse of ${id} backs off too long`;
	}
	return isWithinBudget(before, after, now);
}

function isWithinBudget(before: Stored, after: Stored, now: Millis): string | null {
	const minuteMs = 60 * secondMs;
	const isRecent = (at: Millis) => Math.floor(at / minuteMs) > Math.floor(now / minuteMs) - 60;
	const retries = (stored: Stored) =>
		[...stored.attempts.values()].filter(
			({ outcome, next, finishedAt }) => outcome !== "lost" && next !== null && "at" in next && isRecent(finishedAt),
		).length;
	const made = retries(after);
	if (made <= retries(before)) return null;
	const open = [...after.jobs.values()].filter((job) => "attempt" in job && isRecent(job.attempt.startedAt)).length;
	const starts = [...after.attempts.values()].filter(({ startedAt }) => isRecent(startedAt)).length + open;
	const { perHour, ratio } = after.settings.retryBudget;
	const most = Math.floor(Math.max(perHour, ratio * starts));
	return made <= most ? null : `${made} automatic retries in an hour, and the budget allows ${most}`;
}

/** Under the settings of the moment in which something was granted. */
function keepsLimits({ answer, before, after, now }: Facts, { retried }: InvariantMemory): string | null {
	if (answer.grants.length === 0) return null;
	const { settings } = before;
	if (settings.paused) return "granted while paused";
	const load = loadOf(after.jobs.values());
	if (load.running > settings.maxRunning) return `${load.running} jobs hold slots, and ${settings.maxRunning} may`;
	for (const { job: id } of answer.grants) {
		const job = after.jobs.get(id);
		const group = job?.spec.concurrencyGroup ?? null;
		const held = group === null ? 0 : (load.groups.get(group) ?? 0);
		if (group !== null && held > limitOf(settings, group)) return `${held} jobs of the group ${group} hold slots`;
		const notBefore = job?.spec.notBefore ?? 0;
		if (now < notBefore && !retried.has(id)) return `job ${id} is granted ${notBefore - now} ms before it may begin`;
	}
	return null;
}

/** Counts are the jobs, and a run that looks different has a version that nobody saw before. */
function keepsBooks({ command, after, port }: Facts, { shown }: InvariantMemory): string | null {
	const jobsOf = Map.groupBy(after.jobs.values(), ({ run }) => run);
	for (const id of after.runs.keys()) {
		const run = port.queue.domainRun(id);
		if (run === null) return `run ${id} is gone`;
		const last = shown.get(id);
		if (last?.run === run) continue;
		const jobs = jobsOf.get(id) ?? [];
		const wrong = miscountOf(run, jobs);
		if (wrong !== null) return wrong;
		const text = JSON.stringify([{ ...run, version: 0 }, jobs.map((job) => after.texts.jobs.get(job.id))]);
		if (last && last.text !== text && run.version <= last.version) {
			return `run ${id} changed by ${command.do}, and its version went from ${last.version} to ${run.version}`;
		}
		shown.set(id, { run, version: Math.max(run.version, last?.version ?? 0), text });
	}
	return isLoadTrue(after, port.queue.standing);
}

function miscountOf(run: Run, jobs: readonly Job[]): string | null {
	for (const [state, count] of Object.entries(run.counts)) {
		const found = jobs.filter((job) => job.state === state).length;
		if (found !== count) return `run ${run.id} counts ${count} jobs as ${state} and has ${found}`;
	}
	for (const [weight, count] of Object.entries(run.bad)) {
		const found = jobs.filter((job) => weightOf(job) === weight).length;
		if (found !== count) return `run ${run.id} counts ${count} ends as ${weight} and has ${found}`;
	}
	return (run.state === "finished") === jobs.every((job) => !isOpen(job)) ? null : `run ${run.id} is ${run.state}`;
}

function isLoadTrue({ jobs }: Stored, standing: Standing): string | null {
	const load = loadOf(jobs.values());
	if (standing.load.running !== load.running)
		return `${standing.load.running} slots are counted, ${load.running} are held`;
	for (const group of new Set([...load.groups.keys(), ...standing.load.groups.keys()])) {
		const [counted, held] = [standing.load.groups.get(group) ?? 0, load.groups.get(group) ?? 0];
		if (counted !== held) return `${counted} slots of the group ${group} are counted, ${held} are held`;
	}
	for (const [state, counted] of Object.entries(standing.counts)) {
		const found = [...jobs.values()].filter((job) => job.state === state).length;
		if (counted !== found) return `${counted} jobs are counted as ${state}, ${found} are`;
	}
	return null;
}

/** What a claim hands out first is what nobody with more right to it could have had. */
function isFair({ command, answer, before, now }: Facts): string | null {
	if (command.do !== "claim") return null;
	const fitting = claimable(before, command, now);
	const [first] = answer.grants;
	const granted = fitting.find(({ id }) => id === first?.job);
	if (first === undefined)
		return fitting.length === 0 ? null : `nothing is granted, and ${fitting[0]?.id} could have been`;
	if (granted === undefined) return `job ${first.job} is granted and could not have been`;
	const place = placeIn(before);
	const best = fitting.reduce((least, job) => Math.min(least, place(job)), Number.POSITIVE_INFINITY);
	return place(granted) === best ? null : `job ${granted.id} goes ${place(granted) - best} ms before its turn`;
}

/** Rank with the handicap of what its party runs already. */
function placeIn({ jobs, settings }: Stored): (job: Job) => number {
	const { by, perRunningSeconds } = settings.fairness;
	const partyOf = (job: Job) => (by === "ref" ? (job.ref ?? job.actor) : job.actor);
	const running = Map.groupBy([...jobs.values()].filter(isHeld), partyOf);
	return (job) =>
		job.createdAt -
		job.priority * 60 * secondMs +
		(running.get(partyOf(job))?.length ?? 0) * perRunningSeconds * secondMs;
}

function claimable(
	stored: Stored,
	{ runner, pool, labels }: { runner: { id: string }; pool: string; labels: string[] },
	now: Millis,
): Job[] {
	return startable(stored).filter((job) => {
		if (job.spec.pool !== pool || !job.spec.labels.every((label) => labels.includes(label))) return false;
		return job.avoids !== runner.id || (job.state === "waiting" && now - job.since >= avoidMs);
	});
}

/** Everything unfinished has a deadline, the alarm is never later, and what it has seen to is not due any more. */
function hasDeadlines({ command, before, after, now, port }: Facts): string | null {
	let earliest: Millis | null = null;
	for (const [id, job] of after.jobs) {
		const deadline = deadlineOf(job);
		if (!isOpen(job)) continue;
		if (deadline === null) return `job ${id} is ${job.state} without a deadline`;
		if (deadline > now + longestMs(job)) return `job ${id} is ${job.state}, and nobody looks for ${deadline - now} ms`;
		earliest = Math.min(deadline, earliest ?? deadline);
		if (command.do === "alarm" && deadline <= now && wasDue(port, now) && before.jobs.get(id) === job) {
			return `job ${id} is due, and the alarm left it`;
		}
	}
	const { alarmAt } = port.queue.rows;
	if (earliest !== null && (alarmAt === null || alarmAt > Math.max(earliest, now + alarmNearestMs))) {
		return `something is due at ${earliest}, and the alarm is set to ${alarmAt}`;
	}
	if (command.do === "alarm" && alarmAt !== null && alarmAt < now + alarmNearestMs && wasDue(port, now))
		return "the alarm spins";
	return null;
}

/** How long a job may stay as it is when nobody does anything about it. */
function longestMs({ state, spec, startsAt, createdAt }: Job): number {
	switch (state) {
		case "blocked":
			return blockedMaxMs;
		case "waiting": {
			const delayMs = Math.max(0, (startsAt ?? createdAt) - createdAt);
			const backoffMs = Math.max(spec.retry.backoff.maxSeconds, retryAfterSecondsMax) * secondMs;
			return spec.queueTimeoutSeconds * secondMs + Math.max(delayMs, backoffMs);
		}
		case "leased":
			return startBySeconds * secondMs + startMarginMs;
		case "running":
			return spec.timeoutSeconds * secondMs + overrunMarginMs;
		case "canceling":
			return graceMs + cancelMarginMs;
		case "finished":
			return 0;
	}
}

function wasDue({ lastAlarmAt }: { lastAlarmAt: Millis | null }, now: Millis): boolean {
	return lastAlarmAt === now;
}

/** Nobody is blocked whose needs have ended, and a claim hands out all that it may. */
function leavesNobodyBehind({ command, answer, after, now }: Facts): string | null {
	const runs = Map.groupBy(after.jobs.values(), ({ run }) => run);
	for (const jobs of runs.values()) {
		const nodes = new Map(jobs.map((job) => [job.index, nodeOf(job)]));
		for (const job of jobs) {
			if (job.state === "blocked" && readiness(nodeOf(job), nodes) !== "open")
				return `job ${job.id} is blocked by nothing`;
		}
	}
	if (command.do !== "claim" || answer.grants.length >= Math.min(command.free, 32)) return null;
	const [left] = claimable(after, command, now);
	return left === undefined ? null : `job ${left.id} could have been granted and was not`;
}

/** What pools believe is what could start, as soon as all that is new was told. */
function tellsDemand({ after, port }: Facts): string | null {
	if (!port.isTold) return null;
	const load = loadOf(after.jobs.values());
	const could = Map.groupBy(startable(after), ({ spec }) => JSON.stringify([spec.pool, spec.labels]));
	const told = new Map(
		[...port.pools.values()].flatMap(({ pool, sets }) =>
			sets.map(({ labels, waiting }): [string, number] => [JSON.stringify([pool, labels]), waiting]),
		),
	);
	for (const [key, jobs] of could) {
		const groups = Map.groupBy(jobs, ({ spec }) => spec.concurrencyGroup);
		let most = 0;
		for (const [group, { length }] of groups) {
			const room = group === null ? length : limitOf(after.settings, group) - (load.groups.get(group) ?? 0);
			most += Math.min(length, room);
		}
		most = Math.min(most, after.settings.maxRunning - load.running);
		if (told.get(key) !== most)
			return `${most} jobs of ${key} could start, and the pool believes ${told.get(key) ?? 0}`;
		told.delete(key);
	}
	const stale = [...told.keys()].find((key) => !port.misled.has(JSON.parse(key)[0]));
	return stale === undefined ? null : `nothing of ${stale} could start, and the pool believes it`;
}

/** Whatever is kept in memory is what is built anew from what is stored. */
function forgetsNothing({ command, after, port }: Facts): string | null {
	if (command.do !== "tell" && command.do !== "alarm") return null;
	const anew = new Standing(port.queue.rows.openJobs(), after.settings.fairness);
	const [kept, built] = [port.queue.standing, anew].map((standing) =>
		JSON.stringify([
			[...standing.lanes()].map((lane) => JSON.stringify({ ...lane, head: lane.head?.rank })).sort(),
			standing.earliestDeadline(),
		]),
	);
	return kept === built ? null : `in memory ${kept}, from what is stored ${built}`;
}

/** The reason that a waiting job gives is what keeps it from starting. */
function namesReasons({ after }: Facts): string | null {
	const load = loadOf(after.jobs.values());
	const could = new Set(startable(after));
	for (const [id, job] of after.jobs) {
		if (job.state !== "waiting" && job.state !== "blocked") continue;
		const { code } = explainWaiting(job, after.settings, load, null);
		if ((code === "runners-busy") !== could.has(job))
			return `job ${id} says ${code}, and could${could.has(job) ? "" : " not"} start`;
		if ((code === "needs") !== (job.state === "blocked")) return `job ${id} is ${job.state} and says ${code}`;
	}
	return null;
}
