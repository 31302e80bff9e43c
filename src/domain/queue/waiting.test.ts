import { expect, it } from "vitest";
import { aCause, aJob, aSpec, someSettings } from "../../testing/builders.ts";
import { noon } from "../../testing/clock.ts";
import { explainWaiting } from "./waiting.ts";

const settings = someSettings({ maxRunning: 2 });
const full = { running: 2, groups: new Map([["production", 1]]) };
const spec = aSpec({ concurrencyGroup: "production", labels: ["gpu"], needs: ["build"] });

/** From the first that would have to be removed to the last; each line removes the one before it. */
it.each([
	["needs", aJob("blocked", { spec }), someSettings({ paused: true }), full, 0, 'waits for "build"'],
	[
		"paused",
		aJob("waiting", { spec, notBefore: noon }),
		someSettings({ maxRunning: 2, paused: true, pauseNote: "release day" }),
		full,
		0,
		"the repository is paused: release day",
	],
	[
		"backing-off",
		aJob("waiting", { spec, notBefore: noon, attempts: 1 }),
		settings,
		full,
		0,
		"attempt 2 waits for its backoff",
	],
	[
		"backing-off",
		aJob("waiting", {
			spec,
			notBefore: noon,
			attempts: 1,
			cause: aCause({ by: "platform", reason: "its runner was lost" }),
		}),
		settings,
		full,
		0,
		"attempt 2 waits for its backoff: its runner was lost",
	],
	[
		"backing-off",
		aJob("waiting", { spec, notBefore: noon, lapses: 2 }),
		settings,
		full,
		0,
		"the runner that was handed it did not start it: it is tried again",
	],
	[
		"backing-off",
		aJob("waiting", { spec, notBefore: noon, startsAt: noon }),
		settings,
		full,
		0,
		"it is not meant to begin earlier",
	],
	["repository-limit", aJob("waiting", { spec }), settings, full, 0, "2 of 2 jobs of the repository run"],
	[
		"concurrency-group",
		aJob("waiting", { spec }),
		settings,
		{ ...full, running: 1 },
		0,
		'1 of 1 jobs of the group "production" run',
	],
	[
		"no-runner",
		aJob("waiting", { spec }),
		settings,
		{ running: 1, groups: new Map() },
		0,
		'the pool "default" has no runner with "gpu"',
	],
	[
		"runners-busy",
		aJob("waiting", { spec }),
		settings,
		{ running: 1, groups: new Map() },
		1,
		'every fitting runner of the pool "default" is busy',
	],
	[
		"runners-busy",
		aJob("waiting", { spec }),
		settings,
		{ running: 1, groups: new Map() },
		null,
		'the pool "default" has not said yet what runners it has',
	],
] as const)("[E1] %s", (code, job, repository, load, runners, detail) => {
	const { since, ...found } = explainWaiting(job, repository, load, { pool: { runners, pause: null }, now: noon });
	expect(found).toEqual({ code, detail, expectedStartAt: code === "backing-off" ? noon : null });
	expect(since).toBe(job.since);
});

it.each([
	["paused", "new disks", 'the pool "default" is paused: new disks'],
	["paused", null, 'the pool "default" is paused'],
	["draining", null, 'the pool "default" is draining'],
] as const)(
	"[E1][B8] a pool that is %s (note: %s) is named before anything of the repository but its own pause",
	(kind, note, detail) => {
		const job = aJob("waiting", { spec, notBefore: noon });
		const pool = { runners: 0, pause: { kind, note } };
		expect(explainWaiting(job, settings, full, { pool, now: noon })).toMatchObject({ code: "paused", detail });
		const paused = someSettings({ paused: true });
		expect(explainWaiting(job, paused, full, { pool, now: noon }).detail).toBe("the repository is paused");
	},
);

it("[E1] a long list of needs is cut", () => {
	const job = aJob("blocked", { spec: aSpec({ needs: ["a", "b", "c", "d", "e", "f", "g"] }) });
	expect(explainWaiting(job, settings, full, { pool: null, now: noon }).detail).toBe(
		'waits for "a", "b", "c", "d", "e" and 2 more',
	);
});

const free = { running: 0, groups: new Map<string, number>() };
const plain = aSpec({ needs: [], labels: [] });

it.each([
	[{ draining: 1, unwell: 0, reason: null }, "1 drains"],
	[{ draining: 0, unwell: 1, reason: "its disk is full" }, "1 is unwell: its disk is full"],
	[{ draining: 2, unwell: 3, reason: null }, "2 drain, 3 are unwell"],
])("[E5] of runners that are there and take nothing, %j: %s", (unfit, words) => {
	const pool = { runners: 0, pause: null, unfit };
	expect(explainWaiting(aJob("waiting", { spec: plain }), settings, free, { pool, now: noon })).toMatchObject({
		code: "no-runner",
		detail: `the pool "default" has no runner that takes jobs; ${words}`,
	});
});

it.each([
	["others may take it", { avoids: "runner-1" }, 2, 14_999, "backing-off"],
	["they had their time", { avoids: "runner-1" }, 2, 15_000, "runners-busy"],
	["there are no others", { avoids: "runner-1" }, 1, 1, "runners-busy"],
	["no runner failed it", { avoids: null }, 2, 1, "runners-busy"],
] as const)("[E6] of a job that is kept from its last runner, while %s: %j, %i runners, after %i ms: %s", (...row) => {
	const [, patch, runners, ms, code] = row;
	const job = aJob("waiting", { spec: plain, ...patch });
	const found = explainWaiting(job, settings, free, { pool: { runners, pause: null }, now: job.since + ms });
	expect(found.code).toBe(code);
	expect(found.expectedStartAt).toBe(code === "backing-off" ? job.since + 15_000 : null);
});

it.each([
	[{ maxRunning: 0 }, { running: 0, groups: new Map() }, "no job of the repository may run: its limit is 0"],
	[
		{ maxRunning: 0 },
		{ running: 2, groups: new Map() },
		"no job of the repository may run: its limit is 0, and 2 that began before run on",
	],
	[
		{ concurrencyGroups: { production: { limit: 0 } } },
		{ running: 1, groups: new Map([["production", 1]]) },
		'no job of the group "production" may run: its limit is 0, and 1 that began before runs on',
	],
] as const)("[E9] the limits %o are named as what holds a job back", (limits, load, detail) => {
	const job = aJob("waiting", { spec });
	expect(explainWaiting(job, someSettings(limits), load, { pool: null, now: noon }).detail).toBe(detail);
});
