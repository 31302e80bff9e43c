// A repository's limits: reached, one below, after their reset, by two at once, past a sleep, raised, and lowered below what is used.
import { beforeEach, describe, expect, it } from "vitest";
import { runIdFrom } from "../../domain/ids.ts";
import type { RunId } from "../../domain/ids.ts";
import type { JobRequest } from "../../domain/job/submission.ts";
import type { LimitName } from "../../domain/limit/limit-table.ts";
import type { Refusal, Result } from "../../domain/refusal.ts";
import { aFailure, aReport, must } from "../../simulation/queue-driver.ts";
import { SimulatedPort } from "../../simulation/world/simulated-port.ts";
import { noon } from "../../testing/clock.ts";

let made = 0;
let port: SimulatedPort;
beforeEach(async () => {
	port = new SimulatedPort("acme", noon);
	must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
});

const jobs = (count: number, rest: Partial<JobRequest> = {}): JobRequest[] =>
	Array.from({ length: count }, (_, at) => ({ key: `j${at}`, run: "true", ...rest }));

function aCall(of: JobRequest[], key: string | null = null) {
	const run = runIdFrom(new Uint8Array(15).fill(++made));
	const submission = {
		source: null,
		title: null,
		trigger: "api",
		actor: "ann",
		cancelSuperseded: false,
		jobs: of,
	} as const;
	return { run, key, digest: JSON.stringify(of), submission };
}

const submit = (of: JobRequest[], key: string | null = null) => port.calls.submit(aCall(of, key));

async function limit(change: Partial<Record<LimitName, number | null>>, replace = false): Promise<void> {
	must(await port.calls.setLimits({ change, replace }));
}

/** What an answer says of a limit: its name and number, or that all was taken. */
function said(result: Result<unknown>): string {
	if (result.ok) return "taken";
	const { refusal } = result;
	return refusal.code === "limit-reached" ? `${refusal.limit} ${refusal.max}` : refusal.code;
}

function waitOf(result: Result<unknown>): number | null {
	const refusal: Refusal | null = result.ok ? null : result.refusal;
	return refusal?.code === "limit-reached" ? refusal.retryAfterMs : null;
}

async function used(name: LimitName): Promise<number | null | undefined> {
	return must(await port.calls.limits()).find((item) => item.name === name)?.used;
}

/** Claims one job, starts it and ends it. */
async function work(fails = false): Promise<void> {
	const claim = { runner: { id: "rn1", name: "rn1" }, pool: "default", shard: 0, labels: [], free: 1 };
	const lease = (await port.calls.claim(claim)).grants[0]?.claim;
	if (!lease) throw new Error("nothing was granted");
	must(await port.calls.start(lease));
	must(await port.calls.finish(lease, fails ? aFailure() : aReport()));
}

async function runOf(id: RunId) {
	return must(await port.calls.run(id));
}

