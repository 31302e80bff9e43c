// Who is handed what, who is told of it, and what those who wait are told. [I7] [I9] [I10] [E1]
import { nodeOf } from "../../domain/run/decide.ts";
import { nodeReadiness } from "../../domain/run/graph.ts";
import type { Millis } from "../../domain/ids.ts";
import type { Job } from "../../domain/job/job.ts";
import { avoidMs, demandFreshMs } from "../../domain/limits.ts";
import { explainWaiting } from "../../domain/queue/waiting.ts";
import type { Facts, Stored } from "../facts.ts";
import { isHeld, limitOf, loadOf, startable } from "../facts.ts";
import type { InvariantMemory } from "./memory.ts";

const secondMs = 1_000;

/** Under the settings of the moment in which something was granted. */
export function keepsLimits({ answer, before, after, now }: Facts, { retried }: InvariantMemory): string | null {
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

/** What a claim hands out first is what nobody with more right to it could have had. */
export function isFair({ command, answer, before, now }: Facts): string | null {
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
	const weights = new Map(Object.entries(settings.fairness.weights));
	const partyOf = (job: Job) => (by === "ref" ? (job.ref ?? job.actor) : job.actor);
	const running = Map.groupBy([...jobs.values()].filter(isHeld), partyOf);
	return (job) => {
		const party = partyOf(job);
		const later = ((running.get(party)?.length ?? 0) / (weights.get(party) ?? 1)) * perRunningSeconds * secondMs;
		return job.createdAt - job.priority * 60 * secondMs + Math.round(later);
	};
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

/** Nobody is blocked whose needs have ended, and a claim hands out all that it may. */
export function leavesNobodyBehind({ command, answer, after, now }: Facts): string | null {
	const runs = Map.groupBy(after.jobs.values(), ({ run }) => run);
	for (const jobs of runs.values()) {
		const nodes = new Map(jobs.map((job) => [job.index, nodeOf(job)]));
		for (const job of jobs) {
			if (job.state === "blocked" && nodeReadiness(nodeOf(job), nodes) !== "open")
				return `job ${job.id} is blocked by nothing`;
		}
	}
	if (command.do !== "claim" || answer.grants.length >= Math.min(command.free, 32)) return null;
	const [left] = claimable(after, command, now);
	return left === undefined ? null : `job ${left.id} could have been granted and was not`;
}

/** By pool and labels, how many jobs could start if runners were free. */
function couldStart(after: Stored): Map<string, number> {
	const load = loadOf(after.jobs.values());
	const could = Map.groupBy(startable(after), ({ spec }) => JSON.stringify([spec.pool, spec.labels]));
	const counts = [...could].map(([key, jobs]): [string, number] => {
		const groups = Map.groupBy(jobs, ({ spec }) => spec.concurrencyGroup);
		let most = 0;
		for (const [group, { length }] of groups) {
			const room = group === null ? length : limitOf(after.settings, group) - (load.groups.get(group) ?? 0);
			most += Math.min(length, room);
		}
		return [key, Math.min(most, after.settings.maxRunning - load.running)];
	});
	return new Map(counts);
}

/** What pools believe is what could start, as soon as all that is new was told. */
export function tellsDemand({ after, port }: Facts): string | null {
	if (!port.isTold) return null;
	const told = new Map(
		[...port.pools.values()].flatMap(({ pool, believed }) =>
			(believed?.sets ?? []).map(({ labels, waiting }): [string, number] => [JSON.stringify([pool, labels]), waiting]),
		),
	);
	for (const [key, most] of couldStart(after)) {
		const mayMiscount = port.slept.has(JSON.parse(key)[0]);
		if (told.get(key) !== most && !(mayMiscount && told.has(key)))
			return `${most} jobs of ${key} could start, and the pool believes ${told.get(key) ?? 0}`;
		told.delete(key);
	}
	const stale = [...told.keys()].find((key) => {
		const [pool] = JSON.parse(key);
		return !port.misled.has(pool) && !port.slept.has(pool);
	});
	return stale === undefined ? null : `nothing of ${stale} could start, and the pool believes it`;
}

/**
 * What a pool shows to wait is what its repository has had waiting at some instant of the last seconds, whatever either forgot;
 * less than that it may show only as long as something new was not told yet.
 */
export function showsWhatWaits(
	{ command, answer, after, now, port }: Facts,
	{ waited }: InvariantMemory,
): string | null {
	const present = new Map<string, number>();
	for (const [key, count] of couldStart(after)) {
		const [pool] = JSON.parse(key);
		present.set(pool, (present.get(pool) ?? 0) + count);
	}
	waited.push({ at: now, byPool: present });
	while ((waited[1]?.at ?? now) <= now - demandFreshMs) waited.shift();
	if (command.do !== "look") return null;
	const lately = waited.map(({ byPool }) => byPool.get(command.pool) ?? 0);
	const shown = answer.jobs;
	if (shown > Math.max(...lately)) return `the pool says that ${shown} wait, and ${lately.at(-1)} do`;
	return shown < Math.min(...lately) && port.isTold
		? `the pool says that ${shown} wait, and ${lately.at(-1)} do`
		: null;
}

/** The reason that a waiting job gives is what keeps it from starting. */
export function namesReasons({ after }: Facts): string | null {
	const load = loadOf(after.jobs.values());
	const could = new Set(startable(after));
	for (const [id, job] of after.jobs) {
		if (job.state !== "waiting" && job.state !== "blocked") continue;
		const { code } = explainWaiting(job, after.settings, load, { pool: null, now: job.since });
		if ((code === "runners-busy") !== could.has(job))
			return `job ${id} says ${code}, and could${could.has(job) ? "" : " not"} start`;
		if ((code === "needs") !== (job.state === "blocked")) return `job ${id} is ${job.state} and says ${code}`;
	}
	return null;
}
