import { describe, expect, it } from "vitest";
import { aCause, aFailure, aReport, aRunId, aSubmission, someSettings } from "../../testing/builders.ts";
import { noon } from "../../testing/clock.ts";
import { MemoryRun } from "../../testing/memory-run.ts";
import type { LeaseName, RunView } from "./decide.ts";
import {
	decideCancelJob,
	decideCancelRun,
	decideExpire,
	decideFinish,
	decidePriority,
	decideRetryJob,
	decideRetryRun,
	decideStart,
	decideTimeUp,
	leaseStateOf,
} from "./decide.ts";
import { decideAddJobs, decideSubmit } from "./decide-submit.ts";
import type { FinishedAttempt, FinishReport } from "../job/job.ts";
import { runJobsMax } from "../limits.ts";

const chance = { now: noon, random: 0.5 };
const wish = { actor: "dev@example.com", reason: null, at: noon };
const byUser = aCause({ by: "user", actor: "ops", at: noon });

function start(run: MemoryRun, key: string): LeaseName {
	const lease = run.grant(key, noon);
	expect(run.take(decideStart(run, lease, noon))).toBe("ok");
	return lease;
}

function end(run: MemoryRun, key: string, report: FinishReport = aReport()): LeaseName {
	const lease = start(run, key);
	expect(run.take(decideFinish(run, lease, report, chance))).toBe("ok");
	return lease;
}

const never = () => {
	throw new Error("not asked for");
};

function indexOf(run: MemoryRun, key: string): number {
	return run.called(key).index;
}

describe("submit", () => {
	const submit = (...jobs: { key: string; needs?: string[] }[]) =>
		decideSubmit(
			{ id: aRunId(), number: 1, submission: aSubmission(jobs.map((job) => ({ run: "true", ...job }))) },
			someSettings(),
			noon,
		);

	it("[D1] makes all jobs, those without needs waiting", () => {
		const run = MemoryRun.of({ key: "b", needs: ["a"] }, { key: "a" });
		expect(run.story()).toEqual({ b: "blocked", a: "waiting" });
		expect(run.run).toMatchObject({ jobs: 2, counts: { blocked: 1, waiting: 1 } });
		expect(run.called("b").needs).toEqual([1]);
	});

	it("[D1] refuses all of them for one that cannot be", () => {
		expect(submit({ key: "a" }, { key: "b", needs: ["c"] })).toMatchObject({ ok: false });
	});

	it("[D1] needs to know where the source is, if there is one", () => {
		const source = { cloneUrl: "", ref: "main", commit: null };
		const jobs = [{ key: "a", run: "true" }];
		const decide = (cloneUrl: string | null) =>
			decideSubmit(
				{ id: aRunId(), number: 1, submission: aSubmission(jobs, { source }) },
				someSettings({ cloneUrl }),
				noon,
			);
		expect(decide(null)).toMatchObject({ ok: false, refusal: { code: "clone-url-missing" } });
		expect(decide("https://git.example/a")).toMatchObject({
			value: { run: { source: { cloneUrl: "https://git.example/a", ref: "main" } } },
		});
	});
});

describe("adding jobs", () => {
	const add = (run: MemoryRun, ...jobs: { key: string; needs?: string[] }[]) =>
		run.take(
			decideAddJobs(
				run,
				jobs.map((job) => ({ run: "true", ...job })),
				someSettings(),
				byUser,
			),
		);

	it("[D2] they wait, are blocked or skipped by what is there already", () => {
		const run = MemoryRun.of({ key: "good" }, { key: "bad" }, { key: "open" });
		end(run, "good");
		end(run, "bad", aFailure());
		const jobs = [
			{ key: "x", needs: ["good"] },
			{ key: "y", needs: ["bad"] },
			{ key: "z", needs: ["open"] },
			{ key: "w" },
		];
		expect(add(run, ...jobs)).toBe("ok");
		expect(run.story()).toMatchObject({ x: "waiting", y: "skipped", z: "blocked", w: "waiting" });
		end(run, "open");
		expect(run.story()).toMatchObject({ z: "waiting" });
	});

	it("[D2][D11] a skip among them is carried on, in whatever order they are written", () => {
		const run = MemoryRun.of({ key: "bad" }, { key: "open" });
		end(run, "bad", aFailure());
		expect(add(run, { key: "last", needs: ["first"] }, { key: "first", needs: ["bad"] })).toBe("ok");
		expect(run.story()).toMatchObject({ first: "skipped", last: "skipped" });
	});

	it("[D2] a finished run takes none, a full one no more, and no key twice", () => {
		const run = MemoryRun.of({ key: "a" });
		expect(add(run, { key: "a" })).toBe("graph-invalid");
		run.run = { ...run.run, jobs: runJobsMax };
		expect(add(run, { key: "b" })).toBe("run-jobs-max");
		const over = MemoryRun.of({ key: "a" });
		end(over, "a");
		expect(add(over, { key: "b" })).toBe("run-finished");
	});
});