describe("waiting jobs", () => {
	it("[V21] are taken up to the limit and not one beyond, whole submissions or none, and what begins makes room", async () => {
		await limit({ "waiting-jobs": 3 });
		expect(said(await submit(jobs(2)))).toBe("taken");
		const refused = await submit(jobs(2));
		expect(said(refused)).toBe("waiting-jobs 3");
		expect(waitOf(refused)).toBeGreaterThan(0);
		expect(await used("waiting-jobs")).toBe(2);
		expect(said(await submit([{ key: "a", run: "true" }]))).toBe("taken");
		expect(said(await submit(jobs(1)))).toBe("waiting-jobs 3");
		await work();
		const last = must(await submit(jobs(1)));
		// Numbers have no gap by those that were refused.
		expect(last.run.number).toBe(3);
	});

	it("[V21] hold for two who come at once, and for jobs that have needs", async () => {
		await limit({ "waiting-jobs": 3 });
		const blocked = [
			{ key: "a", run: "true" },
			{ key: "b", run: "true", needs: ["a"] },
		];
		const both = await Promise.all([submit(blocked), submit(blocked)]);
		expect(both.map(said).sort()).toEqual(["taken", "waiting-jobs 3"]);
	});

	it("[V21] that were accepted are accepted: a repeated key gets its run, a need that ends and a rule that retries ask nobody", async () => {
		await limit({ "waiting-jobs": 2 });
		const retry = { maxAttempts: 2 };
		const of = [
			{ key: "a", run: "true", retry },
			{ key: "b", run: "true", needs: ["a"] },
		];
		const call = aCall(of, "once");
		const { run } = must(await port.calls.submit(call));
		await limit({ "waiting-jobs": 0 });
		expect(must(await port.calls.submit(call))).toMatchObject({ replayed: true, run: { id: run.id } });
		await work(true);
		expect((await runOf(run.id)).jobs?.map(({ state }) => state)).toEqual(["waiting", "blocked"]);
		port.moveClock(60_000);
		await port.alarm();
		await work();
		await work();
		expect(await runOf(run.id)).toMatchObject({ state: "finished", outcome: "passed" });
	});

	it("[V21] count added jobs and retries, one by one and in bulk, and a refusal leaves no trace of either", async () => {
		const { run } = must(await submit(jobs(2)));
		await work(true);
		await work(true);
		const { run: open } = must(await submit(jobs(1)));
		await limit({ "waiting-jobs": 1 });
		const actor = { actor: "ann", reason: null };
		const more = { run: open.id, jobs: [{ key: "more", run: "true" }], key: null, digest: "d", ...actor };
		const all = {
			outcome: ["failed" as const],
			since: null,
			label: null,
			ref: null,
			dryRun: false,
			key: null,
			...actor,
		};
		const before = port.stored;
		expect(said(await port.calls.addJobs(more))).toBe("waiting-jobs 1");
		expect(said(await port.calls.retryRun({ run: run.id, only: "failed", key: null, ...actor }))).toBe(
			"waiting-jobs 1",
		);
		expect(said(await port.calls.retryJob({ job: `j${run.id.slice(1)}-0`, key: null, ...actor }))).toBe(
			"waiting-jobs 1",
		);
		expect(said(await port.calls.retryMatching(all))).toBe("waiting-jobs 1");
		expect(port.stored).toEqual(before);
		expect(must(await port.calls.retryMatching({ ...all, dryRun: true })).items).toHaveLength(2);
		await limit({ "waiting-jobs": 3 });
		expect(said(await port.calls.retryMatching(all))).toBe("taken");
		expect(await used("waiting-jobs")).toBe(3);
	});

	it("[V21] are as many after a sleep, and so is what the operator set", async () => {
		await limit({ "waiting-jobs": 3 });
		must(await submit(jobs(2)));
		await port.evict();
		expect(said(await submit(jobs(2)))).toBe("waiting-jobs 3");
		expect(said(await submit(jobs(1)))).toBe("taken");
	});

	it("[Y4][V21] a spilled run that comes to a full repository is there as refused, says why, and runs by a retry once there is room", async () => {
		await limit({ "waiting-jobs": 2 });
		must(await submit(jobs(2)));
		const call = aCall(jobs(1));
		const spilled = { ...call, acceptedAt: noon, canceled: null };
		expect(await port.calls.drain([spilled])).toEqual([{ ok: true, value: null }]);
		const shown = await runOf(call.run);
		expect(shown).toMatchObject({ state: "finished", outcome: "refused" });
		expect(shown.reason).toMatch(/limit "waiting-jobs" of 2/);
		await work();
		const retry = { run: call.run, only: "failed" as const, key: null, actor: "ann", reason: null };
		expect(said(await port.calls.retryRun(retry))).toBe("taken");
	});
});

describe("label sets", () => {
	it("[V22] are counted by pool, labels and group of all unfinished jobs, once each, and go with their last job", async () => {
		await limit({ "label-sets": 2 });
		must(
			await submit([
				{ key: "a", run: "true" },
				{ key: "b", run: "true", labels: ["gpu"], needs: ["a"] },
			]),
		);
		expect(said(await submit(jobs(5, { labels: ["gpu"] })))).toBe("taken");
		for (const other of [{ labels: ["arm"] }, { pool: "large" }, { concurrencyGroup: "deploy" }])
			expect(said(await submit(jobs(1, other)))).toBe("label-sets 2");
		await port.evict();
		expect(said(await submit(jobs(1, { labels: ["arm"] })))).toBe("label-sets 2");
		await work();
		expect(said(await submit(jobs(1, { labels: ["arm"] })))).toBe("taken");
	});
});

