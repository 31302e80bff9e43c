// The judge must see each broken promise: what it says of evidence in which one is broken, and that it says nothing of the same
// evidence whole.
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Attempt, Job, Run } from "../../src/contracts/http/run.ts";
import type { Accepted } from "../load/submitter.ts";
import type { Submission } from "../plan/submissions.ts";
import type { Entry, Started } from "../runners/journal.ts";
import { lineLog } from "../runners/line-log.ts";
import { checkAlarms } from "./check-alarms.ts";
import { checkGroup, checkLeases } from "./check-leases.ts";
import { checkLineLog, checkShellLog, lineAttempts } from "./check-logs.ts";
import { checkRows } from "./check-rows.ts";
import { checkRuns } from "./check-runs.ts";
import type { RunEvidence } from "./check-runs.ts";

const id = `r${"a".repeat(24)}`;
const jobId = `j${"a".repeat(24)}-0`;
const time = (second: number) => new Date(second * 1_000).toISOString();

function anAttempt(number: number, more: Partial<Attempt> = {}): Attempt {
	const log = { state: "sealed", length: 0, sha256: null, missing: [] } as Attempt["log"];
	const times = { startedAt: time(number * 10), finishedAt: time(number * 10 + 5) };
	return { number, outcome: "passed", exitCode: 0, by: "submit", log, ...times, ...more } as Attempt;
}

function aJob(attempts: Attempt[], more: Partial<Job> = {}): Job {
	return { id: jobId, key: "job-0", run: id, state: "finished", attempts, ...more } as Job;
}

function aRun(more: Partial<Run> = {}): Run {
	const numbers = { number: 1, round: 1, version: 9 };
	return { id, title: "key 1", state: "finished", ...numbers, jobs: [aJob([anAttempt(1)])], ...more } as Run;
}

const submission = {
	...{ number: 1, key: "key 1", repo: "one", act: "none", actMs: 0, pauseMs: 0 },
	request: { jobs: [{ key: "job-0", run: "true", env: { CHAOS_ENDING: "passed" } }] },
} as Submission;
const accepted: Accepted = { submission, id, spilled: false };

function seen(run: Run, more: Partial<RunEvidence> = {}): string[] {
	const evidence = { accepted: [accepted], acted: [], runs: new Map([[run.id, run]]), listed: [run], ...more };
	return checkRuns(evidence).map(({ kind, text }) => `${kind}: ${text}`);
}

const lost = anAttempt(1, { outcome: "lost", exitCode: null });

describe("[H4] of runs the judge", () => {
	it("[H4] has nothing against one that is finished, once, with a loss and another attempt", () => {
		expect(seen(aRun())).toEqual([]);
		expect(seen(aRun({ jobs: [aJob([lost, anAttempt(2, { by: "platform" })])] }))).toEqual([]);
	});

	it.each<[what: string, said: RegExp, run: Run, more?: Partial<RunEvidence>]>([
		["is not there", /^lost: key 1 was accepted and is not there/, aRun(), { runs: new Map(), listed: [] }],
		["is not finished", /^lost: .* still running/, aRun({ state: "running" })],
		["has a job that is not", /^lost: .* it is waiting/, aRun({ jobs: [aJob([], { state: "waiting" })] })],
		["has an attempt without an end", /^lost: .* no end/, aRun({ jobs: [aJob([anAttempt(1, { outcome: null })])] })],
		[
			"was retried in vain",
			/^lost: retry-all .* first round/,
			aRun(),
			{ acted: [{ act: "retry-all", key: "key 1", run: id }] },
		],
		[
			"has two ids for one key",
			/^doubled: key 1 was answered with/,
			aRun(),
			{
				accepted: [accepted, { ...accepted, id: "rb" }],
				runs: new Map([
					[id, aRun()],
					["rb", aRun()],
				]),
			},
		],
		[
			"is one that nobody submitted",
			/^doubled: .* no answer named/,
			aRun(),
			{ listed: [aRun(), aRun({ id: "rc", number: 2 })] },
		],
		[
			"shares its number",
			/^doubled: .*#1 is/,
			aRun(),
			{
				accepted: [accepted, { ...accepted, id: "rb", submission: { ...submission, key: "key 2" } }],
				runs: new Map([
					[id, aRun()],
					["rb", aRun({ id: "rb" })],
				]),
				listed: [aRun(), aRun({ id: "rb", title: "key 2" })],
			},
		],
		[
			"ran again after it passed",
			/^doubled: .* after one that passed/,
			aRun({ jobs: [aJob([anAttempt(1), anAttempt(2, { by: "rule" })])] }),
		],
		["lacks an attempt", /^doubled: .* numbered 2/, aRun({ jobs: [aJob([anAttempt(2)])] })],
		[
			"ended as no runner did",
			/^doubled: .* no runner did that/,
			aRun({ jobs: [aJob([anAttempt(1, { outcome: "failed", exitCode: 9 })])] }),
		],
		[
			"has attempts side by side",
			/^two-leases: .* began before/,
			aRun({ jobs: [aJob([lost, anAttempt(2, { by: "platform", startedAt: time(12) })])] }),
		],
	])("[H4] says it of one that %s", (_, said, run, more) => {
		expect(seen(run, more).join("\n")).toMatch(said);
	});
});

