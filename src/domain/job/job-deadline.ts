// When the alarm must look at a job again, and what it then does with it.
import type { Millis } from "../ids.ts";
import type { Job, Move } from "./job.ts";
import { expireWait, lapse, promote } from "./job.ts";
import { abandon, lose, overrun } from "./job-end.ts";

/** The one instant at which the alarm must look at this job again; null for a finished one. */
export function deadlineOf(job: Job): Millis | null {
	switch (job.state) {
		case "blocked":
			return job.expiresAt;
		case "waiting":
			return job.notBefore === null ? job.expiresAt : Math.min(job.notBefore, job.expiresAt);
		case "leased":
			return job.lapsesAt;
		case "running":
			return Math.min(job.overrunsAt, job.losesAt ?? job.overrunsAt);
		case "canceling":
			return Math.min(job.killedAt, job.losesAt ?? job.killedAt);
		case "finished":
			return null;
	}
}

/** [J12] What the alarm does with a job whose deadline has passed; null when there is nothing to do yet. */
export function timeUp(job: Job, now: Millis, random: number): Move | null {
	const deadline = deadlineOf(job);
	if (deadline === null || now < deadline) return null;
	switch (job.state) {
		case "blocked":
			return expireWait(job, now);
		case "waiting":
			return now >= job.expiresAt ? expireWait(job, now) : promote(job);
		case "leased":
			return lapse(job, now);
		case "running":
			return job.losesAt !== null && now >= job.losesAt
				? lose(job, "its runner was lost", now)
				: overrun(job, now, random);
		case "canceling":
			return abandon(job, "its runner did not confirm the cancel in time", now);
		case "finished":
			return null;
	}
}
