// What a decision about a whole run reads, over the SQLite of Node: on one machine everybody waits for it.
import { expect, it, vi } from "vitest";
import { runIdFrom } from "../../domain/ids.ts";
import { must } from "../../simulation/queue-driver.ts";
import { SimulatedPort } from "../../simulation/world/simulated-port.ts";
import { noon } from "../../testing/clock.ts";

const jobsCount = 300;
const aSubmission = { source: null, title: null, trigger: "api" as const, actor: "ann", cancelSuperseded: false };

it("[W74] a run's cancel and its retry read few statements, not one for each job, and give the same as ever", async () => {
	const port = new SimulatedPort("acme", noon);
	must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
	const run = runIdFrom(new Uint8Array(15).fill(7));
	const jobs = Array.from({ length: jobsCount }, (_, at) => ({
		key: `j${at}`,
		run: "true",
		...(at % 3 === 2 ? { needs: [`j${at - 1}`] } : {}),
	}));
	const submission = { ...aSubmission, jobs };
	must(await port.calls.submit({ run, key: null, digest: "", submission }));
	const executed = vi.spyOn(port.storage.sql, "exec");
	const reads = () => {
		const texts = executed.mock.calls.map(([text]) => text);
		executed.mockClear();
		return texts.filter((text) => /^SELECT doc FROM job WHERE run = \? AND place = \?/.test(text)).length;
	};
	must(await port.calls.cancelRun({ run, actor: "ann", reason: null }));
	expect(reads()).toBeLessThan(5);
	const { run: again } = must(await port.calls.retryRun({ run, only: "all", key: null, actor: "ann", reason: null }));
	expect(reads()).toBeLessThan(5);
	expect(again).toMatchObject({ round: 2, counts: { waiting: 200, blocked: 100 } });
	expect((again.jobs ?? []).map(({ key }) => key)).toEqual(jobs.map(({ key }) => key));
});

it("[W93] a bulk cancel reads none of the open jobs that it does not take", async () => {
	const port = new SimulatedPort("acme", noon);
	must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
	for (const [byte, label] of ["gpu", "arm"].entries()) {
		const jobs = Array.from({ length: 50 }, (_, at) => ({ key: `j${at}`, run: "true", labels: [label] }));
		const run = runIdFrom(new Uint8Array(15).fill(byte));
		must(await port.calls.submit({ run, key: null, digest: "", submission: { ...aSubmission, jobs } }));
	}
	const executed = vi.spyOn(port.storage.sql, "exec");
	const call = { state: ["waiting" as const], ref: null, dryRun: true, actor: "ann", reason: null };
	expect(must(await port.calls.cancelMatching({ ...call, label: "none" })).items).toEqual([]);
	expect(executed.mock.calls.filter(([text]) => text.includes("FROM job"))).toEqual([]);
	const { items } = must(await port.calls.cancelMatching({ ...call, label: "arm" }));
	expect(items.map(({ key }) => key)).toEqual(Array.from({ length: 50 }, (_, at) => `j${at}`));
	expect(executed.mock.calls.filter(([text]) => text.includes("FROM job"))).toHaveLength(1);
});
