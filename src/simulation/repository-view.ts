// What a simulated repository shows of itself, in the words of the wire, as workers/ does of the real one.
import type { Claimed, RepositoryName } from "../contracts/objects.ts";
import { timeText } from "../contracts/fields.ts";
import type { QueueFigures } from "../contracts/repository.ts";
import type { Job, Run, Waiting } from "../contracts/run.ts";
import { viewJob, viewRun } from "../contracts/view.ts";
import type { Millis } from "../domain/ids.ts";
import type { Job as DomainJob, LeasedJob } from "../domain/job.ts";
import { renewSeconds, startBySeconds, stopAfterSeconds } from "../domain/limits.ts";
import type { Run as DomainRun } from "../domain/run.ts";
import type { Standing } from "../domain/standing.ts";
import type { RepositorySettings } from "../domain/submission.ts";
import { explainWaiting } from "../domain/waiting.ts";
import type { Rows } from "./rows.ts";

export function viewOf(rows: Rows, standing: Standing) {
	const settings = rows.settings();
	const explain = (job: DomainJob, position: number | null): Waiting | null => {
		if ((job.state !== "blocked" && job.state !== "waiting") || settings === null) return null;
		// No pool here says how many runners it has.
		const { code, detail, since, expectedStartAt } = explainWaiting(job, settings, standing.load, {
			pool: null,
			now: job.since,
		});
		return { code, detail, position, since: timeText(since), expectedStartAt: timeText(expectedStartAt) };
	};
	const show = (job: DomainJob, position: number | null) => viewJob(job, rows.attempts(job), explain(job, position));
	return {
		run: (run: DomainRun): Run =>
			viewRun(
				run,
				rows.jobs(run.id).map((job) => show(job, null)),
			),
		job: (job: DomainJob): Job => show(job, job.state === "waiting" ? standing.position(job.id) : null),
	};
}

export function viewFigures(
	standing: Standing,
	{ paused, pauseNote, maxRunning, concurrencyGroups }: RepositorySettings,
	{ waits, now }: { waits: number[]; now: Millis },
): QueueFigures {
	const oldest = standing.oldestSince();
	const sorted = [...waits].sort((a, b) => a - b);
	const seconds = (part: number) => {
		const wait = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
		return wait === undefined ? null : wait / 1_000;
	};
	return {
		paused,
		pauseNote,
		...standing.counts,
		oldestWaitingSeconds: oldest === null ? null : (now - oldest) / 1_000,
		waitSecondsP50: seconds(0.5),
		waitSecondsP99: seconds(0.99),
		limits: { maxRunning, concurrencyGroups },
	};
}

export function viewGrant(
	name: RepositoryName,
	{ id, attempts, lease, spec, epoch }: LeasedJob,
	{ run, settings }: { run: DomainRun; settings: RepositorySettings },
): Claimed["grants"][number] {
	const attempt = attempts + 1;
	const { key, name: shown, steps, env, timeoutSeconds, exclusive } = spec;
	const { logBytesMax } = settings;
	return {
		claim: { ...name, pool: lease.pool, shard: lease.shard, job: id, attempt, epoch },
		grant: {
			lease: { id: lease.id, epoch, startBySeconds, renewSeconds, stopAfterSeconds },
			job: { id, key, name: shown, steps, env, secrets: {}, timeoutSeconds, attempt, exclusive, logBytesMax },
			run: { id: run.id, number: run.number, source: run.source, title: run.title },
			repository: name,
		},
	};
}