describe("a canceled run", () => {
	const add = (run: MemoryRun) => run.take(decideAddJobs(run, [{ key: "c", run: "true" }], someSettings(), byUser));

	it.each([
		["somebody", null, "run-canceled"],
		["a newer run", aRunId("b"), "run-superseded"],
	])("[D15] by %s takes no jobs until a retry has lifted the cancel", (_, by, code) => {
		const run = MemoryRun.of({ key: "a" }, { key: "b" });
		start(run, "a");
		run.take(decideCancelRun(run, wish, by));
		expect(add(run)).toBe(code);
		expect(run.story()).toEqual({ a: "canceling", b: "canceled" });
		run.take(decideRetryJob(run, indexOf(run, "b"), byUser));
		expect(add(run)).toBe("ok");
		expect(run.story()).toEqual({ a: "canceling", b: "waiting", c: "waiting" });
	});
});

describe("leases", () => {
	it("[D3] a start told twice has the effect of once", () => {
		const run = MemoryRun.of({ key: "a" });
		const lease = start(run, "a");
		const { version } = run.run;
		expect(run.take(decideStart(run, lease, noon + 1))).toBe("ok");
		expect(run.called("a")).toMatchObject({ state: "running", attempts: 1, attempt: { startedAt: noon } });
		expect(run.run.version).toBe(version);
	});

	it.each([
		["an earlier epoch", { epoch: 0 }],
		["a later epoch", { epoch: 2 }],
		["another attempt", { attempt: 2 }],
	])("[D3][D4] start and finish by %s are stale and change nothing", (_, patch) => {
		const run = MemoryRun.of({ key: "a" });
		const lease = run.grant("a", noon);
		expect(run.take(decideStart(run, { ...lease, ...patch }, noon))).toBe("lease-stale");
		expect(run.take(decideStart(run, lease, noon))).toBe("ok");
		expect(run.take(decideFinish(run, { ...lease, ...patch }, aReport(), chance))).toBe("lease-stale");
		expect(run.story()).toEqual({ a: "running" });
	});

	it("[D4] nothing can be finished that was not started", () => {
		const run = MemoryRun.of({ key: "a" });
		const lease = run.grant("a", noon);
		expect(run.take(decideFinish(run, lease, aReport(), chance))).toBe("lease-not-started");
		expect(run.take(decideFinish(run, { ...lease, attempt: 2 }, aReport(), chance))).toBe("lease-stale");
		expect(run.take(decideStart(run, lease, noon))).toBe("ok");
	});

	it("[D4] a finish told twice has the effect of once, also when the job waits or runs again", () => {
		const retry = { maxAttempts: 2, backoff: { initialSeconds: 0 } };
		const run = MemoryRun.of({ key: "a", retry });
		const lease = end(run, "a", aFailure());
		const before = run.called("a");
		expect(run.take(decideFinish(run, lease, aFailure(), chance))).toBe("ok");
		expect(run.called("a")).toBe(before);
		const second = start(run, "a");
		expect(run.take(decideFinish(run, lease, aFailure(), chance))).toBe("ok");
		expect(run.called("a")).toMatchObject({ state: "running", epoch: second.epoch });
	});

	it("[D4] another report than the one that was told is stale, except where it was not kept what was told", () => {
		const run = MemoryRun.of({ key: "a" });
		const lease = end(run, "a", aFailure());
		expect(run.take(decideFinish(run, lease, aReport(), chance))).toBe("lease-stale");
		expect(run.take(decideFinish(run, lease, aFailure({ logSha256: "0".repeat(64) }), chance))).toBe("lease-stale");
		expect(run.take(decideFinish(run, lease, aFailure({ commit: null, platformFault: null }), chance))).toBe("ok");
		const { report: _, ...old } = run.attempt(0, 1) as FinishedAttempt;
		const stored: RunView = {
			run: run.run,
			job: (at) => run.job(at),
			attempt: () => old,
			nodes: never,
			keys: never,
			jobs: never,
		};
		expect(decideFinish(stored, lease, aReport(), chance)).toMatchObject({ ok: true, value: { moves: [] } });
	});

	it("[D4] a report by a lease that was given up is stale", () => {
		const run = MemoryRun.of({ key: "a" });
		const lease = start(run, "a");
		run.apply(decideExpire(run, lease, { quietMs: 30_000, now: noon }));
		expect(run.take(decideFinish(run, lease, aReport(), chance))).toBe("lease-stale");
		expect(run.story()).toEqual({ a: "waiting" });
	});

	it("[D5] a lease that expired is lost once", () => {
		const run = MemoryRun.of({ key: "a" });
		const lease = start(run, "a");
		run.apply(decideExpire(run, lease, { quietMs: 30_000, now: noon }));
		const after = run.called("a");
		expect(after).toMatchObject({ state: "waiting", losses: 1 });
		run.apply(decideExpire(run, lease, { quietMs: 30_000, now: noon + 1 }));
		expect(run.called("a")).toBe(after);
	});

	it("[D5] what was granted and not started is left to its lapse", () => {
		const run = MemoryRun.of({ key: "a" });
		run.apply(decideExpire(run, run.grant("a", noon), { quietMs: 30_000, now: noon }));
		expect(run.story()).toEqual({ a: "leased" });
	});

	it("[N212] what was granted to a runner that was put out lapses at once, and that runner begins it no more", () => {
		const run = MemoryRun.of({ key: "a" });
		const lease = run.grant("a", noon);
		run.apply(decideExpire(run, lease, { quietMs: 0, now: noon, isPutOut: true }));
		expect(run.called("a")).toMatchObject({ state: "waiting", attempts: 0, lapses: 1 });
		expect(decideStart(run, lease, noon)).toMatchObject({ ok: false, refusal: { code: "lease-stale" } });
	});

	it("[D5][J7] a runner that began anew may have been heard of just now: an exclusive job's slot is held for as long as that one may go on", () => {
		const run = MemoryRun.of({ key: "a", concurrencyGroup: "production" });
		run.apply(decideExpire(run, start(run, "a"), { quietMs: 0, now: noon }));
		expect(run.called("a")).toMatchObject({ losesAt: noon + 50_000 });
	});

	it("[D5][D12] an exclusive job's slot is held, while its holder hears that it is lost", () => {
		const run = MemoryRun.of({ key: "a", concurrencyGroup: "production" });
		const lease = start(run, "a");
		expect(leaseStateOf(run.called("a"), lease)).toBe("ok");
		run.apply(decideExpire(run, lease, { quietMs: 30_000, now: noon }));
		expect(run.story()).toEqual({ a: "running" });
		expect(leaseStateOf(run.called("a"), lease)).toBe("lost");
		expect(
			decideExpire(run, lease, { quietMs: 30_000, now: noon + 9_000 }).moves,
			"told again, the hold is not prolonged",
		).toEqual([]);
		run.apply(decideTimeUp(run, [0], { now: noon + 20_000, random: 0 }));
		expect(run.story()).toEqual({ a: "lost" });
	});

	it("[D12] every state of a job as its lease's holder sees it", () => {
		const run = MemoryRun.of({ key: "a" });
		const lease = run.grant("a", noon);
		const seen = () => leaseStateOf(run.called("a"), lease);
		expect([leaseStateOf(null, lease), seen()]).toEqual(["lost", "ok"]);
		run.take(decideStart(run, lease, noon));
		run.take(decideCancelJob(run, 0, { ...wish, force: false }));
		expect([seen(), leaseStateOf(run.called("a"), { ...lease, epoch: 0 })]).toEqual(["canceling", "lost"]);
		run.take(decideFinish(run, lease, aReport(), chance));
		expect(seen()).toBe("lost");
	});
});

