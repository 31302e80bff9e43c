// What somebody asks for (fields may be absent) and what a job is held to (all fields decided). The repository's defaults
// are applied once, when the job is accepted; limits are not among them, since they act on what already waits.
import type { Fairness } from "../queue/fairness.ts";
import { fairnessDefault } from "../queue/fairness.ts";
import type { Millis } from "../ids.ts";
import type { RetryPolicy, RetryRequest } from "./retry.ts";
import { resolveRetry } from "./retry.ts";

export type When = "success" | "failure" | "always";
export type OnLost = "retry" | "fail";
export type Trigger = "api" | "push" | "pull_request" | "schedule" | "manual";

export interface Step {
	name: string;
	run: string;
}

export interface Source {
	cloneUrl: string;
	ref: string | null;
	commit: string | null;
}

export interface JobRequest {
	key: string;
	name?: string | undefined;
	needs?: string[] | undefined;
	when?: When | undefined;
	steps?: { name?: string | undefined; run: string }[] | undefined;
	run?: string | undefined;
	env?: Record<string, string> | undefined;
	secrets?: string[] | undefined;
	pool?: string | undefined;
	labels?: string[] | undefined;
	priority?: number | undefined;
	timeoutSeconds?: number | undefined;
	queueTimeoutSeconds?: number | undefined;
	allowFailure?: boolean | undefined;
	concurrencyGroup?: string | null | undefined;
	exclusive?: boolean | undefined;
	onLost?: OnLost | undefined;
	retry?: RetryRequest | undefined;
	/** No attempt begins before it. */
	notBefore?: Millis | undefined;
}

export interface Submission {
	/** Absent: the repository's own, if it has one. Null: none, though it has. `cloneUrl` empty: the repository's. */
	source?: Source | null | undefined;
	title: string | null;
	trigger: Trigger;
	/** Whether it is a fork's, as its caller says; absent: the trigger and the source say it. */
	fork?: boolean | undefined;
	actor: string;
	cancelSuperseded: boolean;
	jobs: JobRequest[];
}

/** `needs` are keys as the user wrote them; the run's graph is over places. */
export interface JobSpec {
	key: string;
	name: string;
	needs: string[];
	when: When;
	steps: Step[];
	env: Record<string, string>;
	secrets: string[];
	pool: string;
	labels: string[];
	priority: number;
	timeoutSeconds: number;
	queueTimeoutSeconds: number;
	allowFailure: boolean;
	concurrencyGroup: string | null;
	exclusive: boolean;
	onLost: OnLost;
	retry: RetryPolicy;
	notBefore: Millis | null;
}

export interface JobDefaults {
	pool: string;
	timeoutSeconds: number;
	queueTimeoutSeconds: number;
	retry: RetryRequest;
}

export interface RepositorySettings {
	cloneUrl: string | null;
	/** What runs of `cloneUrl` take that name neither ref nor commit; null: what its remote's HEAD is then. */
	defaultRef: string | null;
	maxRunning: number;
	paused: boolean;
	pauseNote: string | null;
	defaults: JobDefaults;
	concurrencyGroups: Record<string, { limit: number }>;
	retryBudget: { perHour: number; ratio: number };
	fairness: Fairness;
	/** Its part of a pool that others use too: with 2, two of its running jobs count as one. */
	poolWeight: number;
	/** Refuses new runs, so that what is there comes to its end. */
	draining: boolean;
	retentionDays: number;
	logBytesMax: number;
	locationHint: string | null;
}

/** Stored settings are laid over these, so a setting that is new needs no migration. */
export const settingsDefaults: RepositorySettings = {
	cloneUrl: null,
	defaultRef: null,
	maxRunning: 50,
	paused: false,
	pauseNote: null,
	defaults: { pool: "default", timeoutSeconds: 3_600, queueTimeoutSeconds: 86_400, retry: { maxAttempts: 1 } },
	concurrencyGroups: {},
	retryBudget: { perHour: 60, ratio: 0.2 },
	fairness: fairnessDefault,
	poolWeight: 1,
	draining: false,
	retentionDays: 90,
	logBytesMax: 100 * 1024 * 1024,
	locationHint: null,
};

/** A concurrency group without a limit of its own lets one job run at a time. */
export function groupLimit(settings: RepositorySettings, group: string): number {
	const { concurrencyGroups } = settings;
	return Object.hasOwn(concurrencyGroups, group) ? (concurrencyGroups[group]?.limit ?? 1) : 1;
}

/** [A53] Null: an empty folder; undefined: there is no clone URL to take what was asked for from. */
export function resolveSource(
	asked: Submission["source"],
	{ cloneUrl: own, defaultRef }: Pick<RepositorySettings, "cloneUrl" | "defaultRef">,
): Source | null | undefined {
	if (asked === null) return null;
	if (asked === undefined) return own === null ? null : { cloneUrl: own, ref: defaultRef, commit: null };
	const cloneUrl = asked.cloneUrl || own;
	if (cloneUrl === null) return undefined;
	// Of another remote the repository's default says nothing, and beside a commit nobody asked for a ref.
	const isOwn = cloneUrl === own && asked.commit === null;
	return { ...asked, cloneUrl, ref: asked.ref ?? (isOwn ? defaultRef : null) };
}

/** [S1] Every field decided. A job in a concurrency group is exclusive, and not given to another runner when its own is lost, unless it says otherwise. */
export function resolveSpec(request: JobRequest, defaults: JobDefaults): JobSpec {
	const group = request.concurrencyGroup ?? null;
	const steps = request.steps ?? [{ run: request.run ?? "" }];
	return {
		key: request.key,
		name: request.name ?? request.key,
		// A need that is named twice is one: the graph counts the ends that a job still waits for.
		needs: [...new Set(request.needs ?? [])],
		when: request.when ?? "success",
		steps: steps.map((step, at) => ({ name: step.name ?? `step ${at + 1}`, run: step.run })),
		env: request.env ?? {},
		secrets: [...new Set(request.secrets ?? [])],
		pool: request.pool ?? defaults.pool,
		// Sorted, since they are part of the lane's key: one set of labels is one lane, in whatever order it was written.
		labels: [...new Set(request.labels ?? [])].sort(),
		priority: request.priority ?? 0,
		timeoutSeconds: request.timeoutSeconds ?? defaults.timeoutSeconds,
		queueTimeoutSeconds: request.queueTimeoutSeconds ?? defaults.queueTimeoutSeconds,
		allowFailure: request.allowFailure ?? false,
		concurrencyGroup: group,
		exclusive: request.exclusive ?? group !== null,
		onLost: request.onLost ?? (group === null ? "retry" : "fail"),
		retry: resolveRetry(request.retry, defaults.retry),
		notBefore: request.notBefore ?? null,
	};
}

/** The caller or the rule that an attempt goes back to, when and why: kept with the attempt. */
export interface Cause {
	by: "submit" | "rule" | "user" | "platform";
	actor: string | null;
	reason: string | null;
	at: Millis;
}
