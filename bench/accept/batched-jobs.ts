// How many jobs one repository accepts when a run carries 100 of them. One connection shows the cost, eight what overlaps.
import type { Bench } from "../bench.ts";
import { jobRequest, need, owner, runRequest, settle } from "../bench.ts";
import { liftLimits } from "../lifted-limits.ts";
import type { Figure } from "../figure.ts";
import { mean, median } from "../percentile.ts";

const jobsInRun = 100;
const jobsPerSecondMin = 10_000;

export async function measureBatchedJobs(bench: Bench): Promise<Figure[]> {
	const one = await measure(bench, 1);
	const eight = await measure(bench, 8);
	const isMet = eight.value >= jobsPerSecondMin;
	return [one, { ...eight, aim: { text: `≥ ${jobsPerSecondMin.toLocaleString("en-GB")}`, isMet } }];
}

async function measure(bench: Bench, connections: number): Promise<Figure> {
	const repo = `batch-${connections}`;
	const pool = `pool-${repo}`;
	await bench.api.createRepository(owner, repo, {});
	await liftLimits(bench.server.ready, { owner, repo });
	const jobs = Array.from({ length: jobsInRun }, (_, at) => jobRequest(`test-${at}`, pool));
	const load = {
		url: bench.server.ready.url,
		connections,
		durationMs: bench.isQuick ? 1_500 : 2_000,
		countMax: 600,
		request: {
			method: "POST",
			path: `/v1/repos/${owner}/${repo}/runs`,
			token: bench.token,
			body: JSON.stringify(runRequest("Test everything", jobs)),
		},
		keyPrefix: null,
		status: 201,
	};
	let runs = need(await bench.load({ ...load, durationMs: 500 })).done;
	const rounds = await bench.floored({ rounds: bench.isQuick ? 1 : 4, connections }, async () => {
		const before = bench.server.usage()?.cpuMs ?? 0;
		const result = need(await bench.load(load));
		runs += result.done;
		await settle(bench.server);
		const serverCpuMs = (bench.server.usage()?.cpuMs ?? 0) - before;
		return { jobsPerSecond: result.perSecond * jobsInRun, cpuMicros: (serverCpuMs / result.done / jobsInRun) * 1_000 };
	});
	const { waiting } = await bench.api.figures(owner, repo);
	if (waiting !== runs * jobsInRun) throw new Error(`${runs * jobsInRun} jobs were accepted and ${waiting} wait`);
	return {
		name: `jobs accepted, 100 a run, ${connections} connection${connections > 1 ? "s" : ""}`,
		value: median(rounds.map(({ value }) => value.jobsPerSecond)),
		unit: "jobs/s",
		ratio: {
			call: median(rounds.map(({ value, call }) => value.jobsPerSecond / call.perSecond)),
			insert: median(rounds.map(({ value, insert }) => value.jobsPerSecond / insert.perSecond)),
		},
		serverCpuMicros: mean(rounds.map(({ value }) => value.cpuMicros)),
		aim: null,
		note: "",
	};
}