describe("the alarm", () => {
	it("[D6] moves what is due and nothing else", () => {
		const run = MemoryRun.of({ key: "a", queueTimeoutSeconds: 10 }, { key: "b" }, { key: "c", needs: ["a"] });
		run.apply(decideTimeUp(run, [0, 1, 2, 99], { now: noon + 10_000, random: 0 }));
		expect(run.story()).toEqual({ a: "expired", b: "waiting", c: "skipped" });
	});

	it("[D6] changes nothing, not even the version, when nothing is due", () => {
		const run = MemoryRun.of({ key: "a" });
		expect(decideTimeUp(run, [0], chance)).toEqual({ run: run.run, moves: [] });
	});
});

describe("cancel", () => {
	it("[D7] ends what does not run and asks what runs to stop; again, it changes nothing", () => {
		const run = MemoryRun.of({ key: "a" }, { key: "b" }, { key: "c", needs: ["a"] }, { key: "d" });
		start(run, "a");
		end(run, "d");
		expect(run.take(decideCancelRun(run, wish))).toBe("ok");
		expect(run.story()).toEqual({ a: "canceling", b: "canceled", c: "canceled", d: "passed" });
		const again = decideCancelRun(run, { ...wish, reason: "again", at: noon + 1 });
		expect(again).toMatchObject({ ok: true, value: { moves: [] } });
		expect(run.take(again)).toBe("ok");
		expect(run.run.cancel).toEqual(wish);
	});

	it("[D7] names what supersedes the run", () => {
		const run = MemoryRun.of({ key: "a" });
		run.take(decideCancelRun(run, wish, aRunId("b")));
		expect(run.run).toMatchObject({ outcome: "canceled", supersededBy: aRunId("b") });
		expect(run.take(decideCancelRun(run, wish))).toBe("ok");
	});

	it("[D7] a run that ended otherwise is finished", () => {
		const run = MemoryRun.of({ key: "a" });
		end(run, "a");
		expect(run.take(decideCancelRun(run, wish))).toBe("run-finished");
		expect(run.take(decideCancelJob(run, 0, { ...wish, force: true }))).toBe("job-finished");
		expect(run.take(decideCancelJob(run, 7, { ...wish, force: false }))).toBe("job-unknown");
	});

	it("[D7][D11] the cancel of one job is carried through the graph", () => {
		const run = MemoryRun.of({ key: "a" }, { key: "b", needs: ["a"] }, { key: "c", needs: ["b"], when: "always" });
		run.take(decideCancelJob(run, 0, { ...wish, force: false }));
		expect(run.story()).toEqual({ a: "canceled", b: "skipped", c: "waiting" });
	});
});

