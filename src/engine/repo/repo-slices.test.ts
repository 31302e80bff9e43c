// Acts on runs of many jobs, over the SQLite of Node: on one machine all objects share a thread, and none may keep it for long.
import { expect, it, vi } from "vitest";
import type { Job, Run } from "../../contracts/http/run.ts";
import { jobIdFrom, runIdFrom } from "../../domain/ids.ts";
import type { RunId } from "../../domain/ids.ts";
import { perform } from "../../simulation/command.ts";
import { aFailure, must } from "../../simulation/queue-driver.ts";
import { SimulatedPort } from "../../simulation/world/simulated-port.ts";
import { noon } from "../../testing/clock.ts";
import { readArchived } from "./archive/repo-archive.ts";
import type { RunStore } from "./repo-ports.ts";

const jobsCount = 100;
const sliceJobs = 10;
const dev = { actor: "ann", reason: null };
const [run, newer] = [7, 8].map((byte) => runIdFrom(new Uint8Array(15).fill(byte))) as [RunId, RunId];

function submit(id: RunId, count: number, cancelSuperseded = false) {
	const jobs = Array.from({ length: count }, (_, at) => ({ key: `j${at}`, run: "true" }));
	const source = { cloneUrl: "https://git.example/web.git", ref: "refs/heads/main", commit: null };
	const submission = { source, title: null, trigger: "api" as const, actor: "ann", cancelSuperseded, jobs };
	return { run: id, key: null, digest: "", submission };
}

async function aRun(): Promise<SimulatedPort> {
	const port = new SimulatedPort("acme", noon, { sliceJobs });
	must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
	must(await port.calls.submit(submit(run, jobsCount)));
	await port.rest();
	await port.tell();
	return port;
}

const acts: { act: string; begin(port: SimulatedPort): Promise<void>; work(port: SimulatedPort): Promise<unknown> }[] =
	[
		{ act: "cancel", begin: async () => {}, work: ({ calls }) => calls.cancelRun({ run, ...dev }) },
		{
			act: "retry",
			begin: async ({ calls }) => void must(await calls.cancelRun({ run, ...dev })),
			work: ({ calls }) => calls.retryRun({ run, only: "all", key: "again", ...dev }),
		},
		{
			act: "end by a newer run",
			begin: async () => {},
			work: ({ calls }) => calls.submit(submit(newer, 1, true)),
		},
		{
			act: "addition of a job",
			begin: async () => {},
			work: ({ calls }) => calls.addJobs({ run, jobs: [{ key: "more", run: "true" }], key: null, digest: "", ...dev }),
		},
		{ act: "submission", begin: async () => {}, work: ({ calls }) => calls.submit(submit(newer, jobsCount)) },
		{ act: "showing", begin: async () => {}, work: ({ calls }) => calls.run(run) },
	];

it.each(acts)("[W92][W94] the $act of a run of many jobs gives way after some of them", async ({ begin, work }) => {
	const port = await aRun();
	await begin(port);
	const executed = vi.spyOn(port.storage.sql, "exec");
	let most = 0;
	let rows = 0;
	const count = () => {
		rows = executed.mock.results.reduce((sum, { value }) => sum + 1 + value.rowsRead, 0);
		most = Math.max(most, rows);
		executed.mockClear();
	};
	port.beforeOthers = count;
	await work(port);
	count();
	expect(most).toBeLessThan(4 * sliceJobs);
});

it("[W94] a run that changes while it is shown is shown as it is at one moment", async () => {
	const port = await aRun();
	let ends = 0;
	port.beforeOthers = () => {
		if (ends < 2) void port.calls.cancelJob({ job: jobIdFrom(run, ends++), force: false, ...dev });
	};
	const shown = must(await port.calls.run(run));
	expect(ends).toBe(2);
	expect(countsOf(shown)).toMatchObject({ waiting: jobsCount - 2, finished: 2 });
	expect(countsOf(shown)).toMatchObject(
		Object.fromEntries(Object.entries(shown.counts).filter(([, count]) => count > 0)),
	);
});

it("[W94] a run that never rests is shown all the same", async () => {
	const port = await aRun();
	let priority = 0;
	port.beforeOthers = () => void port.calls.reprioritise({ job: jobIdFrom(run, 0), priority: ++priority % 10 });
	expect(must(await port.calls.run(run)).jobs).toHaveLength(jobsCount);
});

