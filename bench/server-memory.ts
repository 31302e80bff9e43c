// What the server's processes hold in memory: after its start, and after 10,000 jobs went all the way through it.
import type { Bench } from "./bench.ts";
import { jobRequest, owner, runRequest, settle } from "./bench.ts";
import type { Child, Usage } from "./child.ts";
import type { Figure } from "./figure.ts";
import { performJobs, registerRunners } from "./fleet/finished-jobs.ts";

const repo = "memory";
const pool = `pool-${repo}`;
const jobsInRun = 100;
const limitMs = 600_000;

export async function measureServerMemory(bench: Bench): Promise<Figure[]> {
	const count = bench.isQuick ? 1_000 : 10_000;
	const { server, api, token } = await bench.startAnother();
	try {
		await settle(server);
		const fresh = server.usage();
		await api.createRepository(owner, repo, {});
		const jobs = Array.from({ length: jobsInRun }, (_, at) => jobRequest(`test-${at}`, pool));
		for (let run = 0; run < count / jobsInRun; run++)
			await api.submit(owner, repo, runRequest("Test everything", jobs));
		const runners = await registerRunners(server.ready, token, pool);
		await performJobs(runners, count, limitMs);
		for (const runner of runners) runner.close();
		const { waiting, running, leased } = await api.figures(owner, repo);
		if (waiting + running + leased > 0) throw new Error(`${waiting + running + leased} jobs are left`);
		await settle(server);
		return [
			...figures("server memory, fresh", fresh),
			...figures(`server memory, after ${count.toLocaleString("en-GB")} jobs`, server.usage()),
		];
	} finally {
		api.close();
		await (server as Child<unknown>).stop();
	}
}

function figures(name: string, usage: Usage | null): Figure[] {
	if (usage === null) return [];
	const parts = Object.entries(usage.rssBytes).map(([program, bytes]) => `${program} ${Math.round(bytes / 1e6)}`);
	return [
		{
			name,
			value: megabytes(usage),
			unit: "MB",
			ratio: null,
			serverCpuMicros: null,
			aim: null,
			note: parts.join(", "),
		},
	];
}

function megabytes({ rssBytes }: Usage): number {
	return Object.values(rssBytes).reduce((sum, bytes) => sum + bytes, 0) / 1e6;
}
