// What a decision about a whole run reads, over the SQLite of Node: on one machine everybody waits for it.
import { expect, it, vi } from "vitest";
import { runIdFrom } from "../../domain/ids.ts";
import { must } from "../../simulation/queue-driver.ts";
import { SimulatedPort } from "../../simulation/simulated-port.ts";
import { noon } from "../../testing/clock.ts";

const jobsCount = 300;

it("[W74] a run's cancel and its retry read few statements, not one for each job, and give the same as ever", async () => {
	const port = new SimulatedPort("acme", noon);
	must(await port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
	const run = runIdFrom(new Uint8Array(15).fill(7));
	const jobs = Array.from({ length: jobsCount }, (_, at) => ({
		key: `j${at}`,
		run: "true",
		...(at % 3 === 2 ? { needs: [`j${at - 1}`] } : {}),
	}));
	const submission = {
		source: null,
		title: null,
		trigger: "api" as const,
		actor: "ann",
		cancelSuperseded: false,
		jobs,
	};
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