describe("retry", () => {
	it("[D8] one job runs again, and what was skipped because of it waits again, one round higher", () => {
		const run = MemoryRun.of({ key: "a" }, { key: "b", needs: ["a"] }, { key: "c" });
		end(run, "a", aFailure());
		start(run, "c");
		expect(run.take(decideRetryJob(run, 0, byUser))).toBe("ok");
		expect(run.story()).toEqual({ a: "waiting", b: "blocked", c: "running" });
		const { by: _, ...retried } = byUser;
		expect(run.run).toMatchObject({ round: 2, state: "running", outcome: null, retried });
		expect(run.called("a").cause).toEqual(byUser);
		end(run, "a");
		expect(run.story()).toMatchObject({ b: "waiting" });
	});

	it("[D8] what another failed need holds back is not woken", () => {
		const run = MemoryRun.of({ key: "a" }, { key: "b" }, { key: "c", needs: ["a", "b"] });
		end(run, "a", aFailure());
		end(run, "b", aFailure());
		run.take(decideRetryJob(run, 0, byUser));
		expect(run.story()).toEqual({ a: "waiting", b: "failed", c: "skipped" });
	});

	it("[D14] a job retried by name runs, though its need failed or none did as its `when` asks", () => {
		const run = MemoryRun.of({ key: "a" }, { key: "b", needs: ["a"] }, { key: "c", needs: ["b"], when: "failure" });
		end(run, "a", aFailure());
		expect(run.story()).toEqual({ a: "failed", b: "skipped", c: "waiting" });
		end(run, "c");
		expect(run.take(decideRetryJob(run, 1, byUser))).toBe("ok");
		expect(run.story()).toEqual({ a: "failed", b: "waiting", c: "passed" });
		end(run, "b");
		expect(run.take(decideRetryJob(run, 2, byUser))).toBe("ok");
		expect(run.story()).toEqual({ a: "failed", b: "passed", c: "waiting" });
	});

	it("[D14] while a need is open it waits for it, and then its `when` decides", () => {
		const run = MemoryRun.of({ key: "a" }, { key: "b", needs: ["a"] });
		end(run, "a", aFailure());
		run.take(decideRetryJob(run, 0, byUser));
		run.take(decideCancelJob(run, 1, { ...wish, force: false }));
		run.take(decideRetryJob(run, 1, byUser));
		expect(run.story()).toEqual({ a: "waiting", b: "blocked" });
		end(run, "a", aFailure());
		expect(run.story()).toEqual({ a: "failed", b: "skipped" });
	});

	it("[D8] only what is finished can be retried", () => {
		const run = MemoryRun.of({ key: "a" });
		expect(run.take(decideRetryJob(run, 0, byUser))).toBe("job-not-finished");
		expect(run.take(decideRetryJob(run, 7, byUser))).toBe("job-unknown");
	});

	it.each([
		["failed", { good: "passed", bad: "waiting", below: "blocked", open: "running" }],
		["all", { good: "waiting", bad: "waiting", below: "blocked", open: "running" }],
	] as const)("[D9] of a run: %s, and what runs is left alone", (only, expected) => {
		const run = MemoryRun.of(
			{ key: "good" },
			{ key: "bad" },
			{ key: "below", needs: ["bad", "good"] },
			{ key: "open" },
		);
		end(run, "good");
		end(run, "bad", aFailure());
		start(run, "open");
		expect(run.take(decideRetryRun(run, only, byUser))).toBe("ok");
		expect(run.story()).toEqual(expected);
	});

	it("[D9] there must be something to retry", () => {
		const run = MemoryRun.of({ key: "a" });
		end(run, "a");
		expect(run.take(decideRetryRun(run, "failed", byUser))).toBe("run-nothing-to-retry");
	});

	it("[D9] takes back a cancel", () => {
		const run = MemoryRun.of({ key: "a" });
		run.take(decideCancelRun(run, wish));
		run.take(decideRetryRun(run, "failed", byUser));
		expect(run.run).toMatchObject({ cancel: null, supersededBy: null, outcome: null });
		end(run, "a");
		expect(run.run.outcome).toBe("passed");
	});
});

