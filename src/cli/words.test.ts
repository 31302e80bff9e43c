// What people read of pools, runners, queues and jobs: each line says what is so, and in words.
import { expect, it } from "vitest";
import type { PoolFigures, RunnerFigures } from "../contracts/http/runner.ts";
import { aWireAttempt, aWireJob } from "../testing/wire-builders.ts";
import { lagText, queueText } from "./repo/repo-show.ts";
import { poolText, poolStanding } from "./pool/pool-text.ts";
import { jobRow } from "./run-summary.ts";
import { createPaint } from "./terminal/paint.ts";
import { spansText } from "./terminal/span.ts";

const paint = createPaint(false);
const runner = (name: string, rest: Partial<RunnerFigures>): RunnerFigures => ({
	...{ id: `rn-${name}`, name, labels: [], state: "idle", reason: null, capacity: 1, leases: 0 },
	lastSeenAt: "2026-05-01T12:00:00.000Z",
	...rest,
});
const pool: PoolFigures = {
	...{ owner: "acme", pool: "big", paused: false, pauseNote: null, draining: false },
	...{ waiting: 2, running: 1, idle: 0, busy: 0, oldestWaitingSeconds: 4 },
	runners: [
		runner("one", { state: "draining", leases: 1 }),
		runner("two", { state: "unwell", reason: "its disk is full: 3 KiB are left" }),
	],
};

it("[X21] a pool names the runners that take nothing, and why an unwell one does not", () => {
	expect(poolText(pool, paint).split("\n")).toEqual([
		"runner  id      state     jobs  labels  seen                      why",
		"one     rn-one  draining  1/1           2026-05-01T12:00:00.000Z",
		"two     rn-two  unwell    0/1           2026-05-01T12:00:00.000Z  its disk is full: 3 KiB are left",
		"pool acme/big is active; 2 waiting, the oldest for 4 s, 1 running, 0 runners busy, 0 idle, 1 draining, 1 unwell",
	]);
	expect(poolStanding({ ...pool, draining: true, pauseNote: "new disks" })).toBe("draining: new disks");
});

const noWaits = { oldestWaitingSeconds: null, waitSecondsP50: null, waitSecondsP99: null };

it("[X21] a job that is being canceled still runs", () => {
	const queue = { blocked: 1, waiting: 2, leased: 0, running: 0, canceling: 1, ...noWaits };
	expect(queueText(queue)).toBe("1 running (1 of them being canceled), 2 waiting, 1 blocked");
	expect(queueText({ ...queue, canceling: 0, running: 3 })).toBe("3 running, 2 waiting, 1 blocked");
	expect(queueText({ ...queue, oldestWaitingSeconds: 61, waitSecondsP50: 1.25, waitSecondsP99: 190 })).toBe(
		"1 running (1 of them being canceled), 2 waiting, the oldest for 61 s, 1 blocked\n" +
			"lately half of the jobs waited up to 1.3 s, 99 % up to 3 m 10 s",
	);
});

it("[M6] the lag of lists is said in words, and what is not known is not called none", () => {
	expect(lagText(0)).toBe("lists show every change");
	expect(lagText(12.5)).toBe("lists are behind: the oldest change that they do not show was 12.5 s ago");
	expect(lagText(null)).toBe("lists: not known yet whether they show every change");
});

it("[X20] the time of a job that was retried is that of its attempts", () => {
	const attempt = (startedAt: string, finishedAt: string | null) => ({ startedAt, finishedAt });
	const spans = [attempt("2026-05-01T12:00:00Z", "2026-05-01T12:00:10Z"), attempt("2026-05-01T12:30:00Z", null)];
	expect(spansText(spans, Date.parse("2026-05-01T12:30:05Z"))).toBe("15.0 s");
	expect(spansText([], 0)).toBe("");
	const attempts = [aWireAttempt(), aWireAttempt({ number: 2 })];
	expect(jobRow(aWireJob("test", { attempts }), paint)[3]).toBe("5.0 s");
});