function started(epoch: number, second: number, more: Partial<Started> = {}): Started {
	const at = second * 1_000;
	const place = { lease: `${jobId}.${epoch}`, job: jobId, attempt: epoch, runner: `runner-${epoch}` };
	return { what: "started", sentAt: at, at: at + 10, token: "t", lines: 3, ...place, ...more };
}

function finished(epoch: number, second: number): Entry {
	const at = second * 1_000;
	return { what: "finished", sentAt: at, at: at + 10, lease: `${jobId}.${epoch}`, bytes: 5, outcome: "passed" };
}

it("[H4] the judge sees two live leases of a job, and none in those that follow each other", () => {
	const texts = (entries: Entry[]) => checkLeases(entries).map(({ text }) => text);
	expect(texts([started(1, 1), finished(1, 2), started(2, 3), finished(2, 4)])).toEqual([]);
	expect(texts([started(1, 1), started(2, 3), finished(1, 4)])[0]).toContain("was finished after");
	expect(texts([started(2, 1), started(1, 3)])[0]).toContain("was started after");
	expect(texts([started(1, 1), started(2, 3, { attempt: 1 })])[0]).toContain("attempt 1 is");
	expect(texts([started(1, 1), started(1, 3, { runner: "other" })])[0]).toContain("runner-1 and other");
});

it("[H4] the judge sees two jobs of a concurrency group that ran at once", () => {
	expect(checkGroup(["a.1", "a.1", "b.1", "b.1", "a.2"])).toEqual([]);
	expect(checkGroup(["a.1", "b.1", "a.1"]).map(({ text }) => text)).toEqual(["a.1 still ran when another had begun"]);
});

function sealed(bytes: Buffer, more: Partial<Attempt["log"]> = {}): Attempt {
	const sha256 = createHash("sha256").update(bytes).digest("hex");
	return anAttempt(1, { log: { state: "sealed", length: bytes.length, sha256, missing: [], ...more } });
}

it("[H4] the judge sees each byte of a log that is lost, doubled or elsewhere", () => {
	const all = lineLog(`${jobId}.1`, 3);
	const entries: Entry[] = [started(1, 1), { what: "stored", at: 2, lease: `${jobId}.1`, bytes: all.length }];
	const [known] = lineAttempts([...entries, { ...finished(1, 3), bytes: all.length } as Entry]);
	if (!known) throw new Error("the journal tells of no attempt");
	const texts = (bytes: Buffer, record = sealed(bytes)) => checkLineLog(known, record, bytes).map(({ text }) => text);
	expect(texts(all)).toEqual([]);
	expect(texts(all.subarray(1))[0]).toContain("were acknowledged");
	expect(texts(Buffer.concat([all, all]))[0]).toContain(`at byte ${all.length}`);
	const swapped = Buffer.from(all);
	swapped.writeUInt8(0, 4);
	expect(texts(swapped)[0]).toContain("at byte 4");
	expect(texts(all, sealed(all, { state: "partial" }))[0]).toContain("its end was acknowledged");
	expect(texts(all, sealed(all, { sha256: "0".repeat(64) }))[0]).toContain("not what its record says");
});

it("[H4] the judge sees a real runner's log that is not what was printed", () => {
	const must = Buffer.from("line 1\nline 2\n");
	const texts = (bytes: Buffer, record = sealed(bytes), mayBeCanceled = false) =>
		checkShellLog(aJob([record]), record, { bytes, must, mayBeCanceled }).map(({ text }) => text);
	const noted = Buffer.concat([must, Buffer.from("canceled")]);
	expect([texts(noted).length, texts(noted, sealed(noted), true).length]).toEqual([1, 0]);
	expect(texts(must)).toEqual([]);
	expect(texts(must.subarray(0, 7))[0]).toContain("at byte 7");
	expect(texts(must, sealed(must, { state: "partial" }))[0]).toContain("reported it whole");
});

it("[H4] the judge sees a row that is not there or not the truth", () => {
	const runs = new Map([[id, aRun()]]);
	const { jobs: _, ...row } = aRun();
	expect(checkRows(runs, new Map([[id, row]]))).toEqual([]);
	expect(checkRows(runs, new Map()).map(({ text }) => text)).toEqual(["key 1 is in no list"]);
	expect(checkRows(runs, new Map([[id, { ...row, state: "running" as const }]])).map(({ text }) => text)).toEqual([
		'the list shows key 1 with state "running" for "finished"',
	]);
});

it("[H4] the judge sees an alarm that spins", () => {
	expect(checkAlarms({ "POOL a": 4, "REPO b": 2 }, 15_000)).toEqual([]);
	expect(checkAlarms({ "POOL a": 400, "REPO b": 2 }, 15_000).map(({ text }) => text)).toEqual([
		"POOL a woke itself 400 times in 15 s, with nothing to do",
	]);
});