describe("priority", () => {
	it("[D10] acts on what waits or is blocked, and on nothing else", () => {
		const run = MemoryRun.of({ key: "a" }, { key: "b", needs: ["a"] });
		const set = (key: string) => run.take(decidePriority(run, indexOf(run, key), 9, noon));
		expect([set("a"), set("b")]).toEqual(["ok", "ok"]);
		expect([run.called("a").priority, run.called("b").priority]).toEqual([9, 9]);
		start(run, "a");
		expect(set("a")).toBe("job-not-waiting");
		expect(run.take(decidePriority(run, 7, 9, noon))).toBe("job-unknown");
	});
});

describe("carrying on", () => {
	it("[D11] an end, what it skips and what it frees are one decision", () => {
		const run = MemoryRun.of(
			{ key: "a" },
			{ key: "b", needs: ["a"] },
			{ key: "c", needs: ["b"] },
			{ key: "cleanup", needs: ["a"], when: "failure" },
		);
		const lease = start(run, "a");
		const { version } = run.run;
		const decided = decideFinish(run, lease, aFailure(), chance);
		expect(decided).toMatchObject({ ok: true, value: { run: { version: version + 1 } } });
		run.take(decided);
		expect(run.story()).toEqual({ a: "failed", b: "skipped", c: "skipped", cleanup: "waiting" });
	});
});