it("[W95] an end in a run of many jobs reads few of them, and what it needs is known", async () => {
	const port = new SimulatedPort("acme", noon, { sliceJobs });
	must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
	const call = submit(run, jobsCount);
	const jobs = call.submission.jobs.map((job, at) => (at >= jobsCount / 2 ? { ...job, needs: [`j${at % 50}`] } : job));
	must(await port.calls.submit({ ...call, submission: { ...call.submission, jobs } }));
	const executed = vi.spyOn(port.storage.sql, "exec");
	const finish = async () => {
		const runner = { id: "rn1", name: "rn1" };
		const [lease] = (await perform(port, { do: "claim", runner, pool: "default", labels: [], free: 1 })).grants;
		if (!lease) throw new Error("nothing was granted");
		await perform(port, { do: "start", lease });
		executed.mockClear();
		await perform(port, { do: "finish", lease, report: aFailure() });
		return executed.mock.results.reduce((sum, { value }) => sum + value.rowsRead, 0);
	};
	expect(await finish()).toBeGreaterThan(jobsCount);
	expect(await finish()).toBeLessThan(sliceJobs);
	await port.evict();
	expect(await finish()).toBeGreaterThan(jobsCount);
	const shown = must(await port.calls.run(run)).jobs ?? [];
	const skipped = shown.filter(({ outcome }) => outcome === "skipped").map(({ key }) => key);
	expect(skipped).toEqual(["j50", "j51", "j52"]);
});

it("[W96] a run of many jobs goes to the archive, is read there and comes back in slices", async () => {
	const port = await aRun();
	must(await port.calls.cancelRun({ run, ...dev }));
	await port.rest();
	await port.tell();
	const parsed = vi.spyOn(JSON, "parse");
	const executed = vi.spyOn(port.storage.sql, "exec");
	let most = 0;
	port.beforeOthers = () => {
		most = Math.max(most, executed.mock.calls.length);
		executed.mockClear();
	};
	const before = must(await port.calls.run(run));
	// The tables say by the machine's own clock when the last round was.
	port.storage.sql.exec("UPDATE repository SET archived_at = 0");
	await port.evict();
	port.moveClock(9 * 86_400_000);
	must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: false }));
	await port.tell();
	port.moveClock(1_000);
	for (let round = 0; round < 3; round++) await port.alarm();
	const text = port.archive.get(run) ?? "";
	expect(text.length).toBeGreaterThan(10_000);
	expect(await port.calls.run(run)).toMatchObject({ ok: false, refusal: { code: "run-archived" } });
	const store = { get: async (_: unknown, id: RunId) => port.archive.get(id) ?? null } as RunStore;
	const place = { name: { owner: "acme", repo: "web" }, run, now: port.now() };
	parsed.mockClear();
	expect(await readArchived(store, place, async () => {})).toEqual(before);
	expect(Math.max(...parsed.mock.calls.map(([line]) => line.length))).toBeLessThan(2_000);
	parsed.mockRestore();
	port.archive.set(run, JSON.stringify(JSON.parse(text)));
	expect(await readArchived(store, place, async () => {})).toEqual(before);
	executed.mockClear();
	must(await port.calls.retryRun({ run, only: "all", key: null, ...dev }));
	port.beforeOthers();
	expect(most).toBeLessThan(4 * sliceJobs);
	expect(must(await port.calls.run(run)).counts).toMatchObject({ waiting: jobsCount, finished: 0 });
});

function countsOf({ jobs = [] }: Run): Record<string, number> {
	const byState = Map.groupBy(jobs, ({ state }: Job) => state);
	return Object.fromEntries([...byState].map(([state, those]) => [state, those.length]));
}

it("[V13] a drain of many runs gives way after some of their jobs, and takes them in in their order", async () => {
	const port = new SimulatedPort("acme", noon, { sliceJobs });
	must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
	const ids = Array.from({ length: 30 }, (_, at) => runIdFrom(new Uint8Array(15).fill(at)));
	const calls = ids.map((id) => ({ ...submit(id, 4), acceptedAt: noon, canceled: null }));
	const taken: number[] = [];
	const count = () =>
		port.storage.sql.exec<{ runs: number }>("SELECT count(*) AS runs FROM run").toArray()[0]?.runs ?? 0;
	port.beforeOthers = () => void taken.push(count());
	expect((await port.calls.drain(calls)).every(({ ok }) => ok)).toBe(true);
	expect(taken).toEqual(Array.from({ length: 14 }, (_, at) => 2 * (at + 1)));
	expect(must(await port.calls.run(ids[29] ?? run)).number).toBe(30);
});