describe("runs a minute", () => {
	it("[V23] are taken up to the limit at once, then as time gives them back, also after a sleep; a refused run is not counted", async () => {
		await limit({ "runs-per-minute": 6 });
		const burst = await Promise.all(Array.from({ length: 8 }, () => submit(jobs(1))));
		expect(burst.map(said).filter((word) => word === "taken")).toHaveLength(6);
		const refused = burst.at(-1);
		expect(refused && said(refused)).toBe("runs-per-minute 6");
		expect(refused && waitOf(refused)).toBe(10_000);
		await port.evict();
		expect(said(await submit(jobs(1)))).toBe("runs-per-minute 6");
		port.moveClock(9_999);
		expect(said(await submit(jobs(1)))).toBe("runs-per-minute 6");
		port.moveClock(1);
		expect(said(await submit(jobs(1)))).toBe("taken");
		expect(said(await submit(jobs(1)))).toBe("runs-per-minute 6");
		port.moveClock(60_000);
		expect(await used("runs-per-minute")).toBe(0);
	});

	it("[V23] say when all of them are back, and count spilled runs without refusing them", async () => {
		await limit({ "runs-per-minute": 2 });
		const calls = [1, 2, 3].map(() => ({ ...aCall(jobs(1)), acceptedAt: noon, canceled: null }));
		must({ ok: true, value: await port.calls.drain(calls) });
		for (const { run } of calls) expect((await runOf(run)).outcome).toBeNull();
		expect(said(await submit(jobs(1)))).toBe("runs-per-minute 2");
		const shown = must(await port.calls.limits()).find(({ name }) => name === "runs-per-minute");
		expect(shown).toMatchObject({ used: 2, limit: 2, unit: "runs a minute", resetsAt: "2026-01-15T12:01:00.000Z" });
	});
});

describe("secrets", () => {
	it("[V24] are taken up to the limit; one that is there is set and deleted at any number", async () => {
		await limit({ secrets: 2 });
		const set = (name: string, sealed: string | null = "sealed") => port.calls.setSecret({ name, sealed });
		expect([await set("A"), await set("B"), await set("C")].map(said)).toEqual(["taken", "taken", "secrets 2"]);
		await limit({ secrets: 1 });
		expect([await set("A"), await set("C"), await set("B", null), await set("C")].map(said)).toEqual([
			"taken",
			"secrets 1",
			"taken",
			"secrets 1",
		]);
	});
});

describe("a limit that is set", () => {
	it("[V25] acts at once, leaves what is used beyond it, and goes back to the table's number by null or by what a PUT does not name", async () => {
		must(await submit(jobs(3)));
		await limit({ "waiting-jobs": 1, secrets: 7 });
		expect(await used("waiting-jobs")).toBe(3);
		expect(said(await submit(jobs(1)))).toBe("waiting-jobs 1");
		const shown = async () =>
			must(await port.calls.limits()).flatMap(({ name, limit: max }) =>
				name === "waiting-jobs" || name === "secrets" ? [max] : [],
			);
		await limit({ "waiting-jobs": 4 });
		expect(await shown()).toEqual([4, 7]);
		expect(said(await submit(jobs(1)))).toBe("taken");
		await limit({ "waiting-jobs": null });
		expect(await shown()).toEqual([50_000, 7]);
		await limit({ "label-sets": 9 }, true);
		expect(await shown()).toEqual([50_000, 500]);
		// Other settings are set without a word about limits.
		must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
		expect(must(await port.calls.limits()).find(({ name }) => name === "label-sets")?.limit).toBe(9);
	});

	it("[V25] of a repository that nobody configured is none", async () => {
		const empty = new SimulatedPort("acme", noon);
		expect(said(await empty.calls.limits())).toBe("repository-unknown");
		expect(said(await empty.calls.setLimits({ change: {}, replace: true }))).toBe("repository-unknown");
	});
});
