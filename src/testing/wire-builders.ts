// Runs, jobs and attempts as the API answers with them; the test names only the fields that it is about.
import type { Attempt, Job, Run } from "../contracts/http/run.ts";

const noon = "2026-05-01T12:00:00.000Z";

export function aWireRun(patch: Partial<Run> = {}): Run {
	const jobs = patch.jobs ?? [];
	const counts = { blocked: 0, waiting: 0, leased: 0, running: 0, canceling: 0, finished: jobs.length };
	return {
		id: "raaaaaaaaaaaaaaaaaaaaaaaa",
		number: 7,
		round: 1,
		state: "finished",
		outcome: "passed",
		spilled: false,
		title: null,
		source: null,
		trigger: "api",
		actor: "dev@example.com",
		counts,
		jobs,
		version: 3,
		createdAt: noon,
		startedAt: noon,
		finishedAt: "2026-05-01T12:00:04.200Z",
		reason: null,
		retried: null,
		supersededBy: null,
		...patch,
	};
}

export function aWireJob(key: string, patch: Partial<Job> = {}): Job {
	return {
		id: `jaaaaaaaaaaaaaaaaaaaaaaaa-${placeOf(key)}`,
		key,
		name: key,
		run: "raaaaaaaaaaaaaaaaaaaaaaaa",
		state: "finished",
		outcome: "passed",
		priority: 0,
		pool: "default",
		labels: [],
		needs: [],
		when: "success",
		allowFailure: false,
		concurrencyGroup: null,
		notBefore: null,
		attempts: [aWireAttempt()],
		waiting: null,
		reason: null,
		createdAt: noon,
		finishedAt: noon,
		...patch,
	};
}

/** Some place in the run, the same for the same key. */
function placeOf(key: string): number {
	return [...key].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 10_000, 0);
}

export function aWireAttempt(patch: Partial<Attempt> = {}): Attempt {
	return {
		number: 1,
		outcome: "passed",
		platformFault: null,
		exitCode: 0,
		signal: null,
		reason: null,
		commit: null,
		runner: { id: "runner-1", name: "one" },
		startedAt: noon,
		finishedAt: "2026-05-01T12:00:02.500Z",
		steps: [],
		log: { state: "sealed", length: 3, sha256: null, missing: [] },
		by: "submit",
		actor: null,
		retryReason: null,
		next: null,
		...patch,
	};
}
