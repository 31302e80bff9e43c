// The intake: runs that were accepted while their repository did not answer. What stands in it is durable before the Worker
// answers that it accepted a run, and leaves it only once the repository has the run.
import type { Millis, RunId } from "../../domain/ids.ts";
import type { Cancel } from "../../domain/job/job.ts";
import type { Submission } from "../../domain/job/submission.ts";
import type { RepositoryName } from "./objects.ts";

/** `form` says how the rest is to be read: a build that knows another form leaves the record where it is. */
export interface SpilledRun extends RepositoryName {
	form: 1;
	run: RunId;
	key: string | null;
	digest: string;
	submission: Submission;
	acceptedAt: Millis;
	/** Absent: not yet heard by its repository, or taken by it. */
	refused?: { reason: string; at: Millis };
}

/** A record that a newer build wrote: this one cannot read it, and leaves it where it is. */
export interface NewerRecord {
	form: "newer";
}

/** A message of the queue `intake`: something of this repository is to be drained. Only a bell, the records are the truth. */
export interface IntakeBell extends RepositoryName {
	bell: "intake";
}

/** Throws an `Outage` when the store does not answer. */
export interface Intake {
	/** Create-only. False: the same submission stands there already. */
	put(spilled: SpilledRun): Promise<boolean>;
	get(name: RepositoryName, run: RunId): Promise<SpilledRun | NewerRecord | null>;
	/** [Y10] Create-only: the run that has the key, this one or an earlier one. */
	takeKey(name: RepositoryName, call: { key: string; run: RunId }): Promise<{ holder: RunId; isNew: boolean }>;
	/** The run that took the key when it was spilled; null: none did within the last day. */
	keyHolder(name: RepositoryName, key: string): Promise<RunId | null>;
	/** Some of the keys that were taken before `before`. */
	forgetKeys(before: Millis): Promise<void>;
	/** Those that this build can drain, at most `limit`: accepted first among the first thousand by name. Others are reported. */
	list(name: RepositoryName, limit: number): Promise<RunId[]>;
	/** The repository can never take it: it stays for a week, so that people find out why. */
	setRefused(spilled: SpilledRun, refused: { reason: string; at: Millis }): Promise<void>;
	/** Some of those that were refused before `before`. */
	forgetRefused(before: Millis): Promise<void>;
	remove(name: RepositoryName, run: RunId): Promise<void>;
	/** Repositories that have something in it, from `after` on. */
	repositories(call: { after: RepositoryName | null; limit: number }): Promise<RepositoryName[]>;
	/** The cancel of a run that is only here; the first stands. */
	cancel(name: RepositoryName, run: RunId, wish: Cancel): Promise<void>;
	canceled(name: RepositoryName, run: RunId): Promise<Cancel | null>;
	/** A hint, never waited for long: a bell that nobody heard the sweep rings again. Never throws. */
	ring(name: RepositoryName): Promise<void>;
}
