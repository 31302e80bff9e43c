// Whether the holder of a lease may write the log of its attempt, and whether the repository still takes what it reports of it.
import type { FinishedAttempt, Job } from "../job/job.ts";
import type { LeaseName } from "../run/decide.ts";
import { holds, isUnstarted, leaseStateOf } from "../run/decide.ts";

export interface Admission {
	state: ReturnType<typeof leaseStateOf>;
	/** `held`: the attempt's reports are accepted, even where `state` is `lost`, as it is while a lost exclusive job holds its slot. */
	work: "unstarted" | "held" | "ended";
	/** The attempt is over, and its log may be in the archive already. */
	hasEnded: boolean;
}

/**
 * A finish may overtake its log: the late bytes of an attempt that its own runner ended are still wanted. `ended` reads the attempt,
 * once it is over; null: there is none of that number.
 */
export function decideAdmission(job: Job | null, lease: LeaseName, ended: () => FinishedAttempt | null): Admission {
	if (job === null) return { state: "lost", work: "ended", hasEnded: true };
	if (isUnstarted(job, lease)) return { state: "lost", work: "unstarted", hasEnded: false };
	if (holds(job, lease)) return { state: leaseStateOf(job, lease), work: "held", hasEnded: false };
	const attempt = ended();
	const isOwn = attempt?.epoch === lease.epoch && attempt.reported;
	return { state: isOwn ? "ok" : "lost", work: "ended", hasEnded: true };
}
